"""A small invented directory and a day on which things happen, for the tests of notify."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from services.kernel.core import Incoming, Record, Row
from services.kernel.envelope import Envelope, Event
from services.kernel.fold import Folder, Work
from services.notify.core import inputs
from services.notify.core.calls import Case
from services.notify.core.cases import Calls
from services.notify.core.inputs import Given
from services.notify.core.roster import Directory, directory_of
from services.notify.events import CONTRACT
from services.notify.events.deliveries import RosterPost, RosterShift, RosterUnit

NINE = datetime(2026, 11, 24, 1, tzinfo=UTC)  # a Tuesday, 09:00 in Tianjin
NIGHT = NINE + timedelta(hours=14)
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
SUBJECT = "5f" * 16


def shift(staff: str, start_h: float, end_h: float, weekdays: tuple[int, ...] = EVERY_DAY) -> RosterShift:
    return RosterShift(staff=staff, weekdays=weekdays, start_min=int(start_h * 60), end_min=int(end_h * 60))


def post(name: str, *staff: str, shifts: tuple[RosterShift, ...] = ()) -> RosterPost:
    return RosterPost(post=name, staff=staff, shifts=shifts)


TEAM = RosterUnit(
    unit="team",
    version=3,
    parent="street",
    posts=(post("head", "u-head"), post("on_duty", "u-day", "u-late", shifts=(shift("u-day", 8, 18),))),
)
STREET = RosterUnit(
    unit="street",
    version=5,
    parent="centre",
    posts=(
        post("head", "u-street-head"),
        post("duty_seat", "u-seat", "u-night", shifts=(shift("u-seat", 8, 20), shift("u-night", 20, 8))),
    ),
)
CENTRE = RosterUnit(
    unit="centre", version=2, parent="120106", posts=(post("head", "u-director"), post("duty_seat", "u-district"))
)
LEADERS = RosterUnit(
    unit="leaders",
    version=1,
    parent="centre",
    posts=(post("district_head", "u-mayor"), post("party_secretary", "u-secretary"), post("head", "u-deputy")),
)
EMPTY = RosterUnit(unit="empty", version=9, parent=None, posts=())
DIRECTORY = directory_of([TEAM, STREET, CENTRE, LEADERS, EMPTY])


def blown(
    after: int = 3, rank: int = 1, unit: str = "team", post: str = "head", obligation: str = "w1"
) -> inputs.Blown:
    return inputs.Blown(NINE, after, obligation, rank, unit, post, 1800)


def run(*inputs_: Given, view: Directory = DIRECTORY) -> tuple[Case | None, list[Event]]:
    """Decide and evolve, one after the other: what became of the case and what was said."""
    core, state, said = Calls(), None, list[Event]()
    for given in inputs_:
        own = core.decide(state, given, view)
        for event in (given, *own):
            state = core.evolve(state, event)
        said += own
    return state, said


def folded(*feed: Incoming[Given], view: Directory = DIRECTORY) -> tuple[Row[Case], list[Envelope]]:
    """The same by the kernel's folder, with numbers."""
    folder: Folder[Case, Given, Directory] = Folder("notify", Calls())
    work: Work[Case] = Work(SUBJECT, 0, Row())
    for incoming in feed:
        folder.apply(work, incoming, view)
    return work.row, work.said


def incoming(topic: str, number: int | None, given: Given | None, after: int = 0) -> Incoming[Given]:
    log = topic == "case.intake"
    after = number or 0 if log else after
    return Incoming(Record(topic, 0, 0, None, None), SUBJECT, f"{topic}/{number}", number, NINE, after, log, given)


def event_of(message: Envelope) -> Event:
    event = CONTRACT.read(message).event
    assert event is not None
    return event
