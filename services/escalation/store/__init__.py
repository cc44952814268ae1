"""The only SQL of escalation."""
