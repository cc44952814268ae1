"""Ways to reach a person. Each takes a message and says what came of it; it never retries by itself."""
