"""A small ledger that adds up, to be spoiled one figure at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from deploy.demo.checks import CASE_TOPICS, WRITER, Performance
from deploy.demo.ledger import SCHEMAS, Ledger, Row, Schema, Seen
from deploy.demo.outside import SYSTEM
from deploy.topology import outbound
from services.escalation.events import limits
from services.intake.events import facts, reception
from services.intake.events.outbound import ReceiptAccepted
from services.kernel.envelope import Event, derived_id, encode, envelope
from services.notify.events import deliveries
from services.routing.events import assignments

SEVEN = datetime(2026, 11, 24, 7, tzinfo=UTC)
DUE = SEVEN + timedelta(seconds=40)
OUT = outbound(SYSTEM)
READS = {
    "intake": ("case.routing", "case.escalation", "case.notify"),
    "routing": ("case.intake",),
    "escalation": ("case.intake",),
    "notify": ("case.intake", "case.escalation"),
    "oversight": CASE_TOPICS,
}


@dataclass
class Books:
    """Writes both sides alike. A test changes `records` or one of the other fields before `ledger()`."""

    records: dict[str, list[Seen]] = field(default_factory=lambda: {topic: [] for topic in WRITER})
    sent: list[str] = field(default_factory=list)
    mails: Counter[str] = field(default_factory=Counter)
    projected: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    unpublished: int = 0
    parked: int = 0
    lost_rows: int = 0
    behind: int = 0
    _numbers: Counter[tuple[str, str]] = field(default_factory=Counter)

    def say(self, topic: str, key: str, event: Event, *, cause: str = "", at: datetime = SEVEN) -> str:
        self._numbers[topic, key] += 1
        number = self._numbers[topic, key]
        id_ = derived_id(f"{topic}/{key}", event.TYPE, number)
        message = envelope(
            event, id=id_, service=WRITER[topic], subject=key, time=at, sequence=number, causationid=cause or None
        )
        self.records[topic].append(Seen(0, len(self.records[topic]), key, encode(message), message))
        return id_

    def ledger(self) -> Ledger:
        ends = {(topic, 0): len(self.records[topic]) for topic in CASE_TOPICS}
        return Ledger(self.records, ends, self.sent, {name: self._schema(name) for name in SCHEMAS}, self.projected)

    def _schema(self, name: str) -> Schema:
        archive: dict[str, Sequence[Row]] = {}
        for topic, records in self.records.items():
            if WRITER[topic] == name:
                rows = {seen.message.id: seen for seen in records[self.lost_rows :]}
                archive[topic] = [Row(one.key, one.message.sequence, id_, one.value) for id_, one in rows.items()]
        positions = {(topic, 0): len(self.records[topic]) - self.behind for topic in READS[name]}
        return Schema(archive, self.unpublished, self.parked, self.states[name], positions)


def request(books: Books, ref: str, *, dealt_with: bool, unroutable: str = "") -> str:
    """One request on its whole way. unroutable: why nobody could lead it at first."""
    case = f"case-{ref}"
    books.sent.append(f"run-{ref}")
    books.states.update(SCHEMAS)
    registered = reception.Registered(
        number="1", family="incident", kind="05-01", channel="system", community="unknown"
    )
    books.say("case.intake", case, registered)
    books.say(OUT, case, ReceiptAccepted(event_id=f"run-{ref}", case=case, number="1"))
    basis = assignments.Basis(rule="route", place="120106001", directory_version=1)
    if unroutable:
        said = assignments.Unroutable(reason=unroutable, seat="centre", basis=basis)
        cause = books.say("case.routing", case, said)
        fact = facts.Unroutable(fact_at=SEVEN, reason=unroutable, seat="centre")
        books.say("case.intake", case, fact, cause=cause)
    cause = books.say(
        "case.routing", case, assignments.Assigned(unit="team", centre="centre", level="street", basis=basis)
    )
    books.say(
        "case.intake", case, facts.Assigned(fact_at=SEVEN, unit="team", centre="centre", level="street"), cause=cause
    )
    _limit_set(books, case)
    _told(books, case)
    if dealt_with:
        books.say("case.intake", case, reception.Disposed(unit="team", by="u-1"))
        cause = books.say(
            "case.escalation",
            case,
            limits.LimitMet(limit="dispose#1", step="dispose", due_at=DUE, met_at=SEVEN, policy_version=1),
        )
        books.say("case.intake", case, facts.LimitMet(fact_at=SEVEN, limit="dispose#1", step="dispose"), cause=cause)
        books.say("case.intake", case, reception.Closed(by="u-1", outcome="disposed"))
    else:
        missed(books, case)
    books.projected["closed" if dealt_with else "assigned"] += 1
    return case


def _limit_set(books: Books, case: str) -> None:
    set_ = limits.LimitSet(
        limit="dispose#1", step="dispose", start=SEVEN, due_at=DUE, near_at=DUE, within="40s", policy="demo",
        policy_version=1, calendar_version=1, starts="case.registered", met_by=("case.disposed",),
    )  # fmt: skip
    cause = books.say("case.escalation", case, set_)
    applied = facts.LimitSet(
        fact_at=SEVEN, limit="dispose#1", step="dispose", start=SEVEN, due_at=DUE, near_at=DUE, policy_version=1,
        calendar_version=1,
    )  # fmt: skip
    books.say("case.intake", case, applied, cause=cause)


def _told(books: Books, case: str) -> None:
    said = {"obligation": "a1", "rank": 0, "staff": "u-1", "unit": "team", "post": "on_duty", "role": "on_duty"}
    cause = books.say("case.notify", case, deliveries.Told(**said, channel="email", purpose="assignment", attempts=1))
    applied = facts.Told(**said, fact_at=SEVEN, channel="email", purpose="assignment")
    books.say("case.intake", case, applied, cause=cause, at=SEVEN + timedelta(milliseconds=250))
    books.mails[case] += 1


def missed(books: Books, case: str) -> None:
    """The limit passes, and the whistle is proposed."""
    cause = books.say(
        "case.escalation", case, limits.LimitMissed(limit="dispose#1", step="dispose", due_at=DUE, policy_version=1)
    )
    fact = facts.LimitMissed(fact_at=DUE, limit="dispose#1", step="dispose", due_at=DUE)
    books.say("case.intake", case, fact, cause=cause)
    books.say(
        "case.intake",
        case,
        facts.WhistleProposed(fact_at=DUE, obligation="dispose#1", rank=1, unit="team", post="head"),
    )


def two() -> tuple[Books, Performance]:
    """One request that nobody could lead at first, which was dealt with, and one that was left alone."""
    books = Books()
    cases = {
        "D1": request(books, "D1", dealt_with=True, unroutable="no_route"),
        "D2": request(books, "D2", dealt_with=False),
    }
    did = Performance(
        run="run", sent=frozenset(cases), cases=cases, unroutable={cases["D1"]: "no_route"}, stories=(),
        left=frozenset([cases["D2"]]), closed=1, mails=books.mails,
    )  # fmt: skip
    return books, did
