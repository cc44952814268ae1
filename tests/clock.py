from __future__ import annotations

from datetime import datetime


class ManualClock:
    """A clock that stands until it is set: tests and simulation."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at
