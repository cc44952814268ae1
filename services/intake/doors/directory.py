"""Follows the topic `directory` into memory, and keeps a copy so that intake starts without routing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import asyncpg
import msgspec

from services.host.following import follow_topic
from services.intake.core.places import Directory, Outline, Unit
from services.intake.store import directory as copies
from services.kernel.broker import KafkaLogin
from services.kernel.database import FAULTS
from services.kernel.envelope import decode
from services.kernel.telemetry import Logger
from services.routing.events import DIRECTORY, DIRECTORY_TOPIC
from services.routing.events.directory import UnitPublished


class DirectoryDoor:
    """The newest directory.

    Args:
        login, name: to the broker. pool: for the copy. outline: the district's border, where there is one.
        log: telemetry.
    """

    def __init__(self, login: KafkaLogin, name: str, pool: asyncpg.Pool, outline: Outline | None, log: Logger) -> None:
        self._login, self._name, self._pool, self._outline, self._log = login, name, pool, outline, log
        self._units: dict[str, UnitPublished] = {}
        self._directory = Directory((), outline)
        self._caught_up = False

    def now(self) -> Directory:
        """The directory as it stands."""
        return self._directory

    async def missing(self) -> str | None:
        """What is not ready: a directory without units resolves no place."""
        if self._units or self._caught_up:
            return None
        return "directory: not read to its end, and there is no copy of it"

    async def load_copy(self) -> None:
        """Begin with the copy."""
        self._take(await copies.load(self._pool))

    async def run(self) -> None:
        """Follow the topic until cancelled."""
        faults = (asyncpg.PostgresError, *FAULTS)
        await follow_topic(self._login, f"{self._name}-directory", DIRECTORY_TOPIC, self._keep, self._log, faults)

    async def _keep(self, bodies: list[bytes | None], at_end: bool) -> None:
        taken = self._take(body for body in bodies if body is not None)
        await copies.keep(self._pool, taken)
        self._caught_up = self._caught_up or at_end

    def _take(self, bodies: Iterable[bytes]) -> list[tuple[str, int, bytes]]:
        taken = []
        for body in bodies:
            try:
                event = DIRECTORY.read(decode(body)).event
            except msgspec.DecodeError:  # the directory is read as a whole: one unit less, and said so
                self._log.exception("a record of the directory can't be read")
                continue
            if not isinstance(event, UnitPublished):
                continue
            known = self._units.get(event.unit)
            if known is None or known.version < event.version:
                self._units[event.unit] = event
                taken.append((event.unit, event.version, body))
        if taken:
            self._directory = Directory(map(_unit, self._units.values()), self._outline)
        return taken


def _unit(event: UnitPublished) -> Unit:
    return Unit(
        unit=event.unit, name=event.name, kind=event.kind, level=event.level, parent=event.parent, code=event.code,
        street=event.street, valid_from=event.valid_from, valid_to=event.valid_to, lon=event.lon, lat=event.lat,
        has_seat=any(post.post == "duty_seat" and post.staff for post in event.posts),
    )  # fmt: skip


class _Geometry(msgspec.Struct):
    type: str
    coordinates: list[list[tuple[float, float]]]


class _Properties(msgspec.Struct):
    valid_to: str | None = None


class _Feature(msgspec.Struct):
    geometry: _Geometry
    properties: _Properties


class _Collection(msgspec.Struct):
    features: list[_Feature]


def read_outline(path: Path | None) -> Outline | None:
    """The district's border in force, from GeoJSON (RFC 7946); None without a file.

    Raises:
        SystemExit: the file can't be read; the sentence says which.
    """
    if path is None:
        return None
    try:
        features = msgspec.json.decode(path.read_bytes(), type=_Collection).features
    except (OSError, msgspec.DecodeError) as error:
        raise SystemExit(f"The outline of the district, {path}, can't be read: {error}") from error
    current = [one for one in features if one.properties.valid_to is None and one.geometry.type == "Polygon"]
    if not current:
        raise SystemExit(f"The outline of the district, {path}, has no polygon in force (valid_to null).")
    return Outline(current[0].geometry.coordinates[0])
