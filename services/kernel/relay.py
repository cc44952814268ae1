"""Publishes what the outbox holds, in order, and writes progress marks (decisions 3 and 4).

One relay per partition at a time, by advisory lock. One batch per partition is under way at a time: it is in the
log whole or not at all, so a failure can't let a later event overtake an earlier one. Whatever fails, the relay
begins again from the table.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

import asyncpg
import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from services.kernel import sql
from services.kernel.broker import KafkaLogin, bounds, idempotent_producer, plain_consumer
from services.kernel.envelope import CONTENT_TYPE
from services.kernel.marks import Mark
from services.kernel.partitioning import PARTITIONS
from services.kernel.processor import Bounds
from services.kernel.store import TP
from services.kernel.telemetry import Logger, RelayMetrics
from services.kernel.waking import Waker

PROGRESS = "progress"
_Batches: TypeAlias = dict[TopicPartition, tuple[BatchBuilder, list[int]]]
_HEADERS = [("content-type", CONTENT_TYPE)]
# InternalClientError: what asyncpg says when the server closes the connection (idle_session_timeout) as a statement
# begins.
_BROKEN = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, KafkaError)
_PAUSE_S = 0.1  # the longest wait between rounds, and the time between marks
_LOCK_EVERY_S = 1.0
_ROUND = 4_000  # rows of one round: bounds memory, and what is repeated after a kill


class ArchiveError(Exception):
    """The archive is empty, but its topic is not: this is not the database that wrote it."""


async def check_archive(pool: asyncpg.Pool, login: KafkaLogin, schema: str, topic: str) -> None:
    """Hold an empty archive against the service's own topic, before anything of a process starts.

    Numbers would begin at 1 again, and every consumer would take what is new for repeats. A row for this topic in the
    table `skip` says that somebody knows what stands there.

    Raises: ArchiveError, with what to do.
    """
    asked = sql.statements(schema)["archived"]
    if await pool.fetchval(asked, topic):
        return
    found = await _bounds(login, f"{schema}-archive", topic, range(PARTITIONS))
    count = sum(bound.end - bound.begin for bound in found.values())
    if count and not await pool.fetchval(asked, topic):  # asked again: another process may have begun meanwhile
        raise ArchiveError(
            f"The archive of {schema} is empty, but {topic} holds {count} records, so this is not the database that "
            f"wrote them. Restore it from backup, then run `maodiao reconcile {schema}`."
        )


async def _bounds(login: KafkaLogin, client_id: str, topic: str, partitions: Sequence[int]) -> dict[TP, Bounds]:
    consumer = plain_consumer(login, client_id)
    try:
        await consumer.start()
        return await bounds(consumer, [TP(topic, partition) for partition in partitions])
    finally:
        await consumer.stop()


@dataclass(frozen=True, slots=True)
class RelayPlan:
    """What a relay publishes.

    schema: the service's. log_topic: the topic of which it writes marks, or None.
    """

    schema: str
    name: str
    log_topic: str | None = None


@dataclass(slots=True)
class _Session:
    """One connection and one producer; both go when anything fails."""

    connection: asyncpg.Connection
    producer: AIOKafkaProducer
    lanes: list[int] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)
    next_lock: float = 0.0
    next_mark: float = 0.0
    upto: datetime | None = None


class Relay:
    """See the module.

    Args:
        plan: what to publish. login: to the broker. connect: opens a connection of the service's role.
        log, metrics: telemetry. waker: of this process; told which partitions are published here.
    """

    def __init__(
        self,
        plan: RelayPlan,
        login: KafkaLogin,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        log: Logger,
        metrics: RelayMetrics,
        waker: Waker | None = None,
    ) -> None:
        self._plan, self._login, self._connect = plan, login, connect
        self._log, self._metrics, self._sql = log, metrics, sql.statements(plan.schema)
        self._waker = waker or Waker()

    async def run(self) -> None:
        """Publish until cancelled."""
        wait = 0.05
        while True:
            try:
                async with self._session() as session:
                    while True:
                        await self._round(session)
                        wait = 0.05
                        with contextlib.suppress(TimeoutError):  # wait_for would make a task each time
                            async with asyncio.timeout(self._pause(session)):
                                await self._waker.rows.wait()
            except _BROKEN as error:
                self._metrics.failures.inc()
                self._metrics.lanes.set(0)
                self._log.warning("relay begins again", error=type(error).__name__, wait_s=wait)
                await asyncio.sleep(wait)
                wait = min(2.0, wait * 2)

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[_Session]:
        connection = await self._connect()
        producer = idempotent_producer(self._login, f"{self._plan.name}-relay")
        try:
            # A frozen process keeps its advisory locks until the server gives up on the silent connection.
            await connection.execute("SET idle_session_timeout = '5s'")
            await connection.add_listener(f"{self._plan.schema}_outbox", lambda *_: self._waker.rows.set())
            await producer.start()
            yield _Session(connection, producer)
        finally:
            self._waker.lanes = frozenset()
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(producer.stop(), 5)
            connection.terminate()

    async def _round(self, s: _Session) -> None:
        """One round: what was committed before it began is published when it ends; then the mark may say so."""
        self._waker.rows.clear()
        await self._take_lanes(s)
        if not s.lanes:
            return
        with self._metrics.round.time():
            upto = await self._begin_mark(s) if self._mark_is_due(s) else None
            oldest = await self._publish(s)
            last = await s.connection.fetchval(self._sql["newest"]) if oldest is not None else None
            while oldest is not None and last is not None and oldest <= last:  # what comes later, the next round takes
                oldest = await self._publish(s)
            if upto is not None:
                await self._write_mark(s, upto)

    def _pause(self, s: _Session) -> float:
        """Seconds until there is something to do unasked."""
        until_mark = s.next_mark - asyncio.get_running_loop().time()
        return max(0.0, until_mark) if s.lanes and self._plan.log_topic else _PAUSE_S

    def _mark_is_due(self, s: _Session) -> bool:
        """At most one mark per pause, however often the outbox wakes us: between marks a round is two statements."""
        now = asyncio.get_running_loop().time()
        if self._plan.log_topic is None or now < s.next_mark:
            return False
        s.next_mark = now + _PAUSE_S
        return True

    async def _take_lanes(self, s: _Session) -> None:
        """Try for partitions that nobody holds. Asked every second, which also keeps the connection from idling."""
        now = asyncio.get_running_loop().time()
        if now < s.next_lock:
            return
        s.next_lock = now + _LOCK_EVERY_S
        wanted = [lane for lane in range(PARTITIONS) if lane not in s.lanes]
        got = [row["p"] for row in await s.connection.fetch(self._sql["take_lanes"], wanted)]
        if got and self._plan.log_topic:
            # Only the holder of a lane writes it, so from here on the acknowledgements tell where the log ends.
            found = await _bounds(self._login, f"{self._plan.name}-ends", self._plan.log_topic, got)
            s.ends.update({tp.partition: bound.end for tp, bound in found.items()})
        s.lanes = sorted([*s.lanes, *got])
        self._waker.lanes = frozenset(s.lanes)
        self._metrics.lanes.set(len(s.lanes))

    async def _publish(self, s: _Session) -> int | None:
        """Publish the oldest unpublished rows. Returns: the id of the oldest if more may be left, else None."""
        rows = await s.connection.fetch(self._sql["unpublished"], s.lanes, _ROUND)
        if not rows:
            return None
        batches = self._batches(s.producer, rows)
        sent = [await s.producer.send_batch(b, tp.topic, partition=tp.partition) for tp, (b, _) in batches.items()]
        answers = await asyncio.gather(*sent, return_exceptions=True)
        done: list[int] = []
        for (tp, (_, ids)), answer in zip(batches.items(), answers, strict=True):
            if not isinstance(answer, BaseException):
                done += ids
                if tp.topic == self._plan.log_topic:
                    s.ends[tp.partition] = answer.offset + len(ids)
        await s.connection.execute(self._sql["published"], done)
        self._metrics.published.inc(len(done))
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return int(rows[0]["id"]) if len(rows) == _ROUND or len(done) < len(rows) else None

    def _batches(self, producer: AIOKafkaProducer, rows: Sequence[asyncpg.Record]) -> _Batches:
        """One batch per partition, filled in order of id until it is full; the rest waits for the next round."""
        batches: _Batches = {}
        full: set[TopicPartition] = set()
        for id_, topic, partition, key, body in rows:
            tp = TopicPartition(topic, partition)
            if tp in full:
                continue
            batch, ids = batches.setdefault(tp, (producer.create_batch(), []))
            if batch.append(key=key.encode(), value=body, timestamp=None, headers=_HEADERS) is None:
                full.add(tp)
                continue
            ids.append(id_)
        return batches

    async def _begin_mark(self, s: _Session) -> datetime:
        """Before the rows are read: our clock, made the floor of later events' times; then the oldest transaction.

        Each step is a statement of its own: inside a transaction pg_stat_activity stands still.
        """
        clock: datetime = await s.connection.fetchval("SELECT clock_timestamp()")
        if s.upto is not None and (s.upto - clock).total_seconds() > 1:
            self._log.error("the database clock was set back", seconds=(s.upto - clock).total_seconds())
        await s.connection.execute(self._sql["raise_floor"], s.lanes, clock)
        oldest: datetime | None = await s.connection.fetchval(self._sql["oldest_transaction"])
        upto = min(clock, oldest) if oldest else clock
        return max(upto, s.upto) if s.upto else upto

    async def _write_mark(self, s: _Session, upto: datetime) -> None:
        mark = Mark(relay=self._plan.name, upto=upto, offsets={lane: s.ends[lane] for lane in s.lanes})
        await s.producer.send_and_wait(PROGRESS, msgspec.json.encode(mark))
        s.upto = upto
        self._metrics.mark.set(upto.timestamp())
