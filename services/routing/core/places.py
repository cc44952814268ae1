"""Where a case is, as far as the directory knows: codes of old editions lead to their successors, or a level up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from services.routing.core.directory import COMMUNITY, DISTRICT, STREET, Directory, Unit

_COMMUNITIES: Final = ("community", "quasi_community")


@dataclass(frozen=True, slots=True)
class Place:
    """Codes in force on the day; None where not known. ended: a code that has ended without a known successor."""

    community: str | None
    street: str | None
    district: str | None
    ended: str | None = None

    def code(self, level: str) -> str | None:
        """The code at a level."""
        return {COMMUNITY: self.community, STREET: self.street, DISTRICT: self.district}.get(level)

    @property
    def finest(self) -> str:
        """The code that a decision can rest on, for its basis."""
        return self.community or self.street or self.ended or "unknown"


def locate(directory: Directory, community: str | None, street: str | None, day: date) -> Place:
    """What the registered codes mean on this day.

    An ended community goes to its successor; where none is known, to its street, as a case whose community is
    unknown does. An ended street goes to its successor; where none is known, or it lies in another district, the
    place is not known.
    """
    district = directory.district(day)
    ended = None
    if community is not None:
        unit = directory.unit(community, day) or directory.successor(community, day)
        if unit is not None and unit.kind in _COMMUNITIES:
            above = _street(directory, unit.parent, day)
            return Place(unit.unit, above.unit if above is not None else None, district)
        old = directory.newest(community)
        street = street or (old.parent if old is not None else None)
        ended = community if old is not None else None
    if street is not None:
        heir = _street(directory, street, day)
        if heir is not None:
            return Place(None, heir.unit, district, ended)
        ended = street if directory.newest(street) is not None else ended
    return Place(None, None, district, ended)


def _street(directory: Directory, code: str | None, day: date) -> Unit | None:
    """The street in force for a code, old or new."""
    if code is None:
        return None
    unit = directory.unit(code, day) or directory.successor(code, day)
    return unit if unit is not None and unit.kind == STREET else None
