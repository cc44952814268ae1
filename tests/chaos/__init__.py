"""Chaos: every process killed, frozen and restarted under load, and a ledger that looks for what was lost.

`python -m tests.chaos`, `python -m tests.chaos --plant all`, `python -m tests.chaos.false_whistles`.
Only `test_*.py` here are tests that pytest runs by itself.
"""
