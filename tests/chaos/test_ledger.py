"""The ledger finds each thing that it looks for, and nothing where nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from tests.chaos import clocks, ledger, outlets
from tests.chaos.evidence import (
    ACKNOWLEDGED,
    UNKNOWN,
    Answer,
    Archived,
    Arrival,
    Entry,
    Evidence,
    Fault,
    Moved,
    Schema,
    Sent,
    State,
    Written,
    Zombie,
)

NINE = datetime(2026, 11, 24, 1, tzinfo=UTC)
CASE = "c1"


def entry(topic: str, sequence: int, type_: str, seconds: float, after: int | None = None, **data: object) -> Entry:
    value = msgspec.json.encode({"type": type_, "sequence": sequence, "data": data})
    return Entry(
        topic=topic, partition=3, offset=sequence - 1, key=CASE, value=value, id=f"{topic}-{sequence}", type=type_,
        sequence=sequence, time=NINE + timedelta(seconds=seconds), afterseq=after,
    )  # fmt: skip


LOG = [
    entry("case.intake", 1, "case.registered.v1", 0, receiver="u-1"),
    entry("case.intake", 2, "case.disposed.v1", 10, by="u-1"),
    entry("case.intake", 3, "case.told.v1", 30),
]
SAID = [
    entry("case.escalation", 1, "escalation.limit_set.v1", 0, 1, limit="dispose#1", step="dispose",
          start=NINE.isoformat(), due_at=(NINE + timedelta(seconds=20)).isoformat(), met_by=["case.disposed"]),
    entry("case.escalation", 2, "escalation.limit_met.v1", 10, 2, limit="dispose#1"),
]  # fmt: skip
WHISTLE = {"obligation": "w1", "purpose": "whistle", "channel": "email"}
TOLD = [
    entry("case.notify", 1, "notify.told.v1", 5, 1, rank=1, staff="u-2", **WHISTLE),
    entry("case.notify", 2, "notify.told.v1", 9, 1, rank=2, staff="u-3", **WHISTLE),
]  # fmt: skip
RECEIPTS = [entry("outbound.demo311", 1, "receipt.accepted.v1", 1, event_id="r-1")]
TOPICS = {
    "case.intake": LOG,
    "case.escalation": SAID,
    "case.notify": TOLD,
    "case.routing": [],
    "outbound.demo311": RECEIPTS,
}


def archived(*topics: str) -> list[Archived]:
    return [
        Archived(topic=e.topic, key=e.key, sequence=e.sequence, id=e.id, body=e.value)
        for t in topics
        for e in TOPICS[t]
    ]


def schema(service: str, *says: str) -> Schema:
    seen = {topic: len(TOPICS[topic]) for topic in ledger.READS[service]}
    at = {(topic, 3): len(TOPICS[topic]) for topic in ledger.READS[service]}
    return Schema(events=archived(*says), states={CASE: State(seen=seen, held=())}, positions=at)


def arrival(message: str, to: str, rank: int, at: float = 100.0) -> Arrival:
    return Arrival(at=at, id=message, channel="email", to=to, case=CASE, obligation="w1", rank=rank, purpose="whistle")


def move(epoch_before: int | None, epoch: int, before: int | None, after: int, who: str = "escalation-1") -> Moved:
    return Moved(
        at=1.0, application=who, backend=7, schema="escalation", topic="case.intake", partition=3,
        epoch_before=epoch_before, epoch=epoch, before=before, next_offset=after,
    )  # fmt: skip


def pressed(command: str, key: str, sequence: int, outcome: str = ACKNOWLEDGED) -> Answer:
    return Answer(
        at=1.0, key=key, staff="u-1", command=command, door="intake-1", outcome=outcome, case=CASE, sequence=sequence
    )


FAULT = Fault(at=99.5, until=101.0, what="kill -9", target="notify-1", pending="1", touches=("notify",))
GOOD = Evidence(
    answers=[pressed("register", "k1", 1), pressed("dispose", "k2", 2, UNKNOWN), pressed("dispose", "k2", 2)],
    sent=[Sent(at=1.0, event_id="r-1", content="x", outcome=ACKNOWLEDGED)],
    topics=TOPICS,
    ends={(topic, 3): len(entries) for topic, entries in TOPICS.items() if topic != "outbound.demo311"},
    schemas={
        "intake": schema("intake", "case.intake", "outbound.demo311"),
        "routing": schema("routing"),
        "escalation": schema("escalation", "case.escalation"),
        "notify": schema("notify", "case.notify"),
        "oversight": schema("oversight"),
    },
    committed=frozenset({"k1", "k2"}),
    arrivals=[arrival("m1", "u-2", 1), arrival("m2", "u-3", 2), arrival("m2", "u-3", 2, at=103.0)],
    faults=[FAULT],
    zombies=[Zombie(application="escalation-2", backends=(9,), woke=50.0, ended=52.0)],
    moved=[
        move(None, 1, None, 0), move(1, 1, 0, 2),
        move(1, 2, 2, 2, "escalation-2"), move(2, 2, 2, 3, "escalation-2"),
    ],
    written=[Written(at=49.0, application="escalation-2", backend=9, table="escalation.event", rows=1)],
)  # fmt: skip


def with_topic(topic: str, entries: list[Entry]) -> Evidence:
    return replace(GOOD, topics={**TOPICS, topic: entries})


def with_schema(service: str, **values: object) -> Evidence:
    return replace(GOOD, schemas={**GOOD.schemas, service: replace(GOOD.schemas[service], **values)})


def test_where_nothing_is_wrong_nothing_is_found():
    assert [finding.what for finding in ledger.examine(GOOD) if not finding.holds] == []
    assert all(f.looked_at for f in ledger.examine(GOOD))


LATE = changed(LOG[1], offset=7)
ARCHIVED = archived("case.escalation")
WRONG: dict[str, tuple[Callable[[Evidence], object], Evidence]] = {
    "acknowledged, and its event is not there": (ledger.acknowledged, with_topic("case.intake", LOG[:1])),
    "acknowledged as another event": (ledger.acknowledged, replace(GOOD, answers=[pressed("dispose", "k1", 1)])),
    "two presses, one event": (
        ledger.acknowledged,
        replace(GOOD, answers=[pressed("register", "k1", 1), pressed("register", "k2", 1)]),
    ),
    "acknowledged and not in the table": (ledger.acknowledged, replace(GOOD, committed=frozenset())),
    "a press that wrote twice": (ledger.once, with_topic("case.intake", [*LOG, changed(LOG[1], sequence=4, offset=3)])),
    "an unknown press that was done twice": (ledger.once, replace(GOOD, committed=frozenset({"k1"}))),
    "an outside event without receipt": (ledger.inbound, with_topic("outbound.demo311", [])),
    "two receipts": (
        ledger.inbound,
        with_topic("outbound.demo311", [*RECEIPTS, changed(RECEIPTS[0], sequence=2, offset=1, id="other")]),
    ),
    "committed and never published": (ledger.published, with_topic("case.escalation", SAID[:1])),
    "published and never committed": (ledger.published, with_schema("escalation", events=archived()[:0])),
    "other bytes on the topic": (
        ledger.published,
        with_topic("case.escalation", [SAID[0], changed(SAID[1], value=b'{"data":{}}')]),
    ),
    "repeated with other bytes": (ledger.repeats, with_topic("case.intake", [*LOG, changed(LATE, value=b"other")])),
    "repeated with another id": (ledger.repeats, with_topic("case.intake", [*LOG, changed(LATE, id="other")])),
    "a gap": (ledger.order, with_topic("case.intake", [LOG[0], LOG[2]])),
    "out of order": (
        ledger.order,
        with_topic("case.intake", [LOG[0], changed(LOG[1], offset=2), changed(LOG[2], offset=1)]),
    ),
    "one id under two numbers": (
        ledger.unique,
        with_schema("escalation", events=[*ARCHIVED, changed(ARCHIVED[0], sequence=3)]),
    ),
    "an event that was not applied": (
        ledger.applied,
        with_schema("notify", states={CASE: State(seen={"case.intake": 2, "case.escalation": 2}, held=())}),
    ),
    "a case that is unknown": (ledger.applied, with_schema("routing", states={})),
    "a case that is held": (
        ledger.applied,
        with_schema("routing", states={CASE: State(seen={"case.intake": 3}, held=("case.intake",))}),
    ),
    "a position that is not at the end": (ledger.positions, with_schema("routing", positions={("case.intake", 3): 2})),
    "an outbox that is not empty": (ledger.at_rest, with_schema("notify", unpublished=1)),
    "something parked": (ledger.at_rest, with_schema("notify", parked=1)),
    "a time that falls": (
        clocks.times_rise,
        with_topic("case.intake", [LOG[0], LOG[1], changed(LOG[2], time=NINE + timedelta(seconds=9))]),
    ),
    "fired without what the log had": (
        clocks.fired_behind_the_log,
        with_topic("case.escalation", [SAID[0], changed(SAID[1], time=NINE + timedelta(seconds=20), afterseq=1)]),
    ),
    "dated before its cause": (
        clocks.fired_behind_the_log,
        with_topic("case.escalation", [SAID[0], changed(SAID[1], time=NINE)]),
    ),
    "missed though done in time": (
        clocks.false_misses,
        with_topic("case.escalation", [
            SAID[0],
            entry("case.escalation", 2, "escalation.limit_missed.v1", 20, 1, limit="dispose#1",
                  due_at=(NINE + timedelta(seconds=20)).isoformat()),
        ]),
    ),
    "the leader before the head": (clocks.leaders_after_heads, with_topic("case.notify", TOLD[1:])),
    "another worker's epoch": (
        outlets.epochs, replace(GOOD, moved=[*GOOD.moved, move(2, 2, 3, 4, "escalation-1")])
    ),
    "a position set back": (outlets.offsets_rise, replace(GOOD, moved=[*GOOD.moved, move(2, 2, 3, 1, "escalation-2")])),
    "a zombie that writes": (
        outlets.zombies,
        replace(GOOD, written=[changed(GOOD.written[0], at=51.0)]),
    ),
    "a zombie that moves a position": (
        outlets.zombies,
        replace(
            GOOD,
            zombies=[changed(GOOD.zombies[0], sends=True, backends=(7,))],
            moved=[*GOOD.moved, changed(move(2, 2, 3, 4, "escalation-2"), at=51.0)],
        ),
    ),
    "a zombie that stays and claims nothing": (
        outlets.zombies,
        replace(GOOD, zombies=[changed(GOOD.zombies[0], ended=None)]),
    ),
    "told and never sent": (outlets.told_was_sent, replace(GOOD, arrivals=GOOD.arrivals[1:])),
    "repeated without a fault": (outlets.message_repeats, replace(GOOD, faults=[])),
    "repeated twice for one fault": (
        outlets.message_repeats,
        replace(GOOD, arrivals=[*GOOD.arrivals, arrival("m2", "u-3", 2, at=104.0)]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_it_finds(name):
    check, evidence = WRONG[name]
    assert not check(evidence).holds
    assert check(GOOD).holds


def test_a_zombie_that_claims_anew_may_write_from_then_on():
    zombies, claim = [changed(GOOD.zombies[0], ended=None)], move(2, 3, 3, 3, "escalation-2")
    anew = replace(GOOD, zombies=zombies, moved=[*GOOD.moved, changed(claim, at=60.0)])
    assert outlets.zombies(replace(anew, written=[changed(GOOD.written[0], at=61.0)])).holds
    assert not outlets.zombies(replace(anew, written=[changed(GOOD.written[0], at=59.0)])).holds


def settling(*causes: str, states: int = 1) -> Evidence:
    """A frozen notify that writes as it wakes."""
    wrote = Written(at=51.0, application="notify-2", backend=9, table="notify.event", rows=len(causes), transaction=4)
    return replace(
        GOOD,
        zombies=[changed(GOOD.zombies[0], application="notify-2", sends=True)],
        written=[
            changed(wrote, table="notify_state.state", rows=states),
            *([changed(wrote, causes=causes)] if causes else []),
        ],
    )


def test_a_sender_that_wakes_may_say_what_came_of_a_message():
    assert outlets.zombies(settling("answer")).holds
    assert "settled 1" in outlets.zombies(settling("answer", "answer")).note


@pytest.mark.parametrize(
    "evidence",
    [
        settling(LOG[0].id),  # answers a record: its worker's
        settling("answer", SAID[0].id),
        settling(""),
        settling(),  # a state alone
        settling("answer", states=2),
        replace(settling("answer"), written=[changed(w, transaction=n) for n, w in enumerate(settling("a").written)]),
        replace(settling("answer"), zombies=[changed(GOOD.zombies[0], application="notify-2")]),
    ],
)
def test_whatever_else_a_process_that_sends_writes_is_found(evidence: Evidence):
    assert not outlets.zombies(evidence).holds


def test_a_tie_goes_to_the_event():
    """Done at the very second of the limit is in time; what fires then has to come after it."""
    due = NINE + timedelta(seconds=10)
    missed = entry("case.escalation", 2, "escalation.limit_missed.v1", 10, 1, limit="dispose#1", due_at=due.isoformat())
    assert not clocks.fired_behind_the_log(with_topic("case.escalation", [SAID[0], missed])).holds
    after = changed(missed, afterseq=2)
    assert clocks.fired_behind_the_log(with_topic("case.escalation", [SAID[0], after])).holds


def test_a_limit_past_due_of_which_nothing_came_is_forgotten():
    evidence = with_topic("case.escalation", SAID[:1])
    assert not clocks.limits(evidence, (NINE, NINE + timedelta(seconds=20))).forgotten
    assert len(clocks.limits(evidence, (NINE, NINE + timedelta(seconds=21))).forgotten) == 1


@given(st.lists(st.integers(0, 2), max_size=8))
def test_any_repeats_in_any_order_are_repeats_and_nothing_else(again):
    """Records that come again, later, with equal bytes are counted and harm nothing."""
    more = [changed(LOG[n], offset=3 + place) for place, n in enumerate(again)]
    evidence = with_topic("case.intake", [*LOG, *more])
    assert all(f.holds for f in (ledger.order(evidence), ledger.repeats(evidence), ledger.published(evidence)))
    assert f"case.intake {len(again)}" in ledger.repeats(evidence).note or not again


@given(st.permutations([UNKNOWN, ACKNOWLEDGED, UNKNOWN]))
def test_an_answer_outweighs_silence(outcomes):
    answers = [pressed("register", "k1", 1, outcome) for outcome in outcomes]
    assert [a.outcome for a in ledger.last_words(answers)] == [ACKNOWLEDGED]
