"""A rebuild from the records and notify's own events equals what was running, by the kernel's replayer."""

from __future__ import annotations

import asyncio
import itertools

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.replay.replayer import Replayer, Slice
from services.escalation.events import limits, whistles
from services.intake.events import facts, reception, whistle
from services.kernel.core import Incoming, Record, Row
from services.kernel.envelope import Event, encode, envelope
from services.kernel.fold import Work
from services.kernel.store import Write
from services.notify.core.calls import Case
from services.notify.core.cases import Calls
from services.notify.doors.channels.port import Failed, Sent
from services.notify.doors.topics import reader
from services.notify.events import CONTRACT

from .examples import DIRECTORY, NINE, SUBJECT
from .fakes import FOLDER, LEASE, FakeChannel, World, sender

INTAKE: tuple[Event, ...] = (
    reception.Registered(number="N", family="incident", kind="05-01", channel="grid", community="c"),
    facts.Assigned(fact_at=NINE, unit="team", centre="street", level="street"),
    reception.Urged(by="u-seat", unit="team"),
    whistle.WhistleRequested(obligation="w1", unit="team", by="u-seat", by_unit="street", kind="outcry"),
    whistle.WhistleSettled(obligation="w1", by="u-head"),
    reception.Closed(by="u-seat", outcome="settled"),
    reception.Reopened(by="u-seat", reason="x"),
    facts.WhistleProposed(fact_at=NINE, obligation="w1", rank=2, unit="leaders", post="district_head"),
    facts.Undeliverable(fact_at=NINE, obligation="w1", rank=1, unit="team", reason="channels_failed"),
    facts.ReminderDue(fact_at=NINE, limit="x", step="y"),
)


def blown(rank: int, unit: str) -> whistles.WhistleBlown:
    return whistles.WhistleBlown(
        obligation="w1",
        rank=rank,
        unit=unit,
        post="head",
        lead_unit="team",
        because="requested",
        respond_within_s=60,
        blown_at=NINE,
        policy_version=1,
    )


ESCALATION: tuple[Event, ...] = (
    blown(1, "team"),
    blown(2, "leaders"),
    blown(3, "empty"),
    limits.LimitUnconfirmed(limit="l", step="s", due_at=NINE, seat="street"),
)


class Feed:
    """Makes records of one topic with numbers and offsets."""

    def __init__(self, topic: str, service: str) -> None:
        self.topic, self._service, self._numbers = topic, service, itertools.count(1)

    def record(self, event: Event, after: int | None) -> Record:
        n = next(self._numbers)
        message = envelope(
            event, id=f"{self.topic}/{n}", service=self._service, subject=SUBJECT, time=NINE, sequence=n, afterseq=after
        )
        return Record(self.topic, 0, n - 1, SUBJECT.encode(), encode(message))


steps = st.lists(
    st.sampled_from(INTAKE).map(lambda e: ("intake", e, 0))
    | st.tuples(st.just("escalation"), st.sampled_from(ESCALATION), st.integers(0, 12))
    | st.tuples(st.just("send"), st.just(None), st.integers(0, 3)),
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_a_rebuild_equals_what_was_running(plan):
    world, records = asyncio.run(_run(plan))
    replayer = Replayer("notify", Calls(), reader(), CONTRACT, Case, DIRECTORY)
    piece = Slice(0, records, [encode(message) for message in world.said])
    running = {SUBJECT: world.doc} if world.doc is not None else {}
    report = replayer.compare(piece, running)
    assert report.differences == []
    assert report.records == len(records) and report.own_events == len(world.said)


async def _run(plan) -> tuple[World, list[Record]]:
    world, records, open_, after = World(), [], reader(), 0
    feeds = {"intake": Feed("case.intake", "intake"), "escalation": Feed("case.escalation", "escalation")}
    for kind, event, number in plan:
        if kind == "send":
            mail = FakeChannel(script=[Failed("x")] * number + [Sent()])
            await sender(world, {"email": mail}).once()
            world.clock.at += LEASE
            continue
        after = max(after, number)  # escalation reads one log, so its own numbers of it never fall
        record = feeds[kind].record(event, None if kind == "intake" else after)
        records.append(record)
        read = open_.read(record)
        assert isinstance(read, Incoming)
        async with world.batch({SUBJECT: 0}) as batch:
            work = Work(SUBJECT, 0, batch.rows.get(SUBJECT, Row()))
            FOLDER.apply(work, read, DIRECTORY)
            await batch.write(Write(works=[work]))
    return world, records


def test_a_planted_edit_of_one_own_event_is_found():
    world, records = asyncio.run(_run([("escalation", ESCALATION[0], 0), ("send", None, 0)]))
    replayer = Replayer("notify", Calls(), reader(), CONTRACT, Case, DIRECTORY)
    own = [encode(message) for message in world.said]
    own[1] = own[1].replace(b"u-head", b"u-tail")
    assert world.doc is not None
    report = replayer.compare(Slice(0, records, own), {SUBJECT: world.doc})
    assert [difference.what for difference in report.differences] == ["state"]
    assert b"u-tail" not in msgspec.json.encode([d.what for d in report.differences])
