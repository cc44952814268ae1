"""Failures that a person can do something about."""


class DeployError(Exception):
    """What went wrong and what to do, in a sentence; commands print it without a traceback and exit with 1."""
