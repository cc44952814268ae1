"""notify's edges: topics in, messages out, HTTP."""
