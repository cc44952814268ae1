"""Polling with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable


def until_within(seconds: float, condition: Callable[[], bool]) -> None:
    """Wait until it holds; a test fails that waits longer."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
