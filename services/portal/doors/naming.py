"""Reads the names behind codes: places and kinds from files at the start, units and staff again and again."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from services.host.tokens import Identity
from services.kernel.clock import Clock
from services.portal.core.catalogue import Catalogue, Kind, Place
from services.portal.core.outline import Ring
from services.portal.doors.api import Routing, ServiceError, Unreachable
from services.portal.store.port import Accounts

PORTAL = Identity(staff="portal", unit="portal", post="service", role="service")
"""As whom the portal asks for what every page shows: names and alarms."""
FRESH = timedelta(seconds=30)


def read_catalogue(data: Path, area: str) -> Catalogue:
    """Kinds, and the streets and communities in force, with their label points.

    Raises:
        OSError, KeyError, ValueError: a file is not there or not of its shape.
    """
    return Catalogue(kinds=_kinds(data / "kinds.csv"), places=_places(data / area))


def _kinds(path: Path) -> Mapping[str, Kind]:
    return {
        row["code"]: Kind(row["code"], row["family"], row["class_zh"], row["name_zh"], row["name_en"])
        for row in _rows(path)
    }


def _places(folder: Path) -> Mapping[str, Place]:
    points = {row["unit"]: row for row in _rows(folder / "places.csv")}
    places = {}
    for row in _rows(folder / "units.csv"):
        if row["valid_to"] or row["kind"] not in ("street", "community"):
            continue
        point = points.get(row["unit"])
        places[row["unit"]] = Place(
            code=row["unit"],
            name=row["name"],
            name_en=row["name_en"],
            kind=row["kind"],
            street=row["parent"] if row["kind"] == "community" else row["unit"],
            lon=float(point["lon"]) if point else None,
            lat=float(point["lat"]) if point else None,
            rough=bool(point and point["quality"] == "rough"),
        )
    return places


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_outline(path: Path) -> Ring:
    """The outline in force: of the features the one without an end. Degrees, WGS 84."""
    features = json.loads(path.read_text(encoding="utf-8"))["features"]
    current = [one for one in features if one["properties"].get("valid_to") is None]
    ring = current[0]["geometry"]["coordinates"][0]
    return [(float(lon), float(lat)) for lon, lat in ring]


class Names:
    """The catalogue with what changes while the portal runs; what can't be read anew stays as it was."""

    def __init__(self, fixed: Catalogue, routing: Routing, accounts: Accounts, clock: Clock) -> None:
        self._now = fixed
        self._routing, self._accounts, self._clock = routing, accounts, clock
        self._read_at: datetime | None = None

    async def current(self) -> Catalogue:
        now = self._clock.now()
        if self._read_at is None or now - self._read_at > FRESH:
            self._read_at = now
            try:
                units = (await self._routing.units(PORTAL)).units
            except (ServiceError, Unreachable):
                units = ()
            self._now = self._now.learned(units, await self._accounts.names())
        return self._now
