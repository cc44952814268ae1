"""Runs a processor on plain aiokafka."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError

from services.kernel.broker import bounds, client, gathering
from services.kernel.core import I, Record, S, V
from services.kernel.processor import Processor
from services.kernel.store import TP
from services.kernel.transports.port import GroupPlan


class KafkaTransport(ConsumerRebalanceListener):  # type: ignore[misc]
    """See `port.Transport`. Topics are shared out by range, so that one worker has a partition of all of them."""

    def __init__(self, plan: GroupPlan, processor: Processor[S, I, V]) -> None:
        self._plan, self._processor = plan, processor
        self._generation = 0
        self._failed: BaseException | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def run(self) -> None:
        """Consume until cancelled. Raises: whatever ends the worker."""
        plan = self._plan
        self._consumer = consumer = AIOKafkaConsumer(
            **client(plan.login, plan.instance),
            group_id=plan.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(RangePartitionAssignor,),
            session_timeout_ms=int(plan.session_timeout_s * 1000),
            heartbeat_interval_ms=int(plan.heartbeat_s * 1000),
            max_partition_fetch_bytes=2_000_000,
            **gathering(plan.gather_ms),
        )
        await consumer.start()
        consumer.subscribe(list(plan.topics), listener=self)
        commits = asyncio.create_task(self._commit_for_display(consumer))
        try:
            while True:
                batches = await consumer.getmany(timeout_ms=200, max_records=plan.fetch_records)
                generation = self._generation  # read after the fetch: what came is of this assignment
                if self._failed is not None:
                    raise self._failed
                found = [record for batch in batches.values() for record in batch]
                new = [Record(r.topic, r.partition, r.offset, r.key, r.value, r.headers, r.timestamp) for r in found]
                if new:
                    await self._processor.process(generation, new)
                    await asyncio.sleep(plan.linger_s)
        finally:
            commits.cancel()
            await asyncio.gather(commits, return_exceptions=True)
            await self._processor.revoke()
            await consumer.stop()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        await self._processor.revoke()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        # aiokafka logs what a listener raises and goes on; the loop above must end instead.
        try:
            await self._claim([TP(tp.topic, tp.partition) for tp in assigned])
        except Exception as error:  # noqa: BLE001 - raised again by run()
            self._failed = error

    async def _claim(self, assigned: list[TP]) -> None:
        assert self._consumer is not None
        generation = self._generation + 1
        if assigned:
            starts = await self._processor.assign(generation, await bounds(self._consumer, assigned))
            for tp, offset in starts.items():
                self._consumer.seek(TopicPartition(*tp), offset)
        self._generation = generation  # only now: what was fetched before the seeks is of nobody's assignment

    async def _commit_for_display(self, consumer: AIOKafkaConsumer) -> None:
        """Kafka's committed offset follows the database's, so that the usual tools show our lag."""
        while True:
            await asyncio.sleep(self._plan.commit_every_s)
            positions = {TopicPartition(*tp): offset for tp, offset in self._processor.positions().items()}
            if positions:
                with contextlib.suppress(KafkaError):
                    await consumer.commit(positions)
