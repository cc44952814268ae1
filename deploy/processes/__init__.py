"""Starting, watching and stopping processes, and telling our own from those of others."""
