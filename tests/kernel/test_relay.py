"""The relay on the real broker and database: nothing lost, order kept, marks that never pass an event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from itertools import count, pairwise
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError

from deploy.embedded.stack import EmbeddedStack
from services.kernel import relay as relays
from services.kernel.partitioning import partition_of
from services.kernel.postgres import LockingStore
from services.kernel.relay import Relay
from services.kernel.tables import NoExtension
from tests.kernel.outbox import Outbox, outbox
from tests.kernel.toy import OUT, Added, Meter, ToyCore

pytestmark = pytest.mark.integration


@pytest.fixture
async def toy(stack: EmbeddedStack, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Outbox]:
    async with outbox(stack, monkeypatch) as made:
        yield made


async def many(toy: Outbox, count: int, keys: int = 12) -> None:
    for n in range(count):
        await toy.say(f"m{n % keys}", Added(n=n))


class Faulty:
    """A producer that fails as the network does: before a batch left, or after the broker had it.

    calls: counts batches over all producers of a test, so that the failures come to an end.
    """

    BEFORE, AFTER = frozenset({2, 11, 25, 47}), frozenset({5, 14, 30, 61})

    def __init__(self, producer: Any, calls: Iterator[int]) -> None:
        self._producer, self._calls = producer, calls

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Any:
        call = next(self._calls)
        if call in self.BEFORE:
            raise KafkaTimeoutError
        sent = await self._producer.send_batch(batch, topic, partition=partition)
        if call not in self.AFTER:
            return sent
        await sent
        lost: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        lost.set_exception(KafkaTimeoutError())
        return lost


def with_producer(monkeypatch: pytest.MonkeyPatch, wrap: Callable[[Any], Any]) -> None:
    made = relays.idempotent_producer
    monkeypatch.setattr(relays, "idempotent_producer", lambda *args: wrap(made(*args)))


async def test_order_per_key_is_kept_over_failures_of_the_producer(
    toy: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, failures = count(), list[int]()

    def wrap(producer: Any) -> Faulty:
        failures.append(1)
        return Faulty(producer, calls)

    with_producer(monkeypatch, wrap)
    toy.run(toy.relay().run())
    await many(toy, 200)
    await toy.published()
    repeats = await toy.in_order()
    assert len(failures) > 2 and repeats, "the producer failed, also after the broker had a batch"


async def test_two_relays_at_once_say_everything_once_and_one_takes_over(toy: Outbox) -> None:
    first, second = toy.relay("r1"), toy.relay("r2")
    one = toy.run(first.run())
    await toy.until(lambda: _lanes(first, 24))
    toy.run(second.run())
    await many(toy, 60)
    await toy.published()
    assert await _lanes(second, 0)
    await toy.end(one)
    await many(toy, 60)
    await toy.published()
    assert await toy.in_order() == {}
    assert await _lanes(second, 24)


async def _lanes(relay: Relay, count: int) -> bool:
    return bool(relay._metrics.lanes._value.get() == count)


async def test_a_frozen_holder_loses_its_locks_and_does_no_harm_when_it_wakes(
    toy: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen with rows in its hands: the server gives up on it after 5 s, another one says them, then it wakes."""
    frozen, gate = asyncio.Event(), asyncio.Event()

    class Freezing(Faulty):
        async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Any:
            frozen.set()
            await gate.wait()
            return await self._producer.send_batch(batch, topic, partition=partition)

    with monkeypatch.context() as patched:
        with_producer(patched, lambda producer: Freezing(producer, count()))
        toy.run(toy.relay("frozen").run())
        await many(toy, 12)
        await frozen.wait()
    awake = toy.relay("awake")
    toy.run(awake.run())
    assert await _lanes(awake, 0)
    await toy.published()
    assert await _lanes(awake, 24)
    await many(toy, 24)
    await toy.published()
    gate.set()

    async def heard_late() -> bool:
        return bool(await toy.in_order())

    await toy.until(heard_late)  # its batch came late: the same numbers, the same bytes
    await many(toy, 12)
    await toy.published()
    await toy.in_order()
    assert await _lanes(awake, 24), "it got nothing back"


async def test_a_row_that_commits_late_with_a_smaller_id_is_not_lost(toy: Outbox) -> None:
    toy.run(toy.relay(marks=True).run())
    slow = await toy.connect()
    transaction = slow.transaction()
    await transaction.start()
    await toy.say("slow", Added(n=1), slow)
    await many(toy, 30)

    async def only_the_slow_one_is_left() -> bool:
        return len(await toy.records(toy.log)) == 30

    await toy.until(only_the_slow_one_is_left)
    await transaction.commit()
    await toy.published()
    assert await toy.in_order() == {}
    await slow.close()


async def test_a_mark_never_passes_an_event_of_an_open_transaction(toy: Outbox) -> None:
    toy.run(toy.relay(marks=True).run())
    await toy.say("quick", Added(n=0))
    slow = await toy.connect()
    transaction = slow.transaction()
    await transaction.start()
    began = await slow.fetchval("SELECT now()")
    at = await toy.say("slow", Added(n=1), slow)
    await many(toy, 20)
    later = await toy.pool.fetchval("SELECT clock_timestamp()")

    async def several_more() -> bool:
        return len(await toy.marks()) > before + 5

    before = len(await toy.marks())
    await toy.until(several_more)
    assert max(mark.upto for mark in await toy.marks()) <= began, "it stays behind the open transaction"
    await transaction.commit()

    async def passed() -> bool:
        return (await toy.marks())[-1].upto > later

    await toy.until(passed)
    await slow.close()
    assert at >= began
    await _no_event_behind_a_mark(toy)


async def test_times_never_lie_below_a_published_mark(toy: Outbox) -> None:
    """Under load, with marks all the time; and a stamp of the locking store keeps to the floor."""
    toy.run(toy.relay(marks=True).run())

    async def writer(k: int) -> None:
        for n in range(40):
            await toy.say(f"w{k}", Added(n=n))

    await asyncio.gather(*(writer(k) for k in range(4)))
    await toy.published()
    marks = await toy.marks()
    assert all(a.upto <= b.upto for a, b in pairwise(marks)), "they never fall"
    assert len(marks) >= 2 and set(marks[-1].offsets) == set(range(24))
    await _no_event_behind_a_mark(toy)
    store = LockingStore(toy.pool, "toylog", OUT, Meter, ToyCore(), NoExtension(), most_subjects=10)
    ahead = await toy.pool.fetchval("SELECT clock_timestamp() + interval '1 hour'")
    lane = partition_of("m")
    await toy.pool.execute("UPDATE toylog.mark SET upto = $1 WHERE partition = $2", ahead, lane)
    other = next(f"o{n}" for n in range(99) if partition_of(f"o{n}") != lane)
    async with store.batch({"m": lane, other: partition_of(other)}) as batch:
        assert batch.stamps["m"] == ahead
        assert batch.stamps[other] < ahead - timedelta(minutes=50)


async def _no_event_behind_a_mark(toy: Outbox) -> None:
    from services.kernel.envelope import decode

    events = [(r.partition, r.offset, decode(r.value).time) for r in await toy.records(toy.log)]
    assert events
    for mark in await toy.marks():
        for partition, offset, at in events:
            assert offset < mark.offsets.get(partition, 0) or at >= mark.upto, "a mark has passed an event"
