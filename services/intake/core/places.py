"""From an address, a code or a point to a community of the directory.

The public data have label points of streets and of few communities, no borders: so a point gives the nearest street
centre, marked approximate, and the community stays unknown. Outside the district's outline no street is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

UNKNOWN = "unknown"
GRID_DEGREES = 0.0005  # about 50 m: so exact may a place of an incident stand on a topic (decision 7)
KM_PER_DEGREE = 111.2
FARTHEST_KM = 4.0  # no street centre of the district is farther from its own edge; our choice, used without an outline
ROOT = "district"


class AmbiguousError(ValueError):
    """An address names places of several streets."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of the directory, as far as intake needs it. lon, lat: WGS 84 degrees of its label point."""

    unit: str
    name: str
    kind: str
    level: str
    parent: str | None
    code: str | None
    street: str | None
    valid_from: date
    valid_to: date | None
    lon: float | None
    lat: float | None
    has_seat: bool

    def stands(self, on: date) -> bool:
        """Does it exist on that day?"""
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)


@dataclass(frozen=True, slots=True)
class Place:
    """What was told of the place."""

    community: str | None = None
    lon: float | None = None
    lat: float | None = None
    address: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What it means. Codes as in the directory; `approximate`: by the nearest centre, or by a name in an address."""

    community: str = UNKNOWN
    street: str | None = None
    approximate: bool = False


class Outline:
    """The district's border: one closed ring of (lon, lat)."""

    def __init__(self, ring: Sequence[tuple[float, float]]) -> None:
        self._ring = tuple(ring)

    def holds(self, lon: float, lat: float) -> bool:
        """Is the point inside? (ray casting: an odd number of crossings to the east)"""
        inside = False
        for (x1, y1), (x2, y2) in zip(self._ring, self._ring[1:] + self._ring[:1], strict=True):
            if (y1 > lat) != (y2 > lat) and lon < x1 + (lat - y1) / (y2 - y1) * (x2 - x1):
                inside = not inside
        return inside


class Directory:
    """The units as they stand now, and what intake asks of them."""

    def __init__(self, units: Iterable[Unit] = (), outline: Outline | None = None) -> None:
        self.units = {unit.unit: unit for unit in units}
        self._outline = outline
        self._by_code = {unit.code or unit.unit: unit for unit in self.units.values() if unit.kind in _PLACES}

    def resolve(self, place: Place, on: date) -> Found:
        """Where a place is: by community code, else by point, else by names in the address.

        Raises:
            KeyError: the community code is not one of the directory, or has ended.
        """
        if place.community is not None and place.community != UNKNOWN:
            return self._by_community(place.community, on)
        named = self._by_address(place.address, on) if place.address else None
        if named is not None and named.community != UNKNOWN:
            return named
        if place.lon is not None and place.lat is not None:
            return self._by_point(place.lon, place.lat, on)
        return named or Found()

    def _by_community(self, code: str, on: date) -> Found:
        unit = self._by_code.get(code)
        if unit is None or not unit.stands(on):
            raise KeyError(code)
        if unit.kind == "street":
            return Found(UNKNOWN, code)
        return Found(code, unit.street or unit.parent)

    def _by_point(self, lon: float, lat: float, on: date) -> Found:
        if self._outline is not None and not self._outline.holds(lon, lat):
            return Found()
        near = [
            (distance_km(lon, lat, unit.lon, unit.lat), unit.code or unit.unit)
            for unit in self._by_code.values()
            if unit.kind == "street" and unit.stands(on) and unit.lon is not None and unit.lat is not None
        ]
        if not near or (nearest := min(near))[0] > FARTHEST_KM:
            return Found()
        return Found(UNKNOWN, nearest[1], approximate=True)

    def _by_address(self, address: str, on: date) -> Found | None:
        """The longest name of a community, else of a street, that stands in the text; nothing if several would do."""
        text = "".join(address.split())
        for kinds in (_COMMUNITIES, ("street",)):
            named = [
                (len(name), unit)
                for unit in self._by_code.values()
                if unit.kind in kinds and unit.stands(on) and (name := short_name(unit.name)) and name in text
            ]
            longest = max((length for length, _ in named), default=0)
            best = [unit for length, unit in named if length == longest]
            if len(best) == 1:
                found = self._by_community(best[0].code or best[0].unit, on)
                return Found(found.community, found.street, approximate=True)
        return None

    def seat_of(self, unit: str | None) -> str:
        """The unit whose duty seat answers for this one: it, its nearest parent with a seat, or the district's.

        Returns: a unit id; `""` while the directory is empty.
        """
        seen: set[str] = set()
        while unit is not None and unit in self.units and unit not in seen:
            seen.add(unit)
            if self.units[unit].has_seat:
                return unit
            unit = self.units[unit].parent
        top = [u.unit for u in self.units.values() if u.has_seat and u.level == ROOT]
        return min(top, default="")

    def has(self, unit: str, on: date) -> bool:
        """Is there such a unit on that day?"""
        found = self.units.get(unit)
        return found is not None and found.stands(on)

    def street_of(self, unit: str) -> str | None:
        """The street that a unit serves, if one."""
        found = self.units.get(unit)
        return found.street if found is not None else None

    def name_of(self, unit: str) -> str:
        """Its name, or its id where the directory does not have it."""
        found = self.units.get(unit)
        return found.name if found is not None else unit

    def series_of(self, street: str | None) -> str:
        """In whose name case numbers are given: the street's, or the district's where the street is not known."""
        unit = self._by_code.get(street) if street is not None else None
        unit = unit or next((u for u in self._by_code.values() if u.kind == ROOT), None)
        return short_name(unit.name) if unit is not None else "区"


_COMMUNITIES = ("community", "quasi_community")
_PLACES = (*_COMMUNITIES, "street", ROOT)
_SUFFIXES = ("社区居委会", "社区居民委员会", "街道办事处", "社区", "街道", "区")


def short_name(name: str) -> str:
    """A name without what kind of unit it is: 西于庄街道 → 西于庄."""
    for suffix in _SUFFIXES:
        if name.endswith(suffix) and len(name) > len(suffix) + 1:
            return name.removesuffix(suffix)
    return name


def distance_km(lon: float, lat: float, lon2: float, lat2: float) -> float:
    """Distance on a plane that touches the district: exact to metres over a few kilometres."""
    east = (lon2 - lon) * KM_PER_DEGREE * math.cos(math.radians(lat))
    return math.hypot(east, (lat2 - lat) * KM_PER_DEGREE)


def rounded(degrees: float) -> float:
    """A coordinate as it may stand on a topic: to about 50 m."""
    return round(round(degrees / GRID_DEGREES) * GRID_DEGREES, 4)
