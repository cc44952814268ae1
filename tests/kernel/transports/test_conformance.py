"""One suite, two transports, a real broker: whoever runs a processor must do this."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiokafka import TopicPartition

from deploy.embedded.stack import EmbeddedStack
from services.kernel.parking import StormError
from services.kernel.processor import FencedError, PositionError, UnreadableError
from services.kernel.store import TP, Position
from services.kernel.transports.aiokafka import KafkaTransport
from services.kernel.transports.faust import FaustTransport
from tests.kernel.transports.tape import FETCH, PARTITIONS, Group, group

pytestmark = pytest.mark.integration
LEAVES_WITHIN_S = 5.5


@pytest.fixture(params=[KafkaTransport, FaustTransport])
async def workers(request: pytest.FixtureRequest, stack: EmbeddedStack) -> AsyncIterator[Group]:
    async with group(stack, request.param) as made:
        yield made


async def test_all_is_applied_once_in_order_and_kafka_shows_it(workers: Group) -> None:
    await workers.produce(300)
    workers.start()
    await workers.applied()
    await workers.produce(300)
    await workers.applied()
    await workers.shown(200)


async def test_a_worker_is_ready_once_it_has_claimed(workers: Group) -> None:
    workers.store.claim_gate.clear()
    await workers.produce(12)
    worker = workers.start()
    await workers.until(lambda: worker.processor._lock.locked(), "claiming")
    assert not worker.processor.assigned
    workers.store.claim_gate.set()
    await workers.until(lambda: worker.processor.assigned, "ready")
    await workers.applied()


async def test_the_database_says_where_to_begin(workers: Group) -> None:
    """Kafka's committed offset is behind it on partition 0 and ahead of it on partition 1."""
    await workers.produce(60)
    ahead, behind = TP(workers.topic, 0), TP(workers.topic, 1)
    workers.store.claims = {ahead: Position(15, 7, None), behind: Position(5, 7, None)}
    async with workers.outsider() as outsider:
        await outsider.commit({TopicPartition(*ahead): 2, TopicPartition(*behind): 12})
    workers.start()
    await workers.until(lambda: workers.store.count() >= 60 - 15 - 5, "all applied that was not before")
    numbers = sorted(n for heard in workers.store.heard().values() for n in heard)
    assert numbers == [n for n in range(60) if n // PARTITIONS >= {0: 15, 1: 5}.get(n % PARTITIONS, 0)]
    assert workers.store.claims[ahead].epoch == 8


async def test_two_share_and_one_takes_over_from_the_other(workers: Group) -> None:
    workers.start()
    await workers.shared_out(3)
    await workers.produce(120)
    second = workers.start()
    await workers.shared_out(2, 1)
    await workers.produce(120)
    await workers.applied()
    assert await second.cancel() < LEAVES_WITHIN_S
    await workers.produce(120)
    await workers.shared_out(3, 0)
    await workers.applied()


async def test_a_rebalance_waits_for_the_batch_in_flight(workers: Group) -> None:
    first = workers.start()
    await workers.shared_out(3)
    workers.store.batch_gate.clear()
    await workers.produce(240)
    await workers.store.in_batch.wait()
    first.processor.revoking.clear()  # joining a group begins with a revocation of nothing
    second = workers.start()
    await workers.until(first.processor.revoking.is_set, "the first is asked to let go")
    with pytest.raises(AssertionError, match="not within"):
        await workers.until(lambda: second.processor.assigned, "claimed during the batch", seconds=0.5)
    workers.store.batch_gate.set()
    await workers.shared_out(2, 1)  # the batch was written: a claim before its end would have fenced the first
    await workers.applied()


@pytest.mark.parametrize("finishes", [True, False])
async def test_told_to_stop_during_a_batch(workers: Group, finishes: bool) -> None:
    first = workers.start()
    await workers.shared_out(3)
    workers.store.batch_gate.clear()
    await workers.produce(120)
    await workers.store.in_batch.wait()
    if finishes:
        asyncio.get_running_loop().call_later(0.3, workers.store.batch_gate.set)
    assert await first.cancel() < LEAVES_WITHIN_S
    assert not first.processor.assigned
    workers.store.batch_gate.set()
    workers.start()
    await workers.applied()


async def test_told_to_stop_while_it_starts(workers: Group) -> None:
    for wait_s in (0.0, 0.3, 1.2):
        worker = workers.start()
        await asyncio.sleep(wait_s)
        assert await worker.cancel() < LEAVES_WITHIN_S


async def ends(workers: Group) -> None:
    async with asyncio.timeout(15):
        await asyncio.shield(workers.workers[0].run)


async def test_a_fenced_worker_ends(workers: Group) -> None:
    workers.start()
    await workers.shared_out(3)
    tp = TP(workers.topic, 2)
    workers.store.claims[tp] = replace(workers.store.claims[tp], epoch=99)
    await workers.produce(12)
    with pytest.raises(FencedError):
        await ends(workers)
    assert "k2" not in workers.store.heard()


async def test_a_position_outside_the_topic_ends_it(workers: Group) -> None:
    workers.store.claims[TP(workers.topic, 2)] = Position(1_000, 1, None)
    workers.start()
    with pytest.raises(PositionError, match="the position is 1000"):
        await ends(workers)


@pytest.mark.parametrize(("keys", "error"), [((None,), UnreadableError), (("k1", "k5", "k9"), StormError)])
async def test_records_that_stop_a_worker_end_it(workers: Group, keys: tuple[str], error: type[Exception]) -> None:
    await workers.send((key, 1, "?") for key in keys)
    workers.start()
    with pytest.raises(error):
        await ends(workers)


async def test_a_fault_of_ours_ends_it_and_nothing_follows(workers: Group) -> None:
    workers.store.fault = ZeroDivisionError("planted")
    await workers.produce(FETCH * PARTITIONS)  # a fetch of one partition each: the second could be applied
    workers.start()
    with pytest.raises(ZeroDivisionError, match="planted"):
        await ends(workers)
    assert workers.store.count() == 0
