"""Time comes in from outside. Cores never ask for it; edges ask one of these."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, UTC."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)
