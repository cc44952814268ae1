"""Escalation's rules: pure functions over one case; no clock, no database, no topic."""
