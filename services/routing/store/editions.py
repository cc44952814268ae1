"""Editions read from the database: the newest, and any that a basis names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import msgspec

from services.kernel.database import Db
from services.routing.core.directory import Directory, Unit
from services.routing.core.routes import RouteTable
from services.routing.core.view import Edition
from services.routing.events.directory import UnitPublished

_units = msgspec.json.Decoder(UnitPublished)
_tables = msgspec.json.Decoder(RouteTable)


@dataclass(frozen=True, slots=True)
class _Kept:
    """Something with the number of the edition that brought it."""

    edition: int
    unit: Unit | None = None
    table: RouteTable | None = None


class Shelf:
    """Every edition up to the newest that was read. Grows by `refresh`; built editions are kept."""

    def __init__(self) -> None:
        self.newest = 0
        self._zones: dict[int, str] = {}
        self._kept: list[_Kept] = []
        self._built: dict[int, Edition] = {}

    async def refresh(self, connection: Db, version: int) -> None:
        """Read what has come up to edition `version`; nothing if it is known already."""
        if version <= self.newest:
            return
        span = (self.newest, version)
        editions = await connection.fetch(
            "SELECT version, zone FROM routing.edition WHERE version > $1 AND version <= $2", *span
        )
        units = await connection.fetch(
            "SELECT edition, doc FROM routing.unit_version WHERE edition > $1 AND edition <= $2", *span
        )
        tables = await connection.fetch(
            "SELECT edition, doc FROM routing.route_table WHERE edition > $1 AND edition <= $2", *span
        )
        if self.newest != span[0]:  # somebody else of this process was faster
            await self.refresh(connection, version)
            return
        self._zones.update({row["version"]: row["zone"] for row in editions})
        self._kept += [_Kept(row["edition"], unit=_units.decode(row["doc"])) for row in units]
        self._kept += [_Kept(row["edition"], table=_tables.decode(row["doc"])) for row in tables]
        self.newest = version

    def edition(self, version: int) -> Edition:
        """See `Editions`."""
        if (built := self._built.get(version)) is not None:
            return built
        if version not in self._zones:
            raise LookupError(f"There is no edition {version} of the directory; the newest is {self.newest}.")
        kept = [one for one in self._kept if one.edition <= version]
        made = Edition(
            version,
            Directory((one.unit for one in kept if one.unit is not None), ZoneInfo(self._zones[version])),
            tuple(one.table for one in kept if one.table is not None),
        )
        self._built[version] = made
        return made

    def units(self) -> Sequence[Unit]:
        """Every version of every unit, in no order."""
        return [one.unit for one in self._kept if one.unit is not None]


async def newest(connection: Db) -> int:
    """Number of the newest edition; 0: no directory was imported yet."""
    found = await connection.fetchval("SELECT max(version) FROM routing.edition")
    return int(found or 0)
