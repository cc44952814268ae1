"""Who leads what: the route table (派遣规则).

A new case takes, among the entry routes of its family, the one with the longest kind that begins its code. At
another level it takes the longest of that level. Two can't be equally long: a table with a repeated row is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

import msgspec

Level = Literal["community", "street", "district"]


class UnitNamed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A unit by its id, or the units of a kind that serve the case's community, street or district (`of`)."""

    unit: str | None = None
    kind: str | None = None
    of: Level | None = None

    def __post_init__(self) -> None:
        if (self.unit is None) == (self.kind is None) or (self.kind is None) != (self.of is None):
            raise ValueError("name either `unit`, or `kind` with `of`")


class PanelSeat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One seat of a panel: filled from the units of level `of`; level: the rank asked for first (`gold`)."""

    seat: Literal["mediator", "judicial_head", "lawyer"]
    of: Level
    level: str | None = None


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row. kind: prefix of the code within the family; level: of the centre that has the case then.

    entry: a new case may begin here. assist: 协办. inform: 知会. panel: none for what nobody mediates.
    """

    family: Literal["dispute", "incident"]
    kind: str
    level: Level
    entry: bool
    lead: UnitNamed
    assist: tuple[UnitNamed, ...] = ()
    inform: tuple[UnitNamed, ...] = ()
    panel: tuple[PanelSeat, ...] = ()

    def __post_init__(self) -> None:
        seats = [seat.seat for seat in self.panel]
        if seats and (seats.count("mediator") != 1 or len(set(seats)) != len(seats)):
            raise ValueError("a panel has one mediator, and each other seat at most once")

    @property
    def id(self) -> str:
        """How a basis names the row."""
        return f"{self.family}/{self.kind}/{self.level}"


class RouteTable(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the table, in force for cases decided at `start` or later, until the next one starts."""

    version: int
    start: datetime
    routes: tuple[Route, ...]

    def __post_init__(self) -> None:
        passed: set[str] = set()
        for route in self.routes:
            names = {route.id, f"entry of {route.family}/{route.kind}"} if route.entry else {route.id}
            if twice := names & passed:
                raise ValueError(f"the route table has twice: {', '.join(sorted(twice))}")
            passed |= names

    def entry(self, family: str, kind: str) -> Route | None:
        """Where a new case of this kind begins."""
        return _longest(route for route in self.routes if route.entry and _covers(route, family, kind))

    def at_level(self, family: str, kind: str, level: str) -> Route | None:
        """The route of a kind at a level."""
        return _longest(route for route in self.routes if route.level == level and _covers(route, family, kind))


def in_force(tables: Sequence[RouteTable], at: datetime) -> RouteTable | None:
    """The table that governs a decision at this time of the log; of two that start together, the newer."""
    started = (table for table in tables if table.start <= at)
    return max(started, key=lambda table: (table.start, table.version), default=None)


def _covers(route: Route, family: str, kind: str) -> bool:
    return route.family == family and kind.startswith(route.kind)


def _longest(routes: Iterable[Route]) -> Route | None:
    return max(routes, key=lambda route: len(route.kind), default=None)
