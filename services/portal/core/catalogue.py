"""Names behind codes: kinds, places, units, people. What has no name is shown by its code, never left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from services.portal.core.model import Unit
from services.portal.core.words import short


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of dispute or incident (类别)."""

    code: str
    family: str
    class_zh: str
    name_zh: str
    name_en: str


@dataclass(frozen=True, slots=True)
class Place:
    """A street or community; `street` is the code of the street that it belongs to. lon, lat: WGS 84 degrees."""

    code: str
    name: str
    name_en: str
    kind: str
    street: str | None = None
    lon: float | None = None
    lat: float | None = None
    rough: bool = False


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All names that pages need, at one moment."""

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    staff: Mapping[str, str] = field(default_factory=dict)

    def kind(self, code: str) -> str:
        known = self.kinds.get(code)
        return known.name_zh if known else code

    def kind_en(self, code: str) -> str:
        known = self.kinds.get(code)
        return known.name_en if known else ""

    def unit(self, code: str | None) -> str:
        if code is None:
            return "还没派"
        known = self.units.get(code)
        if known and known.name:
            return short(known.name)
        return self.places[code].name if code in self.places else code

    def person(self, staff: str | None) -> str:
        if staff is None:
            return ""
        return self.staff.get(staff, staff)

    def who(self, staff: str) -> str:
        """Whoever did something: a person by name, a service or outside system as 系统."""
        if staff in self.staff:
            return self.staff[staff]
        return WHO.get(staff, staff)

    def street(self, code: str | None) -> str:
        """西于庄: a street without the word 街道."""
        if code is None:
            return "街道不明"
        known = self.places.get(code)
        return known.name.removesuffix("办事处").removesuffix("街道") if known else code

    def where(self, street: str | None, community: str) -> str:
        """西于庄街道 示例里社区; says so where one of them is not known."""
        names = []
        if street is not None:
            names.append(self.places[street].name if street in self.places else street)
        if community in self.places:
            names.append(self.places[community].name)
        elif community != "unknown":
            names.append(community)
        return " ".join(names) or "位置没对上社区"

    @property
    def streets(self) -> tuple[Place, ...]:
        return tuple(place for place in self.places.values() if place.kind == "street")

    @property
    def communities(self) -> tuple[Place, ...]:
        return tuple(place for place in self.places.values() if place.kind == "community")

    def learned(self, units: tuple[Unit, ...], staff: Mapping[str, str]) -> Catalogue:
        """This catalogue with a newer directory and newer names of staff."""
        return replace(self, units={unit.unit: unit for unit in units} or self.units, staff=staff)


WHO = {"timer": "系统", "system": "系统", "": "系统"}
