"""When a period ends: elapsed time, or working days and hours of a calendar. Pure.

Working days end as the Civil Code (民法典 201, 203) has it: the day on which the period begins is not counted, and
the last day ends when business does. Seconds to days are elapsed time from the start.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Literal, get_args

import msgspec

Unit = Literal["seconds", "minutes", "hours", "days", "working_hours", "working_days"]
UNITS: tuple[Unit, ...] = get_args(Unit)
_ELAPSED = {"seconds": 1, "minutes": 60, "hours": 3_600, "days": 86_400}
_FAR = 3_660  # days: no calendar is without a working day for ten years


class Within(msgspec.Struct, frozen=True):
    """How long something may take: `30 minutes`, `2 working_days`."""

    amount: int
    unit: Unit

    def __str__(self) -> str:
        return f"{self.amount} {self.unit}"

    @staticmethod
    @lru_cache(maxsize=1_024)
    def parse(text: str) -> Within:
        """Read what `str` writes.

        Raises: ValueError, if it is not that.
        """
        amount, _, unit = text.partition(" ")
        if unit not in UNITS:
            raise ValueError(f"{unit!r} is not a unit of time; one of {', '.join(UNITS)} is")
        return Within(int(amount), unit)


@dataclass(frozen=True, slots=True)
class Span:
    """Business hours between two local times, in minutes since midnight."""

    start_min: int
    end_min: int


@dataclass(frozen=True)
class Calendar:
    """One version of a calendar.

    zone: local time. weekend: ISO weekdays that are free. holidays: free although weekdays. workdays: worked although
    weekend days (调休). hours: in order, at least one. until: the last day whose holidays are known; after it only
    `weekend` holds. None: not said.
    """

    name: str
    version: int
    zone: tzinfo
    weekend: frozenset[int]
    hours: tuple[Span, ...]
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()
    until: date | None = None

    def works(self, day: date) -> bool:
        """It is a working day."""
        if day in self.workdays:
            return True
        return day not in self.holidays and day.isoweekday() not in self.weekend

    def due(self, start: datetime, within: Within) -> datetime:
        """When a period that begins at `start` ends. Both are points in time with a zone; the result is UTC."""
        if (seconds := _ELAPSED.get(within.unit)) is not None:
            return start + timedelta(seconds=within.amount * seconds)
        if within.unit == "working_days":
            return self._days_on(start, within.amount)
        return self._hours_on(start, within.amount * 60)

    def _days_on(self, start: datetime, days: int) -> datetime:
        day = start.astimezone(self.zone).date()
        for _ in range(_FAR):
            if days == 0:
                return self._at(day, self.hours[-1].end_min)
            day += timedelta(days=1)
            days -= self.works(day)
        raise ValueError(f"calendar {self.name} has too few working days after {start.date()}")

    def _hours_on(self, start: datetime, minutes: int) -> datetime:
        local = start.astimezone(self.zone)
        day, left = local.date(), timedelta(minutes=minutes)
        for _ in range(_FAR):
            for span in self.hours if self.works(day) else ():
                begin = max(self._at(day, span.start_min), start)
                open_for = self._at(day, span.end_min) - begin
                if left <= open_for:
                    return (begin + left).astimezone(UTC)
                left -= max(open_for, timedelta(0))
            day += timedelta(days=1)
        raise ValueError(f"calendar {self.name} has too few working hours after {start.date()}")

    def _at(self, day: date, minute: int) -> datetime:
        midnight = datetime(day.year, day.month, day.day, tzinfo=self.zone)
        return (midnight + timedelta(minutes=minute)).astimezone(UTC)
