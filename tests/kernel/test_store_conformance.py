"""One suite, all stores: memory, one statement per batch (also read ahead, also guarded against other writers), and
rows under lock.

The memory store is the oracle.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from deploy.embedded.stack import EmbeddedStack
from deploy.migrations import migrate
from deploy.topology import Role
from services.kernel.envelope import Envelope, decode
from services.kernel.fold import Folder
from services.kernel.marks import Mark
from services.kernel.parking import StormError, StormLimit
from services.kernel.postgres import BatchStore, GuardedStore, LockingStore
from services.kernel.processor import Bounds, FencedError, PositionError, Processor, UnreadableError
from services.kernel.store import TP, Unavailable
from services.kernel.tables import NoExtension
from services.kernel.telemetry import ProcessorMetrics
from tests.kernel.memory import MemoryStore
from tests.kernel.toy import LOG, OUT, Added, Answered, Asked, Meter, ToyCore, Writer, partition_of, toy_reader

KINDS = [
    "memory",
    pytest.param("batch", marks=pytest.mark.integration),
    pytest.param("ahead", marks=pytest.mark.integration),
    pytest.param("guarded", marks=pytest.mark.integration),
    pytest.param("locking", marks=pytest.mark.integration),
]


@dataclass
class Rig:
    """A store under test, and how to look into it from outside."""

    store: Any
    pool: asyncpg.Pool | None

    def worker(self, storm: StormLimit | None = None, **more: int) -> Processor[Any, Any, Any]:
        metrics = ProcessorMetrics("toy", CollectorRegistry())
        folder = Folder("toy", ToyCore())
        return Processor(folder, toy_reader(), self.store, metrics, log_topic=LOG, storm=storm, **more)

    async def said(self) -> list[Envelope]:
        if self.pool is None:
            return [said.message for said in self.store.said]
        return [decode(row["body"]) for row in await self.pool.fetch("SELECT body FROM toy.event ORDER BY id")]

    async def states(self) -> dict[str, bytes]:
        if self.pool is None:
            return {subject: doc for subject, (_, doc) in self.store.docs.items()}
        return {row["subject"]: row["doc"] for row in await self.pool.fetch("SELECT * FROM toy_state.state")}

    async def parked(self) -> list[tuple[int, str]]:
        if self.pool is None:
            return [(p.record.offset, p.reason) for p in self.store.parked]
        rows = await self.pool.fetch('SELECT "offset", reason FROM toy.parked ORDER BY "offset"')
        return [(row["offset"], row["reason"]) for row in rows]

    async def ask_redrive(self, subject: str) -> None:
        if self.pool is None:
            self.store.redrive.add(subject)
        else:
            await self.pool.execute("UPDATE toy.parked SET redrive = true WHERE subject = $1", subject)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> tuple[str, EmbeddedStack | None]:
    """Which store; the stack is started only for those that need it."""
    return request.param, None if request.param == "memory" else request.getfixturevalue("stack")


@pytest.fixture
async def rig(kind: tuple[str, EmbeddedStack | None]) -> AsyncIterator[Rig]:
    name, stack = kind
    if stack is None:
        yield Rig(MemoryStore(OUT, Meter, ToyCore(), lambda: None), None)
        return
    async with toy_pool(stack) as pool:
        make = {"locking": LockingStore, "guarded": GuardedStore}.get(name, BatchStore)
        ahead = {"reads_ahead": True} if name == "ahead" else {}
        yield Rig(make(pool, "toy", OUT, Meter, ToyCore(), NoExtension(), most_subjects=100, **ahead), pool)


@asynccontextmanager
async def toy_pool(stack: EmbeddedStack) -> AsyncIterator[asyncpg.Pool]:
    """A fresh database with the toy's schemas."""
    await stack.add_role(Role("toy"))
    database = await stack.new_database()
    await stack.add_role(Role("toy"), database)
    async with asyncpg.create_pool(stack.dsn("toy", database), min_size=1, max_size=4) as pool:
        async with pool.acquire() as connection:
            await migrate(connection, "toy")
        yield pool


def everywhere(begin: int = 0, end: int = 1_000_000) -> dict[TP, Bounds]:
    return {TP(LOG, partition): Bounds(begin, end) for partition in range(24)}


async def test_states_events_and_positions_agree(rig: Rig) -> None:
    writer, worker = Writer(), rig.worker()
    await worker.assign(1, everywhere())
    records = [writer.say(f"m{n % 7}", Added(n=n)) for n in range(40)]
    assert await worker.process(1, records)
    totals = {s: msgspec.json.decode(doc)["state"]["total"] for s, doc in (await rig.states()).items()}
    assert totals == {f"m{k}": sum(n for n in range(40) if n % 7 == k) for k in range(7)}
    said = await rig.said()
    assert len(said) == 40
    assert {m.sequence for m in said if m.subject == "m1"} == set(range(1, 7))
    assert all(m.afterseq == m.sequence for m in said)
    assert worker.positions()[TP(LOG, partition_of("m1"))] == writer.offsets[partition_of("m1")]


async def test_a_batch_goes_on_from_the_one_before_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many small batches in one call, each with subjects of the one before, read while that one is being written."""
    writer, worker, batches, made = Writer(), rig.worker(batch_records=3), itertools.count(1), rig.store.batch
    monkeypatch.setattr(rig.store, "batch", lambda subjects: (next(batches), made(subjects))[1])
    await worker.assign(1, everywhere())
    assert await worker.process(1, [writer.say(f"m{n % 4}", Added(n=n)) for n in range(50)])
    said = [m for m in await rig.said() if m.subject == "m1"]
    assert [m.sequence for m in said] == [m.afterseq for m in said] == list(range(1, 14))
    totals = {s: msgspec.json.decode(doc)["state"]["total"] for s, doc in (await rig.states()).items()}
    assert totals == {f"m{k}": sum(n for n in range(50) if n % 4 == k) for k in range(4)}
    assert worker.positions() == {tp: at.next_offset for tp, at in (await rig.store.positions([*everywhere()])).items()}
    assert next(batches) == 18, "none was decided twice: what had been read was enough"


@pytest.mark.parametrize("when", ["before it is written", "after it is written"])
async def test_a_fault_of_the_database_between_batches_costs_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """The second write is cut off; what was decided upon it is thrown away and decided again."""
    writer, worker, writes = Writer(), rig.worker(batch_records=3), itertools.count()
    made = rig.store.batch

    @asynccontextmanager
    async def faulty(subjects: Any) -> AsyncIterator[Any]:
        async with made(subjects) as batch:
            whole = batch.write

            async def write(write: Any) -> Any:
                number = next(writes)
                if number == 1 and when == "before it is written":
                    raise Unavailable("cut off")
                written = await whole(write)
                if number == 1:
                    raise Unavailable("cut off")
                return written

            batch.write = write
            yield batch

    monkeypatch.setattr(rig.store, "batch", faulty)
    await worker.assign(1, everywhere())
    assert await worker.process(1, [writer.say("m", Added(n=n)) for n in range(20)])
    assert [m.sequence for m in await rig.said()] == list(range(1, 21))


async def test_no_batch_follows_one_that_was_fenced(rig: Rig) -> None:
    writer, old, new = Writer(), rig.worker(batch_records=3), rig.worker()
    await old.assign(1, everywhere())
    await new.assign(1, everywhere())
    with pytest.raises(FencedError):
        await old.process(1, [writer.say("m", Added(n=n)) for n in range(20)])
    assert (await rig.said(), await rig.states()) == ([], {})


async def test_a_repeat_changes_nothing(rig: Rig) -> None:
    writer, worker = Writer(), rig.worker()
    await worker.assign(1, everywhere())
    records = [writer.say("m", Added(n=n)) for n in range(5)]
    await worker.process(1, records)
    before, said = await rig.states(), await rig.said()
    await worker.process(1, records)  # the same offsets again
    repeat = [writer.place("m", r.value or b"") for r in records]  # the same events at later offsets
    await worker.process(1, repeat)
    assert (await rig.states(), await rig.said()) == (before, said)


async def test_whoever_was_fenced_writes_nothing_and_leaves(rig: Rig) -> None:
    writer, old, new = Writer(), rig.worker(), rig.worker()
    await old.assign(1, everywhere())
    await old.process(1, [writer.say("m", Added(n=1))])
    starts = await new.assign(1, everywhere())
    assert starts[TP(LOG, partition_of("m"))] == 1
    late = writer.say("m", Added(n=2))
    with pytest.raises(FencedError):
        await old.process(1, [late])
    assert len(await rig.said()) == 1
    await new.process(1, [late])
    assert [m.sequence for m in await rig.said()] == [1, 2]


async def test_events_without_any_position_refuse_to_start(rig: Rig) -> None:
    writer, worker = Writer(), rig.worker()
    await worker.assign(1, everywhere())
    await worker.process(1, [writer.say("m", Added(n=1))])
    if rig.pool is None:
        rig.store.claims.clear()
    else:
        await rig.pool.execute("TRUNCATE toy.position")
    with pytest.raises(PositionError, match="maodiao reconcile"):
        await rig.worker().assign(1, everywhere())


async def test_only_the_fenced_partition_is_dropped(rig: Rig) -> None:
    writer, old, new = Writer(), rig.worker(), rig.worker()
    await old.assign(1, everywhere())
    await new.assign(1, {TP(LOG, partition_of("a")): Bounds(0, 10)})
    assert partition_of("a") != partition_of("b")
    with pytest.raises(FencedError):
        await old.process(1, [writer.say("a", Added(n=1)), writer.say("b", Added(n=1))])
    assert [m.subject for m in await rig.said()] == ["b"]


async def test_records_of_an_assignment_that_is_over_are_not_taken(rig: Rig) -> None:
    writer, worker = Writer(), rig.worker()
    await worker.assign(1, everywhere())
    await worker.revoke()
    assert not await worker.process(1, [writer.say("m", Added(n=1))])
    await worker.assign(2, everywhere())
    assert not await worker.process(1, [writer.say("m", Added(n=1))])
    assert await rig.said() == []


async def test_a_limit_fires_when_the_mark_has_passed_and_not_before(rig: Rig) -> None:
    writer, worker = Writer(), rig.worker()
    await worker.assign(1, everywhere())
    await worker.process(1, [writer.say("m", Asked(within_s=60))])
    lane, due = partition_of("m"), writer.at + timedelta(seconds=60)
    mark(worker, lane, offset=1, upto=due)  # a tie goes to the event
    await worker.fire()
    assert await rig.said() == []
    mark(worker, lane, offset=2, upto=due + timedelta(seconds=1))  # ahead of our position: an answer may lie between
    await worker.fire()
    assert await rig.said() == []
    await worker.process(1, [writer.say("m", Answered(), after_s=60)])
    await worker.fire()
    assert [m.type for m in await rig.said()] == ["toy.met.v1"]


async def test_a_silent_subject_fires_once_with_the_limits_time(rig: Rig) -> None:
    writer, worker = Writer(), rig.worker()
    await worker.assign(1, everywhere())
    await worker.process(1, [writer.say("m", Asked(within_s=60))])
    due = writer.at + timedelta(seconds=60)
    for late in (1, 2):
        mark(worker, partition_of("m"), offset=1, upto=due + timedelta(seconds=late))
        await worker.fire()
    (missed,) = await rig.said()
    assert (missed.type, missed.time, missed.afterseq) == ("toy.missed.v1", due, 1)


@pytest.mark.parametrize("most", [1, 2, 4, 5])
async def test_a_position_tells_how_far_limits_fired_once_all_have(rig: Rig, most: int) -> None:
    """Also where the last batch is full to the brim."""
    writer, worker = Writer(), rig.worker()
    rig.store.most_subjects = most
    await worker.assign(1, everywhere())
    subjects = [f"m{n}" for n in range(2_000) if partition_of(f"m{n}") == partition_of("m")][:4]
    await worker.process(1, [writer.say(subject, Asked(within_s=60)) for subject in subjects])
    lane, upto = partition_of("m"), writer.at + timedelta(seconds=90)
    mark(worker, lane, offset=4, upto=upto)
    rounds = 1
    while await worker.fire():
        rounds += 1
        if rounds * most < len(subjects):
            assert (await rig.store.positions([TP(LOG, lane)]))[TP(LOG, lane)].upto is None
    assert rounds == -(-len(subjects) // most)
    assert len(await rig.said()) == 4
    assert (await rig.store.positions([TP(LOG, lane)]))[TP(LOG, lane)].upto == upto


async def test_before_an_event_the_limits_due_before_it_fire(rig: Rig) -> None:
    writer, worker = Writer(), rig.worker()
    await worker.assign(1, everywhere())
    await worker.process(1, [writer.say("m", Asked(within_s=60)), writer.say("m", Answered(), after_s=61)])
    assert [m.type for m in await rig.said()] == ["toy.missed.v1"]


async def test_a_bad_record_holds_its_subject_and_nobody_else(rig: Rig) -> None:
    writer, worker = Writer(), rig.worker()
    await worker.assign(1, everywhere())
    bad = writer.place("m", b"{not json")
    await worker.process(1, [bad, writer.say("m", Added(n=1)), writer.say("other", Added(n=5))])
    assert [m.type for m in await rig.said()] == ["subject.held.v1", "toy.counted.v1"]
    assert sorted(await rig.parked()) == [(bad.offset, "not_json"), (bad.offset + 1, "behind")]


async def test_a_gap_holds_and_redrive_applies_in_order(rig: Rig) -> None:
    writer, worker = Writer(), rig.worker()
    await worker.assign(1, everywhere())
    first, second, third = (writer.say("m", Added(n=n)) for n in (1, 2, 3))
    values = [first.value, third.value, second.value]
    other = Writer()
    await worker.process(1, [other.place("m", value or b"") for value in values])
    assert [reason for _, reason in await rig.parked()] == ["gap", "behind"]
    await rig.ask_redrive("m")
    assert await worker.redrive() == 2
    assert await rig.parked() == []
    assert [m.type for m in await rig.said()] == [
        "toy.counted.v1", "subject.held.v1", "toy.counted.v1", "toy.counted.v1", "subject.released.v1",
    ]  # fmt: skip
    assert msgspec.json.decode((await rig.states())["m"])["state"]["total"] == 6


async def test_while_held_a_limit_is_told_as_unconfirmed(rig: Rig) -> None:
    writer, worker = Writer(), rig.worker()
    await worker.assign(1, everywhere())
    await worker.process(1, [writer.say("m", Asked(within_s=60)), writer.place("m", b"?")])
    mark(worker, partition_of("m"), offset=2, upto=writer.at + timedelta(seconds=61))
    await worker.fire()
    *_, missed = await rig.said()
    assert msgspec.json.decode(missed.data)["held"] is True


async def test_a_storm_of_bad_records_stops_the_worker(rig: Rig) -> None:
    writer, worker = Writer(), rig.worker(StormLimit(most=5, of=10))
    await worker.assign(1, everywhere())
    with pytest.raises(StormError):
        await worker.process(1, [writer.place(f"m{n}", b"?") for n in range(5)])
    assert await rig.parked() == []


async def test_a_record_that_concerns_nobody_stops_its_partition(rig: Rig) -> None:
    worker, writer = rig.worker(), Writer()
    await worker.assign(1, everywhere())
    with pytest.raises(UnreadableError):
        await worker.process(1, [replace(writer.place("m", b"?"), key=None)])


@pytest.mark.parametrize("begin, end", [(5, 9), (0, 0)])
async def test_a_position_outside_the_topic_refuses_to_start(rig: Rig, begin: int, end: int) -> None:
    writer, worker = Writer(), rig.worker()
    await worker.assign(1, everywhere())
    await worker.process(1, [writer.say("m", Added(n=n)) for n in range(3)])
    with pytest.raises(PositionError, match="maodiao"):
        await rig.worker().assign(1, {TP(LOG, partition_of("m")): Bounds(begin, end)})


async def test_a_hole_in_the_offsets_stops(rig: Rig) -> None:
    writer, worker = Writer(), rig.worker()
    await worker.assign(1, everywhere())
    writer.say("m", Added(n=1))
    with pytest.raises(PositionError):
        await worker.process(1, [writer.say("m", Added(n=2))])


def mark(worker: Processor[Any, Any, Any], lane: int, *, offset: int, upto: Any) -> None:
    worker.marks.add(Mark(relay="r", upto=upto, offsets={lane: offset}))
