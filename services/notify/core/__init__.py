"""notify's rules: whom to call, and what the answer of a channel makes true. Pure."""
