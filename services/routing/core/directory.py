"""The directory (通讯录): which units there are on a day, what they serve, who holds their posts.

A unit keeps its id over all its versions. On a day it stands as the newest version whose validity holds that day;
where none does, it had ended or had not begun. `valid_to` is exclusive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from typing import Final, TypeAlias

from services.routing.events.directory import Shift, UnitPublished

Unit: TypeAlias = UnitPublished
"""An own event is the core's own type too: it is what a rebuild folds."""

DISTRICT: Final = "district"
STREET: Final = "street"
COMMUNITY: Final = "community"
LEVELS: Final = (COMMUNITY, STREET, DISTRICT)
"""From below: a case handed up moves to the right."""


class Directory:
    """All versions of all units.

    Args:
        units: every version that is known, in any order.
        zone: of the district, in which a day begins and shifts are written.
    """

    def __init__(self, units: Iterable[Unit], zone: tzinfo) -> None:
        self.zone = zone
        versions: dict[str, list[Unit]] = defaultdict(list)
        serving: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        for unit in units:
            versions[unit.unit].append(unit)
            if unit.code is not None:
                serving[unit.kind, unit.code, unit.level].add(unit.unit)
        self._versions = {
            id_: tuple(sorted(found, key=lambda unit: -unit.version)) for id_, found in sorted(versions.items())
        }
        self._districts = sorted({unit.unit for found in versions.values() for unit in found if unit.kind == DISTRICT})
        self._serving = {key: tuple(sorted(found)) for key, found in serving.items()}

    def day(self, at: datetime) -> date:
        """The local day of a time."""
        return at.astimezone(self.zone).date()

    def unit(self, id_: str, day: date) -> Unit | None:
        """The unit as it stands that day; None: it has ended, has not begun, or never was."""
        return next((unit for unit in self._versions.get(id_, ()) if _valid(unit, day)), None)

    def versions(self, id_: str) -> tuple[Unit, ...]:
        """All that was published of a unit, the newest first."""
        return self._versions.get(id_, ())

    def newest(self, id_: str) -> Unit | None:
        """The newest version, whether in force or not."""
        return next(iter(self._versions.get(id_, ())), None)

    def all(self, day: date) -> tuple[Unit, ...]:
        """Every unit in force that day, by id."""
        return tuple(unit for id_ in self._versions if (unit := self.unit(id_, day)) is not None)

    def successor(self, id_: str, day: date) -> Unit | None:
        """Who took over from an ended unit, over any number of steps; None: none known, or outside the directory."""
        passed = {id_}
        unit = self.newest(id_)
        while unit is not None and unit.successor is not None and unit.successor not in passed:
            passed.add(unit.successor)
            if (heir := self.unit(unit.successor, day)) is not None:
                return heir
            unit = self.newest(unit.successor)
        return None

    def ever_serving(self, kind: str, code: str, level: str) -> tuple[str, ...]:
        """Ids of units of a kind and level that serve, or once served, a community, a street or the district."""
        return self._serving.get((kind, code, level), ())

    def serving(self, kind: str, code: str, level: str, day: date) -> tuple[Unit, ...]:
        """Those of them that do so on that day, by id."""
        found = (self.unit(id_, day) for id_ in self.ever_serving(kind, code, level))
        return tuple(
            unit for unit in found if unit is not None and (unit.kind, unit.code, unit.level) == (kind, code, level)
        )

    def ancestors(self, id_: str, day: date) -> tuple[Unit, ...]:
        """The unit's parent, its parent, … as far as they are in force; never twice the same."""
        found: list[Unit] = []
        passed = {id_}
        unit = self.unit(id_, day)
        while unit is not None and unit.parent is not None and unit.parent not in passed:
            passed.add(unit.parent)
            unit = self.unit(unit.parent, day)
            if unit is not None:
                found.append(unit)
        return tuple(found)

    def district(self, day: date) -> str | None:
        """Code of the district that this directory is of."""
        return next((id_ for id_ in self._districts if self.unit(id_, day) is not None), None)

    def centre(self, level: str, code: str | None, day: date) -> Unit | None:
        """The mediation centre (矛调中心) of a level for that code."""
        return next(iter(self.serving("centre", code, level, day)), None) if code is not None else None

    def seat(self, street: str | None, day: date) -> Unit | None:
        """The centre whose duty seat (值班坐席) takes what nobody else can: the street's, else the district's."""
        for level, code in ((STREET, street), (DISTRICT, self.district(day))):
            centre = self.centre(level, code, day)
            if centre is not None and has_post(centre, "duty_seat"):
                return centre
        return None

    def on_duty(self, unit: Unit, post: str, at: datetime) -> tuple[str, ...]:
        """Staff ids on duty in a post at a time; empty: nobody is."""
        local = at.astimezone(self.zone)
        return tuple(
            dict.fromkeys(
                shift.staff for held in unit.posts if held.post == post for shift in held.shifts if _on(shift, local)
            )
        )


def holders(unit: Unit, post: str) -> tuple[str, ...]:
    """Staff ids that hold a post of the unit."""
    return tuple(staff for held in unit.posts if held.post == post for staff in held.staff)


def has_post(unit: Unit, post: str) -> bool:
    return any(held.post == post and held.staff for held in unit.posts)


def _valid(unit: Unit, day: date) -> bool:
    return unit.valid_from <= day and (unit.valid_to is None or day < unit.valid_to)


def _on(shift: Shift, local: datetime) -> bool:
    """Start inclusive, end exclusive; the weekday is that of the start, also past midnight."""
    clock = f"{local:%H:%M}"
    if shift.start < shift.end:
        return local.isoweekday() in shift.weekdays and shift.start <= clock < shift.end
    yesterday = (local - timedelta(days=1)).isoweekday()
    return (local.isoweekday() in shift.weekdays and clock >= shift.start) or (
        yesterday in shift.weekdays and clock < shift.end
    )
