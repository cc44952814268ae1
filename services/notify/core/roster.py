"""Who is on duty (值班) in a unit at a moment, by the directory as one decision sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cached_property

from services.notify.events.deliveries import RosterPost, RosterShift, RosterUnit

LOCAL = timezone(timedelta(hours=8), "Asia/Shanghai")
"""Rosters are in local time. China has had one zone without summer time since 1992, so no zone table is read."""

HEAD = "head"
ON_DUTY = "on_duty"
DUTY_SEAT = "duty_seat"
DAY_MIN = 1440


@dataclass(frozen=True)
class Directory:
    """The units as they stand while one decision is made."""

    units: Mapping[str, RosterUnit] = field(default_factory=dict)

    @cached_property
    def root(self) -> str | None:
        """The highest unit with a duty seat: the district's centre. Of several, the one with the lowest id."""
        seats = (unit.unit for unit in self.units.values() if post_of(unit, DUTY_SEAT) is not None)
        return min((seat for seat in seats if not any(self._has_seat(u) for u in self._above(seat))), default=None)

    def seat_above(self, unit: str) -> str | None:
        """The nearest unit above that has a duty seat. For a unit that the directory does not know the district's,
        so that somebody hears of it."""
        if unit not in self.units:
            return self.root
        return next((above for above in self._above(unit) if self._has_seat(above)), None)

    def _has_seat(self, unit: str) -> bool:
        return post_of(self.units.get(unit), DUTY_SEAT) is not None

    def _above(self, unit: str) -> Iterator[str]:
        """The parents of a unit, nearest first; a ring of parents ends where it began."""
        passed = {unit}
        while (known := self.units.get(unit)) is not None and known.parent is not None and known.parent not in passed:
            unit = known.parent
            passed.add(unit)
            yield unit


def directory_of(units: Iterable[RosterUnit]) -> Directory:
    """A directory of these units; of one unit given twice, the highest version counts."""
    best: dict[str, RosterUnit] = {}
    for unit in units:
        if unit.unit not in best or best[unit.unit].version < unit.version:
            best[unit.unit] = unit
    return Directory(best)


def post_of(unit: RosterUnit | None, name: str) -> RosterPost | None:
    """The post of this name, or None where the unit has none."""
    if unit is None:
        return None
    return next((post for post in unit.posts if post.post == name), None)


def holders(unit: RosterUnit | None, name: str) -> tuple[str, ...]:
    """Who holds the post, on duty or not."""
    post = post_of(unit, name)
    return post.staff if post is not None else ()


def answering(unit: RosterUnit | None, name: str, at: datetime) -> tuple[str, ...]:
    """Who answers for a post at `at`: who of it is on duty; where it has no shifts (a head), all who hold it."""
    post = post_of(unit, name)
    return on_duty(unit, name, at) if post is not None and post.shifts else holders(unit, name)


def on_duty(unit: RosterUnit | None, name: str, at: datetime) -> tuple[str, ...]:
    """Who of the post is on duty at `at`, in the roster's order; each once."""
    post = post_of(unit, name)
    if post is None:
        return ()
    local = at.astimezone(LOCAL)
    return tuple(dict.fromkeys(shift.staff for shift in post.shifts if _covers(shift, local)))


def _covers(shift: RosterShift, local: datetime) -> bool:
    """A shift begins on its weekdays; from its first minute to before its last. One past midnight ends the next day."""
    minute, weekday = local.hour * 60 + local.minute, local.isoweekday()
    if shift.start_min < shift.end_min:
        return weekday in shift.weekdays and shift.start_min <= minute < shift.end_min
    yesterday = (weekday - 2) % 7 + 1
    begun_today = weekday in shift.weekdays and minute >= shift.start_min
    return begun_today or (yesterday in shift.weekdays and minute < shift.end_min)
