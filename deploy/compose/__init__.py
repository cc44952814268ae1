"""What only the stack of containers needs: drawing its secrets and the first set-up."""
