"""What must hold of a directory and its routes before they are taken: each fault in a sentence that says where."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from services.routing.core.directory import DISTRICT, LEVELS, Directory, Unit
from services.routing.core.routes import RouteTable

_STAFF: Final = re.compile(r"u-[0-9]{4,}")
_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def unit_faults(unit: Unit) -> list[str]:
    """What is wrong with one unit by itself."""
    faults = [] if unit.level in LEVELS else [f"level {unit.level!r} is none of {', '.join(LEVELS)}"]
    if not unit.unit or not unit.name:
        faults.append("a unit needs an id and a name")
    if unit.valid_to is not None and unit.valid_to <= unit.valid_from:
        faults.append(f"it ends on {unit.valid_to}, which is not after {unit.valid_from}")
    if (unit.lon is None) != (unit.lat is None):
        faults.append("lon and lat come together")
    for post in unit.posts:
        faults += [
            f"post {post.post}: shift of {s.staff}, who does not hold it"
            for s in post.shifts
            if s.staff not in post.staff
        ]
        for shift in post.shifts:
            if not set(shift.weekdays) <= set(range(1, 8)) or not shift.weekdays:
                faults.append(f"post {post.post}: weekdays are 1 (Monday) to 7")
            if not _CLOCK.fullmatch(shift.start) or not _CLOCK.fullmatch(shift.end) or shift.start == shift.end:
                faults.append(f"post {post.post}: a shift runs from HH:MM to another HH:MM")
    faults += [f"mediator {m.staff}: cap must be 1 or more" for m in unit.mediators if m.cap < 1]
    people = [*(staff for post in unit.posts for staff in post.staff), *(m.staff for m in unit.mediators)]
    return faults + [f"{staff!r} is no staff id (u-0001 …)" for staff in people if not _STAFF.fullmatch(staff)]


def directory_faults(directory: Directory, units: Iterable[Unit], day: date) -> list[str]:
    """What is wrong between units: parents that are not there, circles, codes of no place, no duty seat.

    Args:
        units: those to look at; the directory knows them all.
    """
    faults = []
    for unit in units:
        faults += [f"{unit.unit}: {fault}" for fault in unit_faults(unit)]
        if unit.parent is not None and directory.newest(unit.parent) is None:
            faults.append(f"{unit.unit}: its parent {unit.parent} is not in the directory")
        if unit.code is not None and directory.newest(unit.code) is None:
            faults.append(f"{unit.unit}: the place {unit.code} that it serves is not in the directory")
        if any(above.parent == unit.unit for above in directory.ancestors(unit.unit, day)):
            faults.append(f"{unit.unit}: it stands above itself")
    district = directory.district(day)
    if district is None:
        faults.append("there is no unit of kind district in force")
    elif directory.seat(None, day) is None:
        faults.append(f"the centre of {district} ({DISTRICT}) has no duty_seat: nobody would take what can't be routed")
    return faults


def route_faults(table: RouteTable, directory: Directory, kinds: Sequence[tuple[str, str]], day: date) -> list[str]:
    """What is wrong with a route table in this directory: units that are not in force, kinds that no case can have.

    Args:
        kinds: (family, code) of every kind.
    """
    faults = []
    for route in table.routes:
        for named in (route.lead, *route.assist, *route.inform):
            if named.unit is not None and directory.unit(named.unit, day) is None:
                faults.append(f"route {route.id}: the unit {named.unit} is not in force on {day}")
        if kinds and not any(family == route.family and code.startswith(route.kind) for family, code in kinds):
            faults.append(f"route {route.id}: no kind of {route.family} begins with {route.kind!r}")
    return faults
