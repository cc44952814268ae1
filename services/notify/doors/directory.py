"""Follows topic `directory` without a group, from its beginning: the copy that calls are chosen from."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from services.host.following import follow_topic
from services.kernel.broker import KafkaLogin
from services.kernel.envelope import decode
from services.kernel.store import Unavailable
from services.kernel.telemetry import Logger
from services.notify.core.roster import DAY_MIN, Directory
from services.notify.events.deliveries import RosterPost, RosterShift, RosterUnit
from services.notify.store.units import Units
from services.routing import events as routing
from services.routing.events.directory import Post, UnitPublished

TOPIC = routing.DIRECTORY_TOPIC


@dataclass(frozen=True, slots=True)
class Names:
    """What messages call units and places; Chinese and English."""

    units: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    places: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def unit(self, unit: str) -> tuple[str, str]:
        """A unit's names, or its id where the directory does not know it."""
        return self.units.get(unit, (unit, unit))

    def place(self, code: str) -> tuple[str, str] | None:
        """The names of a community or street by its code."""
        return self.places.get(code)


class DirectoryFollower:
    """Keeps the newest record of each unit: in memory for decisions, in notify's table for looking.

    A record that can't be read is logged and leaves the unit as it stood: one bad roster must not stop all calls.
    """

    def __init__(self, login: KafkaLogin, client_id: str, units: Units, log: Logger) -> None:
        self._login, self._client_id, self._units, self._log = login, client_id, units, log
        self._published: dict[str, UnitPublished] = {}
        self._roster: dict[str, RosterUnit] = {}
        self._caught_up = asyncio.Event()
        self.directory = Directory()
        self.names = Names()

    async def wait_until_ready(self) -> None:
        """Until the topic was read to the end that it had, and names at least one unit."""
        await self._caught_up.wait()

    async def missing(self) -> str | None:
        """A check of readiness: what is missing, or None."""
        return None if self._caught_up.is_set() else "the directory has not been read to its end, or names no unit"

    async def run(self) -> None:
        """Follow until cancelled."""
        await follow_topic(self._login, self._client_id, TOPIC, self._hear, self._log, (Unavailable,))

    async def _hear(self, values: list[bytes | None], at_end: bool) -> None:
        await self._take(values)
        if at_end and self._published:
            self._caught_up.set()

    async def _take(self, values: list[bytes | None]) -> None:
        fresh = [unit for value in values if (unit := self._read(value)) is not None]
        if not fresh:
            return
        for unit in fresh:
            known = self._published.get(unit.unit)
            if known is None or known.version <= unit.version:
                self._published[unit.unit] = unit
                self._roster[unit.unit] = roster_unit(unit)
        self.directory = Directory(dict(self._roster))
        self.names = names_of(self._published)
        newest = {unit.unit: self._published[unit.unit] for unit in fresh}
        await self._units.keep([(u.unit, u.version, msgspec.json.encode(u)) for u in newest.values()])

    def _read(self, value: bytes | None) -> UnitPublished | None:
        if value is None:  # a tombstone: units end by their validity, never by being forgotten
            return None
        try:
            event = routing.DIRECTORY.read(decode(value)).event
            if isinstance(event, UnitPublished):
                roster_unit(event)
                return event
        except (msgspec.DecodeError, ValueError) as error:
            self._log.error("a unit of the directory can't be read", reason=type(error).__name__)
        return None


def roster_unit(unit: UnitPublished) -> RosterUnit:
    """What the choice of people needs of a unit.

    Raises: ValueError, a shift's time is not `HH:MM`.
    """
    return RosterUnit(
        unit=unit.unit, version=unit.version, parent=unit.parent, posts=tuple(_post(post) for post in unit.posts)
    )


def _post(post: Post) -> RosterPost:
    shifts = tuple(
        RosterShift(staff=s.staff, weekdays=s.weekdays, start_min=minutes(s.start), end_min=minutes(s.end))
        for s in post.shifts
    )
    return RosterPost(post=post.post, staff=post.staff, shifts=shifts)


def minutes(clock: str) -> int:
    """Minutes of the day for `HH:MM`, `24:00` included.

    Raises: ValueError, it is not a time of day.
    """
    hour, separator, minute = clock.partition(":")
    total = int(hour) * 60 + int(minute)
    if not separator or not 0 <= int(minute) < 60 or not 0 <= total <= DAY_MIN:
        raise ValueError("not a time of day")
    return total


def names_of(units: Mapping[str, UnitPublished]) -> Names:
    """Names of units by id, and of places by code: the community or street itself, else the unit that serves it."""
    places: dict[str, tuple[str, str]] = {}
    for unit in sorted(units.values(), key=lambda u: (u.kind in ("community", "street", "district"), u.unit == u.code)):
        if unit.code is not None and unit.level in ("community", "street"):
            places[unit.code] = (unit.name, unit.name_en)
    places |= {u.unit: (u.name, u.name_en) for u in units.values() if u.kind in ("community", "street", "district")}
    return Names({u.unit: (u.name, u.name_en) for u in units.values()}, places)
