"""Runs a processor on Faust: one event per fetch, positions from the database.

Faust keeps a position of its own, makes an event of every record, and swallows or restarts what fails. So its consumer
is overridden where it seeks, fetches, commits and hears of rebalances, by names of exactly release 0.15.3 (`PRIVATE`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import faust
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import ConsumerRecord, TopicPartition
from faust.app.base import BootStrategy
from faust.transport.drivers import aiokafka as driver
from faust.types import TP as FaustTP  # noqa: N811 - a class, whatever its case
from faust.types import AppT, EventT, StreamT
from mode import ServiceT

from services.kernel.core import I, Record, S, V
from services.kernel.processor import Bounds, Processor
from services.kernel.store import TP
from services.kernel.transports.port import GroupPlan

_REQUEST_S = 30.0
_CLAIM_S = 0.8 * _REQUEST_S  # past _REQUEST_S Faust would give up in silence and live on without records
_BATCH_S = 2.5  # for the batch in flight when the process is told to stop
_COMMIT_S = 2.0  # a commit is for the display alone: it never holds up anything for longer

PRIVATE: Final[dict[type, tuple[str, ...]]] = {
    driver.Consumer: ("_drain_messages", "_to_message", "_wait_next_records"),
    driver.AIOKafkaConsumerThread: ("_ensure_consumer",),
    faust.App: ("_crash", "_new_transport"),
}
"""What is overridden or used here without being promised by anybody."""

_Fetch: TypeAlias = tuple[int, list[Record]]  # the assignment to which it belongs, and what came


class FaustTransport:
    """See `port.Transport`. Topics are shared out by range, as by the plain transport: one group may hold both."""

    def __init__(self, plan: GroupPlan, processor: Processor[S, I, V]) -> None:
        self._plan, self._processor = plan, processor

    async def run(self) -> None:
        """Consume until cancelled. Raises: whatever ends the worker."""
        app = _App(self._plan, self._processor)
        starting = asyncio.create_task(app.start_or_fail())
        try:
            await app.failed
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await self._revoke()  # first: Faust would cancel the batch in flight
            await app.stop()
            await self._revoke()

    async def _revoke(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_BATCH_S):
                await self._processor.revoke()


class _Range(RangePartitionAssignor):  # type: ignore[misc]
    """Faust's default deals topics out one by one, so that a case's partitions would land on different workers."""

    def __init__(self, app: AppT, replicas: int = 0) -> None: ...

    def assigned_standbys(self) -> set[FaustTP]:
        return set()

    def assigned_actives(self) -> set[FaustTP]:
        """Partitions of tables' changelogs: there are no tables."""
        return set()


class _Consumer(driver.Consumer):
    app: _App
    _assignment = 0  # counts assignments; the group's own generation may repeat itself
    _given: frozenset[FaustTP] | None = None  # None while a rebalance is under way
    _claimed = 0  # the assignment last claimed
    _seeks = 0

    def __post_init__(self) -> None:
        self._claiming = asyncio.Lock()

    async def on_partitions_revoked(self, revoked: set[FaustTP]) -> None:
        self._given = None  # nothing is claimed from here on, and a claim under way ends first
        async with self._claiming:
            await self.app.processor.revoke()
        if not self.app.should_stop:
            await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[FaustTP], generation_id: int = 0) -> None:
        self._assignment += 1
        self._given = frozenset(assigned)
        if not self.app.should_stop:
            await super().on_partitions_assigned(assigned, generation_id)

    async def seek_to_committed(self) -> Mapping[FaustTP, int]:
        """Faust's last seek after every rebalance: to the database's positions, claimed once per assignment.

        What fails here Faust logs and forgets, then lives on without records; so it is kept for `run`.
        """
        try:
            async with asyncio.timeout(_CLAIM_S), self._claiming:
                starts = await self._claim()
                if starts:
                    await self._thread.seek_wait(starts)
                self._seeks += 1
        except IllegalStateError:  # not ours any more: the next rebalance has begun, and with it the next seek
            return {}
        except TimeoutError:
            self.app.fail(TimeoutError(f"The partitions could not be claimed within {_CLAIM_S:.0f} s."))
            return {}
        except Exception as error:  # noqa: BLE001 - raised again by run()
            self.app.fail(error)
            return {}
        await self.commit()
        return starts

    async def _claim(self) -> dict[FaustTP, int]:
        if not self._given or self.app.failed.done():
            return {}
        if self._claimed != self._assignment:
            begins, ends = await self.earliest_offsets(*self._given), await self.highwaters(*self._given)
            bounds = {TP(*tp): Bounds(begins[tp], ends[tp]) for tp in self._given}
            await self.app.processor.assign(self._assignment, bounds)
            self._claimed = self._assignment
        return {FaustTP(*tp): offset for tp, offset in self.app.processor.positions().items()}

    async def _drain_messages(self, fetcher: ServiceT) -> None:
        try:
            while not (self.should_stop or fetcher.should_stop or self.app.failed.done()):
                seeks = self._seeks
                fetched, _ = await self._wait_next_records(timeout=1.0)
                if not self.flow_active or seeks != self._seeks:  # it may be of before the seek
                    await self.perform_seek()
                elif fetched:
                    await self.app.put(self._event(fetched))
        except Exception as error:  # noqa: BLE001 - raised again by run()
            self.app.fail(error)

    def _event(self, fetched: Mapping[FaustTP, list[ConsumerRecord]]) -> EventT[_Fetch]:
        records = [
            Record(r.topic, r.partition, r.offset, r.key, r.value, r.headers, r.timestamp)
            for batch in fetched.values()
            for r in batch
        ]
        tp, batch = next(iter(fetched.items()))
        message = self._to_message(tp, batch[-1])  # Faust looks at its generation alone
        return self.app.create_event(None, (self._assignment, records), None, message)

    async def commit(self, topics: object = None, start_new_transaction: bool = True) -> bool:
        """Kafka's committed offset follows the database's, so that the usual tools show our lag; nobody reads it."""
        positions = self.app.processor.positions()
        if positions:
            await self._thread.call_thread(self._show, positions)
        return bool(positions)

    async def _show(self, positions: Mapping[TP, int]) -> None:
        """In the consumer's thread."""
        with contextlib.suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(_COMMIT_S):
                await self._thread._ensure_consumer().commit({TopicPartition(*tp): o for tp, o in positions.items()})

    def verify_event_path(self, now: float, tp: FaustTP) -> None:
        """Faust would warn of records that are not acknowledged one by one."""


class _Transport(driver.Transport):
    Consumer = _Consumer


class _Boot(BootStrategy):
    enable_kafka_producer = False
    enable_web = False


class _App(faust.App):
    BootStrategy = _Boot

    def __init__(self, plan: GroupPlan, processor: Processor[Any, Any, Any]) -> None:
        login = plan.login
        super().__init__(
            plan.group,
            broker=[f"kafka://{host}" for host in login.kafka.split(",")],
            broker_client_id=plan.instance,
            broker_credentials=faust.SASLCredentials(
                username=login.kafka_user, password=login.kafka_password, mechanism="SCRAM-SHA-512"
            ),
            broker_session_timeout=plan.session_timeout_s,
            broker_heartbeat_interval=plan.session_timeout_s / 3,
            broker_rebalance_timeout=plan.session_timeout_s,
            broker_request_timeout=_REQUEST_S,
            broker_max_poll_records=plan.fetch_records,
            broker_commit_interval=plan.commit_every_s,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=2_000_000,
            stream_buffer_maxsize=2,
            topic_disable_leader=True,
            topic_allow_declare=False,
            web_enabled=False,
            PartitionAssignor=_Range,
        )
        self.processor = processor
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()  # done when nothing may follow
        self._queue: asyncio.Queue[EventT[_Fetch]] | None = None
        topic = self.topic(*plan.topics, acks=False, key_serializer="raw", value_serializer="raw", value_type=bytes)
        self.agent(topic, name="worker")(self._consume)

    async def on_first_start(self) -> None:
        """Faust would make folders for tables."""

    def _new_transport(self) -> _Transport:
        return _Transport(self.conf.broker_consumer, self)

    async def start_or_fail(self) -> None:
        try:
            await self.start()
        except Exception as error:  # noqa: BLE001 - raised again by run()
            self.fail(error)

    def _crash(self, reason: BaseException) -> None:
        super()._crash(reason)
        self.loop.call_soon_threadsafe(self.fail, reason)  # the consumer crashes in a thread of its own

    def fail(self, error: BaseException) -> None:
        """Keep the first thing that went wrong; nothing is processed after it."""
        if not self.failed.done():
            self.failed.set_exception(error)

    async def put(self, event: EventT[_Fetch]) -> None:
        """Hand a fetch to the agent; waits while it has enough.

        A revocation empties the queue and cancels whoever waits to put: that must not end the fetching task itself.
        """
        assert self._queue is not None, "Faust subscribes after the agents have started"
        putting = asyncio.ensure_future(self._queue.put(event))
        try:
            await asyncio.wait({putting})
        finally:
            putting.cancel()

    async def _consume(self, stream: StreamT[_Fetch]) -> None:
        manual = stream.noack()  # type: ignore[attr-defined]  # a Stream, whatever Faust's types say
        self._queue = manual.channel.queue
        async for event in manual.events():
            try:
                if not self.failed.done():
                    await self.processor.process(*event.value)
            except Exception as error:  # noqa: BLE001 - raised again by run()
                self.fail(error)
            finally:
                event.ack()  # or Faust waits for it when it stops
