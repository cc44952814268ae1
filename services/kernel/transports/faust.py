"""Runs a processor on Faust: one event per fetch, positions from the database.

Faust keeps positions of its own, makes an event of every record, and swallows or restarts what fails. So its consumer
is overridden where it seeks, fetches, commits and rebalances. Names of its own that are used here are release 0.15.3's,
no promises: tests/kernel/transports/test_faust.py holds them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import faust
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP as FaustTP  # noqa: N811 - a class, whatever its case

from services.kernel.core import I, Record, S, V
from services.kernel.processor import Bounds, Processor
from services.kernel.store import TP
from services.kernel.transports.port import GroupPlan

_CLAIM_S = 24.0  # past broker_request_timeout Faust would give up in silence and live on without records
_WAIT_S = 2.5  # for the batch in flight when told to stop; and for a commit, which is for the display alone
_Fetch: TypeAlias = tuple[int, list[Record]]  # the assignment to which it belongs, and what came


class FaustTransport:
    """See `port.Transport`. Topics are shared out by range, as by the plain transport: one group may hold both."""

    def __init__(self, plan: GroupPlan, processor: Processor[S, I, V]) -> None:
        self._plan, self._processor = plan, processor

    async def run(self) -> None:
        """Consume until cancelled. Raises: whatever ends the worker."""
        app = _App(self._plan, self._processor)
        starting = asyncio.create_task(app.start_kept())
        try:
            await app.failed
        finally:
            # Faust would cancel the batch in flight, and leave a thread that is just starting behind for ever.
            revoking = asyncio.create_task(self._processor.revoke())
            await asyncio.wait({starting, revoking}, timeout=_WAIT_S)
            starting.cancel()
            await app.stop()
            await asyncio.wait({starting, revoking}, timeout=_WAIT_S)


class _Range(RangePartitionAssignor):  # type: ignore[misc]
    """Faust's default deals topics out one by one, so that one subject's partitions would go to different workers."""

    def __init__(self, app: faust.App, replicas: int = 0) -> None: ...

    def assigned_actives(self) -> set[FaustTP]:
        return set()  # of the partitions of tables: there are no tables

    assigned_standbys = assigned_actives


class _Consumer(driver.Consumer):
    app: _App
    _assignment = _claimed = 0  # counts assignments, as the group's own generation may repeat itself; the one claimed
    _given: frozenset[FaustTP] = frozenset()  # its partitions; none while a rebalance is under way
    _seeks = 0

    async def on_partitions_revoked(self, revoked: set[FaustTP]) -> None:
        self._given = frozenset()  # nothing is claimed from here on, and a claim under way ends first
        async with self.app.claiming:
            await self.app.processor.revoke()
        if not self.app.should_stop:
            await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[FaustTP], generation_id: int = 0) -> None:
        self._assignment += 1
        self._given = frozenset(assigned)
        if not self.app.should_stop:
            await super().on_partitions_assigned(assigned, generation_id)

    async def seek_to_committed(self) -> Mapping[FaustTP, int]:
        """Faust's last seek after every rebalance: to the database's positions, claimed once per assignment."""
        with self.app.kept(), contextlib.suppress(IllegalStateError):  # raised when the next rebalance has begun
            try:
                async with asyncio.timeout(_CLAIM_S), self.app.claiming:
                    if self._given and self._claimed != self._assignment and not self.app.failed.done():
                        begins, ends = await self.earliest_offsets(*self._given), await self.highwaters(*self._given)
                        bounds = {TP(*tp): Bounds(begins[tp], ends[tp]) for tp in self._given}
                        await self.app.processor.assign(self._assignment, bounds)
                        self._claimed = self._assignment
                    starts = {FaustTP(*tp): offset for tp, offset in self.app.processor.positions().items()}
                    await self._thread.seek_wait(starts)
                    self._seeks += 1
            except TimeoutError as late:
                raise TimeoutError(f"The partitions could not be claimed within {_CLAIM_S:.0f} s.") from late
            await self.commit()
            return starts
        return {}

    async def _drain_messages(self, fetcher: faust.ServiceT) -> None:
        with self.app.kept():
            while not (self.should_stop or fetcher.should_stop or self.app.failed.done()):
                seeks = self._seeks
                fetched, _ = await self._wait_next_records(timeout=1.0)
                if not self.flow_active or seeks != self._seeks:  # it may be of before the seek
                    await self.perform_seek()
                elif fetched:
                    # A revocation cancels whoever waits to put. Who cancels this task itself has set should_stop.
                    with contextlib.suppress(asyncio.CancelledError):
                        await self.app.queue.put(self._event(fetched))
                    await asyncio.sleep(self.app.linger_s)

    def _event(self, fetched: Mapping[FaustTP, list[ConsumerRecord]]) -> faust.EventT[_Fetch]:
        found = [record for batch in fetched.values() for record in batch]
        records = [Record(r.topic, r.partition, r.offset, r.key, r.value, r.headers, r.timestamp) for r in found]
        message = self._to_message(next(iter(fetched)), found[0])  # Faust looks at its generation alone
        return self.app.create_event(None, (self._assignment, records), None, message)

    async def commit(self, topics: object = None, start_new_transaction: bool = True) -> bool:
        """Kafka's committed offset follows the database's, so that the usual tools show our lag; nobody reads it."""
        offsets = {TopicPartition(*tp): offset for tp, offset in self.app.processor.positions().items()}
        if offsets:
            commit = self._thread._ensure_consumer().commit
            with contextlib.suppress(KafkaError, TimeoutError):
                await self._thread.call_thread(asyncio.wait_for, commit(offsets), _WAIT_S)
        return bool(offsets)

    def verify_event_path(self, now: float, tp: FaustTP) -> None:
        """Faust would warn of records that are not acknowledged one by one."""


class _Transport(driver.Transport):
    Consumer = _Consumer


class _App(faust.App):
    def __init__(self, plan: GroupPlan, processor: Processor[Any, Any, Any]) -> None:
        user, password = plan.login.kafka_user, plan.login.kafka_password
        super().__init__(
            plan.group,
            broker=[f"kafka://{host}" for host in plan.login.kafka.split(",")],
            broker_client_id=plan.instance,
            broker_credentials=faust.SASLCredentials(username=user, password=password, mechanism="SCRAM-SHA-512"),
            broker_session_timeout=plan.session_timeout_s,
            broker_heartbeat_interval=plan.heartbeat_s,
            broker_rebalance_timeout=plan.session_timeout_s,
            broker_request_timeout=max(30.0, plan.session_timeout_s),
            broker_max_poll_records=plan.fetch_records,
            broker_commit_interval=plan.commit_every_s,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=2_000_000,
            stream_buffer_maxsize=2,
            topic_disable_leader=True,
            topic_allow_declare=False,
            PartitionAssignor=_Range,
        )
        self.boot_strategy.enable_kafka_producer = self.boot_strategy.enable_web = False
        self.transport = _Transport(self.conf.broker_consumer, self)
        self.processor, self.claiming, self.linger_s = processor, asyncio.Lock(), plan.linger_s
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()  # done when nothing may follow
        topic = self.topic(*plan.topics, acks=False, key_serializer="raw", value_serializer="raw", value_type=bytes)
        self.agent(topic, name="worker")(self._consume)

    async def on_first_start(self) -> None:
        """Faust would make folders for tables."""

    async def start_kept(self) -> None:
        with self.kept():
            await self.start()

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """What goes wrong inside is kept for `run`. Faust would log it, then restart or live on without records."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - raised again by run()
            self._fail(error)

    def _crash(self, reason: BaseException) -> None:
        super()._crash(reason)
        self.loop.call_soon_threadsafe(self._fail, reason)  # the consumer crashes in a thread of its own

    def _fail(self, error: BaseException) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)

    async def _consume(self, stream: faust.StreamT[_Fetch]) -> None:
        self.queue = stream.channel.queue  # type: ignore[attr-defined]  # an agent's channel is a topic
        async for event in stream.events():  # nothing is acknowledged: acks=False
            with self.kept():
                if not self.failed.done():
                    await self.processor.process(*event.value)
