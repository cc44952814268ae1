"""A small invented district for the tests: two streets that live, one that has ended, three communities."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from services.routing.core.directory import Directory, Unit
from services.routing.core.routes import PanelSeat, Route, RouteTable, UnitNamed
from services.routing.core.view import Edition, View
from services.routing.events.directory import Mediator, Post, Shift

ZONE = ZoneInfo("Asia/Shanghai")
NINE = datetime(2026, 1, 5, 1, tzinfo=UTC)  # Monday, 09:00 in the district
TODAY = date(2026, 1, 5)
LONG_AGO = date(2016, 7, 31)

SEAT = (
    Post(
        post="duty_seat",
        staff=("u-day", "u-night"),
        shifts=(
            Shift(staff="u-day", weekdays=(1, 2, 3, 4, 5, 6, 7), start="08:00", end="20:00"),
            Shift(staff="u-night", weekdays=(1, 2, 3, 4, 5), start="20:00", end="08:00"),
        ),
    ),
)


def unit(id_: str, kind: str, level: str, code: str | None = None, **more: object) -> Unit:
    given: dict[str, object] = {"version": 1, "valid_from": LONG_AGO, "name": id_, "name_en": id_, "changed_at": NINE}
    return Unit(unit=id_, kind=kind, level=level, code=code or id_, **{**given, **more})  # type: ignore[arg-type]


def place(id_: str, kind: str, parent: str | None, **more: object) -> Unit:
    return unit(id_, kind, kind, id_, parent=parent, **more)


def mediator(staff: str, *fields: str, **more: object) -> Mediator:
    return Mediator(staff=staff, role="mediator", fields=fields, **more)  # type: ignore[arg-type]


UNITS: tuple[Unit, ...] = (
    place("D", "district", None),
    place("S1", "street", "D"),
    place("S2", "street", "D"),
    place("S9", "street", "D", valid_to=date(2019, 10, 31), successor="S2"),
    place("S8", "street", "D", valid_to=date(2019, 10, 31), successor="elsewhere"),
    place("C1", "community", "S1"),
    place("C2", "community", "S2"),
    place("C9", "community", "S1", valid_to=date(2018, 10, 31)),
    place("C8", "community", "S9", valid_to=date(2019, 10, 31), successor="C2"),
    unit("centre-D", "centre", "district", "D", parent="D", posts=SEAT, mediators=(mediator("u-m9"),)),
    unit(
        "centre-S1",
        "centre",
        "street",
        "S1",
        parent="centre-D",
        street="S1",
        posts=SEAT,
        mediators=(
            mediator("u-m1", "02", "04", level="gold"),
            mediator("u-m2", level="ordinary"),
            mediator("u-m3", status="leave"),
            Mediator(staff="u-l1", role="lawyer", cap=40),
        ),
    ),
    unit("centre-S2", "centre", "street", "S2", parent="centre-D", street="S2", posts=SEAT),
    unit("station-C1", "centre", "community", "C1", parent="centre-S1", street="S1"),
    unit("station-C2", "centre", "community", "C2", parent="centre-S2", street="S2"),
    unit("team-S1a", "team", "street", "S1", parent="centre-S1", street="S1"),
    unit("team-S1b", "team", "street", "S1", parent="centre-S1", street="S1"),
    unit("team-S2", "team", "street", "S2", parent="centre-S2", street="S2", valid_to=date(2025, 1, 1)),
    unit(
        "justice-S1",
        "judicial_office",
        "street",
        "S1",
        parent="centre-S1",
        posts=(Post(post="judicial_head", staff=("u-j1",)),),
    ),
    unit("dept-housing", "department", "district", "D", parent="centre-D"),
    unit("dept-gone", "department", "district", "D", parent="centre-D", valid_to=date(2025, 1, 1)),
)

PANEL = (
    PanelSeat(seat="mediator", of="street", level="gold"),
    PanelSeat(seat="judicial_head", of="street"),
    PanelSeat(seat="lawyer", of="street"),
)
HOUSING = UnitNamed(unit="dept-housing")


def by_kind(kind: str, of: str) -> UnitNamed:
    return UnitNamed(kind=kind, of=of)  # type: ignore[arg-type]


def route(family: str, kind: str, level: str, lead: UnitNamed, entry: bool = True, **more: object) -> Route:
    return Route(family=family, kind=kind, level=level, entry=entry, lead=lead, **more)  # type: ignore[arg-type]


TABLE = RouteTable(
    version=1,
    start=datetime(2026, 1, 1, tzinfo=UTC),
    routes=(
        route("incident", "05-", "street", by_kind("team", "street"), inform=(by_kind("centre", "street"),)),
        route("incident", "05-", "district", HOUSING, entry=False),
        route("incident", "06-", "street", UnitNamed(unit="dept-gone")),
        route("dispute", "02", "community", by_kind("centre", "community")),
        route("dispute", "02", "street", by_kind("centre", "street"), entry=False, panel=PANEL),
        route("dispute", "04", "street", by_kind("centre", "street"), panel=PANEL),
        route(
            "dispute",
            "0402",
            "street",
            by_kind("centre", "street"),
            assist=(HOUSING,),
            panel=PANEL,
        ),
        route("dispute", "04", "district", by_kind("centre", "district"), entry=False, panel=PANEL[:1]),
        route("dispute", "15", "district", HOUSING),
    ),
)


class Shelf:
    """Editions kept in memory."""

    def __init__(self, *editions: Edition) -> None:
        self._kept = {edition.version: edition for edition in editions}

    def edition(self, version: int) -> Edition:
        return self._kept[version]


def edition(*, units: tuple[Unit, ...] = UNITS, table: RouteTable = TABLE, version: int = 7) -> Edition:
    return Edition(version, Directory(units, ZONE), (table,))


EDITION = edition()
SHELF = Shelf(EDITION)


def view(**loads: int) -> View:
    """loads: with underscores for hyphens: `u_m1=3`."""
    return View(EDITION, {id_.replace("_", "-"): load for id_, load in loads.items()}, SHELF)
