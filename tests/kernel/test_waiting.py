"""Records of no use to a core wait for one of use, before the recorded position, and are written with it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, ClassVar

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from services.kernel.core import Record
from services.kernel.envelope import Event
from services.kernel.fold import Folder
from services.kernel.processor import Bounds, Processor
from services.kernel.store import TP
from services.kernel.telemetry import ProcessorMetrics
from tests.kernel.memory import MemoryStore
from tests.kernel.toy import LOG, OUT, Added, Given, Meter, ToyCore, Writer, partition_of, toy_reader

HERE = TP(LOG, partition_of("m"))
MOST = 5


class Noted(Event, frozen=True, kw_only=True):
    """A type that the toy does not know."""

    TYPE: ClassVar[str] = "toy.noted.v1"


class Counting(MemoryStore[Meter, Given, None]):
    """How many records each batch was about, by its position before and after."""

    def __init__(self) -> None:
        super().__init__(OUT, Meter, ToyCore(), lambda: None)
        self.written: list[int] = []

    @asynccontextmanager
    async def batch(self, subjects: Mapping[str, int]) -> AsyncIterator[Any]:
        before = self.claims[HERE].next_offset
        async with super().batch(subjects) as batch:
            yield batch
        self.written.append(self.claims[HERE].next_offset - before)


@pytest.fixture
def store() -> Counting:
    return Counting()


@pytest.fixture
def metrics() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
async def worker(store: Counting, metrics: CollectorRegistry) -> Processor[Any, Any, Any]:
    counts = ProcessorMetrics("toy", metrics)
    made = Processor(Folder("toy", ToyCore()), toy_reader(), store, counts, batch_records=MOST, waits=True)
    await made.assign(1, {HERE: Bounds(0, 1_000)})
    return made


def noted(writer: Writer, count: int) -> list[Record]:
    return [writer.say("m", Noted()) for _ in range(count)]


async def test_they_are_written_with_the_next_one_of_use(
    store: Counting, worker: Processor[Any, Any, Any], metrics: CollectorRegistry
) -> None:
    writer = Writer()
    for record in noted(writer, 3):
        assert await worker.process(1, [record])
    assert (store.written, worker.positions()) == ([], {HERE: 0})
    with capture_logs() as logs:
        assert await worker.process(1, [writer.say("m", Added(n=7))])
    assert (store.written, worker.positions()) == ([4], {HERE: 4})
    assert [said.message.afterseq for said in store.said] == [4]
    assert metrics.get_sample_value("maodiao_records_total", {"service": "toy", "outcome": "applied"}) == 4
    assert metrics.get_sample_value("maodiao_unknown_total", {"what": "toy.noted.v1"}) == 3
    assert [line["what"] for line in logs if line["log_level"] == "warning"] == ["toy.noted.v1"], "warned of once"


@pytest.mark.parametrize("value", [Added(n=1), b"nobody can read this"])
async def test_a_fetch_with_any_other_record_is_written_whole(
    store: Counting, worker: Processor[Any, Any, Any], value: Event | bytes
) -> None:
    writer = Writer()
    one = writer.place("m", value) if isinstance(value, bytes) else writer.say("m", value)
    await worker.process(1, [one, *noted(writer, 1)])
    assert store.written == [2]


async def test_they_are_written_when_time_is_up(store: Counting, worker: Processor[Any, Any, Any]) -> None:
    writer = Writer()
    await worker.process(1, noted(writer, 2))
    await worker.settle()
    assert (store.written, worker.positions()) == ([2], {HERE: 2})
    await worker.settle()
    assert store.written == [2]


async def test_no_more_wait_than_fit_into_a_batch(store: Counting, worker: Processor[Any, Any, Any]) -> None:
    writer = Writer()
    await worker.process(1, noted(writer, MOST))
    assert store.written == []
    await worker.process(1, noted(writer, 1))
    assert store.written == [MOST, 1]


async def test_the_next_owner_reads_them(store: Counting, worker: Processor[Any, Any, Any]) -> None:
    """They are nobody's until they are read again: not this worker's either, should it be the next owner."""
    writer = Writer()
    before = noted(writer, 2)
    await worker.process(1, before)
    await worker.revoke()
    await worker.settle()
    assert await worker.assign(2, {HERE: Bounds(0, 1_000)}) == {HERE: 0}
    await worker.settle()
    assert store.written == []
    late = noted(writer, 1)
    assert not await worker.process(1, late), "fetched under the assignment that is over"
    await worker.process(2, [*before, *late, writer.say("m", Added(n=1))])
    assert (store.written, [said.message.afterseq for said in store.said]) == ([4], [4])


async def test_where_nothing_waits_all_is_written_at_once(store: Counting) -> None:
    counts = ProcessorMetrics("toy", CollectorRegistry())
    eager = Processor(Folder("toy", ToyCore()), toy_reader(), store, counts)
    await eager.assign(1, {HERE: Bounds(0, 1_000)})
    await eager.process(1, noted(Writer(), 2))
    assert store.written == [2]
