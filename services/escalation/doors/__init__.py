"""Where escalation meets the world: topics, HTTP, policy files."""
