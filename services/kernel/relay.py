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
from aiokafka.structs import RecordMetadata

from services.kernel.broker import KafkaLogin, bounds, idempotent_producer, plain_consumer
from services.kernel.envelope import CONTENT_TYPE
from services.kernel.marks import Mark
from services.kernel.partitioning import PARTITIONS
from services.kernel.processor import Bounds
from services.kernel.store import TP
from services.kernel.telemetry import Logger, RelayMetrics

PROGRESS = "progress"
_Batches: TypeAlias = dict[TopicPartition, tuple[BatchBuilder, list[int]]]
_HEADERS = [("content-type", CONTENT_TYPE)]
# InternalClientError: what asyncpg says when the server closes the connection (idle_session_timeout) as a statement
# begins.
_BROKEN = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, KafkaError)
_ROUND = 4_000  # rows of one round: bounds memory, and what is repeated after a kill


class ArchiveError(Exception):
    """The archive is empty, but its topic is not: this is not the database that wrote it."""


async def check_archive(pool: asyncpg.Pool, login: KafkaLogin, schema: str, topic: str) -> None:
    """Hold an empty archive against the service's own topic, before anything of a process starts.

    Numbers would begin at 1 again, and every consumer would take what is new for repeats. A row for this topic in the
    table `skip` says that somebody knows what stands there.

    Raises: ArchiveError, with what to do.
    """
    asked = f"""SELECT EXISTS (SELECT FROM {schema}.event WHERE topic = $1)
      OR EXISTS (SELECT FROM {schema}.skip WHERE topic = $1)"""  # noqa: S608 - own schema
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

    schema: the service's. log_topic: the topic of which it writes marks, or None. pause_s: longest wait between rounds.
    """

    schema: str
    name: str
    log_topic: str | None = None
    pause_s: float = 0.1
    lanes: int = PARTITIONS
    lock_every_s: float = 1.0


@dataclass(slots=True)
class _Session:
    """One connection and one producer; both go when anything fails."""

    connection: asyncpg.Connection
    producer: AIOKafkaProducer
    wake: asyncio.Event
    lanes: list[int] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)
    next_lock: float = 0.0
    next_mark: float = 0.0
    upto: datetime | None = None


class Relay:
    """See the module.

    Args:
        plan: what to publish. login: to the broker. connect: opens a connection of the service's role.
        log, metrics: telemetry.
    """

    def __init__(
        self,
        plan: RelayPlan,
        login: KafkaLogin,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        log: Logger,
        metrics: RelayMetrics,
    ) -> None:
        self._plan, self._login, self._connect = plan, login, connect
        self._log, self._metrics = log, metrics

    async def run(self) -> None:
        """Publish until cancelled."""
        wait = 0.05
        while True:
            try:
                async with self._session() as session:
                    while True:
                        await self._round(session)
                        wait = 0.05
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(session.wake.wait(), self._pause(session))
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
            wake = asyncio.Event()
            await connection.add_listener(f"{self._plan.schema}_outbox", lambda *_: wake.set())
            await producer.start()
            yield _Session(connection, producer, wake)
        finally:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(producer.stop(), 5)
            connection.terminate()

    async def _round(self, s: _Session) -> None:
        """One round: what was committed before it began is published when it ends; then the mark may say so."""
        s.wake.clear()
        await self._take_lanes(s)
        if not s.lanes:
            return
        with self._metrics.round.time():
            upto = await self._begin_mark(s) if self._mark_is_due(s) else None
            last = await s.connection.fetchval(f"SELECT max(id) FROM {self._plan.schema}.unpublished")  # noqa: S608
            while last is not None and await self._publish(s, last):
                pass
            if upto is not None:
                await self._write_mark(s, upto)

    def _pause(self, s: _Session) -> float:
        """Seconds until there is something to do unasked."""
        until_mark = s.next_mark - asyncio.get_running_loop().time()
        return max(0.0, until_mark) if s.lanes and self._plan.log_topic else self._plan.pause_s

    def _mark_is_due(self, s: _Session) -> bool:
        """At most one mark per pause, however often the outbox wakes us: between marks a round is three statements."""
        now = asyncio.get_running_loop().time()
        if self._plan.log_topic is None or now < s.next_mark:
            return False
        s.next_mark = now + self._plan.pause_s
        return True

    async def _take_lanes(self, s: _Session) -> None:
        """Try for partitions that nobody holds. Asked every second, which also keeps the connection from idling."""
        now = asyncio.get_running_loop().time()
        if now < s.next_lock:
            return
        s.next_lock = now + self._plan.lock_every_s
        wanted = [lane for lane in range(self._plan.lanes) if lane not in s.lanes]
        got = await s.connection.fetch(
            "SELECT p FROM unnest($1::int[]) p WHERE pg_try_advisory_lock(hashtext($2), p)",
            wanted,
            f"{self._plan.schema}.relay",
        )
        if got and self._plan.log_topic:
            await self._learn_ends(s, self._plan.log_topic, [row["p"] for row in got])
        s.lanes = sorted([*s.lanes, *(row["p"] for row in got)])
        self._metrics.lanes.set(len(s.lanes))

    async def _learn_ends(self, s: _Session, topic: str, lanes: Sequence[int]) -> None:
        """Where the log ends; only the holder of a lane writes it, so from here on the acknowledgements tell."""
        found = await _bounds(self._login, f"{self._plan.name}-ends", topic, lanes)
        s.ends.update({tp.partition: bound.end for tp, bound in found.items()})

    async def _publish(self, s: _Session, last: int) -> bool:
        """Publish the oldest unpublished rows. Returns: True while rows up to `last` may be left."""
        rows = await s.connection.fetch(
            f"""SELECT u.id, e.topic, e.partition, e.key, e.body
            FROM {self._plan.schema}.unpublished u JOIN {self._plan.schema}.event e USING (id)
            WHERE u.partition = ANY($1::int[]) ORDER BY u.id LIMIT $2""",  # noqa: S608
            s.lanes,
            _ROUND,
        )
        if not rows:
            return False
        batches = self._batches(s.producer, rows)
        sent = [await s.producer.send_batch(b, tp.topic, partition=tp.partition) for tp, (b, _) in batches.items()]
        answers = await asyncio.gather(*sent, return_exceptions=True)
        await self._mark_published(s, batches, answers)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        done = sum(len(ids) for _, ids in batches.values())
        return (len(rows) == _ROUND or done < len(rows)) and rows[0]["id"] <= last

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

    async def _mark_published(
        self, s: _Session, batches: _Batches, answers: Sequence[RecordMetadata | BaseException]
    ) -> None:
        """By exact ids: ids are drawn before commit, so `id <= last` would lose rows that commit later."""
        done: list[int] = []
        for (tp, (_, ids)), answer in zip(batches.items(), answers, strict=True):
            if isinstance(answer, BaseException):
                continue
            done += ids
            if tp.topic == self._plan.log_topic:
                s.ends[tp.partition] = answer.offset + len(ids)
        await s.connection.execute(f"DELETE FROM {self._plan.schema}.unpublished WHERE id = ANY($1::bigint[])", done)  # noqa: S608
        self._metrics.published.inc(len(done))

    async def _begin_mark(self, s: _Session) -> datetime:
        """Before the rows are read: our clock, made the floor of later events' times; then the oldest transaction.

        Each step is a statement of its own: inside a transaction pg_stat_activity stands still.
        """
        clock: datetime = await s.connection.fetchval("SELECT clock_timestamp()")
        if s.upto is not None and (s.upto - clock).total_seconds() > 1:
            self._log.error("the database clock was set back", seconds=(s.upto - clock).total_seconds())
        await s.connection.execute(
            f"""INSERT INTO {self._plan.schema}.mark AS m (partition, upto) SELECT p, $2 FROM unnest($1::int[]) p
            ON CONFLICT (partition) DO UPDATE SET upto = greatest(m.upto, excluded.upto)""",  # noqa: S608
            s.lanes,
            clock,
        )
        oldest: datetime | None = await s.connection.fetchval(
            """SELECT min(xact_start) FROM pg_stat_activity
            WHERE usename = current_user AND pid <> pg_backend_pid() AND backend_type = 'client backend'"""
        )
        upto = min(clock, oldest) if oldest else clock
        return max(upto, s.upto) if s.upto else upto

    async def _write_mark(self, s: _Session, upto: datetime) -> None:
        mark = Mark(relay=self._plan.name, upto=upto, offsets={lane: s.ends[lane] for lane in s.lanes})
        await s.producer.send_and_wait(PROGRESS, msgspec.json.encode(mark))
        s.upto = upto
        self._metrics.mark.set(upto.timestamp())
