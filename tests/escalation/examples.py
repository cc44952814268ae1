"""A policy, a calendar and a case's log for the tests of escalation; the processor's own heart runs them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TypeVar

from services.escalation.core import inputs
from services.escalation.core.calendar import Calendar, Span, Within
from services.escalation.core.cases import Escalation
from services.escalation.core.policy import DatedCalendar, Override, Policy, PolicyBook, StepRule
from services.escalation.core.states import Case
from services.escalation.events import CONTRACT
from services.escalation.events.whistles import Ladder, Rung
from services.kernel.core import Incoming, Record, Row
from services.kernel.envelope import Envelope, Event
from services.kernel.fold import Folder, Outcome, Work

E = TypeVar("E", bound=Event)

BEIJING = timezone(timedelta(hours=8))
NINE = datetime(2026, 1, 5, 1, tzinfo=UTC)  # a Monday, nine o'clock in Beijing
LATER = timedelta(days=400)
TOPIC = "case.intake"

CALENDAR = Calendar(
    name="cn",
    version=1,
    zone=BEIJING,
    weekend=frozenset({6, 7}),
    hours=(Span(510, 720), Span(810, 1050)),
    holidays=frozenset({*(date(2026, 2, d) for d in range(15, 24)), *(date(2026, 10, d) for d in range(1, 8))}),
    workdays=frozenset({date(2026, 2, 14), date(2026, 2, 28), date(2026, 9, 20), date(2026, 10, 10)}),
)
LADDER = Ladder(
    policy="test",
    policy_version=1,
    rungs=(
        Rung(unit="lead", post="head", mode="propose", within="30 minutes", settle="2 hours"),
        Rung(unit="leaders", post="district_head", mode="propose", within="60 minutes", settle="2 hours"),
        Rung(unit="leaders", post="party_secretary", mode="blow", within="60 minutes"),
    ),
    patience="2 minutes",
    remind="1 days",
    calendar="cn",
    near_share=0.8,
)
STEPS = (
    StepRule("accept", inputs.ASSIGNED, (inputs.ACCEPTED, inputs.CLOSED), Within(15, "minutes"), whistle="propose"),
    StepRule("dispose", inputs.REGISTERED, (inputs.DISPOSED, inputs.CLOSED), Within(4, "hours"), whistle="blow"),
    StepRule("verify", inputs.DISPOSED, (inputs.VERIFIED, inputs.CLOSED), Within(1, "working_days")),
)
POLICY = Policy(
    name="test",
    version=1,
    since=NINE - timedelta(days=30),
    calendar="cn",
    near_share=0.8,
    steps={"incident": STEPS},
    overrides=(Override("incident", "05-01", "dispose", Within(30, "minutes")),),
    ladder=LADDER,
)
BOOK = PolicyBook((POLICY,), (DatedCalendar(POLICY.since, CALENDAR),))
FOLDER: Folder[Case, inputs.Given, PolicyBook] = Folder("escalation", Escalation())


def minutes(n: float) -> timedelta:
    return timedelta(minutes=n)


REGISTERED = inputs.Registered(at=NINE, family="incident", kind="01-02", seat="centre-1")
ASSIGNED = inputs.Assigned(at=NINE, unit="dept-water", centre="centre-1")


@dataclass
class Run:
    """One case under the real folder: its log so far, and what it said."""

    view: PolicyBook = BOOK
    work: Work[Case] = field(default_factory=lambda: Work("case", 0, Row()))
    log: list[inputs.Given] = field(default_factory=list)

    def give(self, *log: inputs.Given) -> Run:
        """Apply inputs as events of the log."""
        for given in log:
            self.log.append(given)
            assert FOLDER.apply(self.work, incoming(given, len(self.log)), self.view) is Outcome.APPLIED
        return self

    def mark(self, upto: datetime) -> Run:
        """A progress mark: what was due before it fires."""
        FOLDER.fire(self.work, upto, self.view)
        return self

    @property
    def case(self) -> Case:
        assert self.work.row.state is not None
        return self.work.row.state

    @property
    def said(self) -> list[Event]:
        return [event_of(message) for message in self.work.said]

    def of(self, type_: type[E]) -> list[E]:
        return [event for event in self.said if isinstance(event, type_)]


def incoming(given: inputs.Given, number: int) -> Incoming[inputs.Given]:
    record = Record(TOPIC, 0, number - 1, b"case", b"")
    return Incoming(record, "case", f"event-{number}", number, given.at, number, logged=True, given=given)


def event_of(message: Envelope) -> Event:
    """What was said, read back from its bytes by the contract, as every consumer reads it."""
    event = CONTRACT.read(message).event
    assert event is not None
    return event


def rebuilt(log: Sequence[inputs.Given], said: Iterable[Envelope]) -> Case | None:
    """Evolve alone over the log and the service's own events, in their order."""
    core, own = Escalation(), list(said)
    state: Case | None = None
    for number, given in enumerate(log, 1):
        state = core.evolve(state, given)
        for message in own:
            if message.afterseq == number:
                state = core.evolve(state, event_of(message))
    return state


def started() -> Run:
    """Registered and assigned at nine."""
    return Run().give(REGISTERED, ASSIGNED)


def whistled() -> Run:
    """A whistle `w1` requested at nine, rank 1 blown."""
    return started().give(inputs.WhistleRequested(at=NINE, number=3, obligation="w1", unit="dept-water"))


def told(n: float, rank: int, obligation: str = "w1", *, reached: bool = True) -> inputs.Told:
    return inputs.Told(at=NINE + minutes(n), obligation=obligation, rank=rank, reached=reached)


def attended(n: float, occurred: float | None = None, rank: int | None = None) -> inputs.Attended:
    occurred_at = None if occurred is None else NINE + minutes(occurred)
    return inputs.Attended(at=NINE + minutes(n), unit="dept-water", obligation="w1", rank=rank, occurred_at=occurred_at)


def confirmed(n: float, rank: int, number: int = 99, obligation: str = "w1") -> inputs.WhistleConfirmed:
    return inputs.WhistleConfirmed(at=NINE + minutes(n), number=number, obligation=obligation, rank=rank)


def done(n: float, fact: str, occurred: float | None = None, *, passed: bool = True) -> inputs.Done:
    occurred_at = None if occurred is None else NINE + minutes(occurred)
    return inputs.Done(at=NINE + minutes(n), fact=fact, passed=passed, occurred_at=occurred_at)
