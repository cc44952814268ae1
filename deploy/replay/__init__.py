"""Rebuild and verify a running service from its topics and its archive."""
