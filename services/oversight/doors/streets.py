"""Follows topic `directory` for the names and label points of streets, without a group, from its beginning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import msgspec

from services.host.following import follow_topic
from services.kernel.broker import KafkaLogin
from services.kernel.envelope import decode
from services.kernel.telemetry import Logger
from services.routing import events as routing
from services.routing.events.directory import UnitPublished


@dataclass(frozen=True, slots=True)
class Named:
    """A street. lon, lat: WGS 84 degrees of its label point, where one is known."""

    street: str
    name: str
    name_en: str
    lon: float | None
    lat: float | None
    valid_from: date
    valid_to: date | None

    def stands(self, day: date) -> bool:
        """Whether it is a street on that day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


class Streets:
    """The streets as the directory has them now, by code."""

    def __init__(self, login: KafkaLogin, client_id: str, log: Logger) -> None:
        self._login, self._client_id, self._log = login, client_id, log
        self._versions: dict[str, int] = {}
        self.by_code: dict[str, Named] = {}

    async def run(self) -> None:
        """Follow until cancelled."""
        await follow_topic(self._login, self._client_id, routing.DIRECTORY_TOPIC, self._hear, self._log)

    async def _hear(self, values: list[bytes | None], at_end: bool) -> None:
        self.take(values)

    def take(self, values: Iterable[bytes | None]) -> None:
        """Keep the newest version of each street. One that can't be read is logged and stays as it stood."""
        for value in values:
            if value is None:  # a tombstone: units end by their validity
                continue
            try:
                unit = routing.DIRECTORY.read(decode(value)).event
            except msgspec.DecodeError as error:
                self._log.error("a unit of the directory can't be read", reason=type(error).__name__)
                continue
            if isinstance(unit, UnitPublished) and unit.kind == "street":
                self._keep(unit)

    def _keep(self, unit: UnitPublished) -> None:
        if self._versions.get(unit.unit, 0) > unit.version:
            return
        self._versions[unit.unit] = unit.version
        code = unit.street or unit.code or unit.unit
        self.by_code[code] = Named(code, unit.name, unit.name_en, unit.lon, unit.lat, unit.valid_from, unit.valid_to)
