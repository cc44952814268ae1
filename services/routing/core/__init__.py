"""Routing's rules: pure, without clock, database or topic."""
