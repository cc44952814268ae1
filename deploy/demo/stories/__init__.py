"""The stories that are played, each in a module of its own."""
