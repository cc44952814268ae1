"""A toy's log on the real broker and database: who writes it, its relays, and who reads the topics afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg
import msgspec
import structlog
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from deploy.embedded.stack import EmbeddedStack
from deploy.migrations import migrate
from deploy.topology import Role, Topic
from services.kernel import relay as relays
from services.kernel.broker import KafkaLogin, plain_consumer
from services.kernel.envelope import Envelope, Event, decode, encode
from services.kernel.marks import Mark
from services.kernel.partitioning import PARTITIONS, partition_of
from services.kernel.relay import Relay, RelayPlan
from services.kernel.telemetry import RelayMetrics
from services.kernel.waking import Waker
from tests.kernel.toy import message

LOGGER = structlog.get_logger("toy")


@dataclass
class Outbox:
    """One schema `toylog` in a fresh database, one topic for it, one for its marks, and one for a worker's words."""

    stack: EmbeddedStack
    database: str
    log: str
    out: str
    progress: str
    login: KafkaLogin
    pool: asyncpg.Pool
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    async def connect(self, role: str = "toylog") -> asyncpg.Connection:
        return await asyncpg.connect(self.stack.dsn(role, self.database))

    def relay(
        self, name: str = "r1", *, marks: bool = False, schema: str = "toylog", waker: Waker | None = None
    ) -> Relay:
        plan = RelayPlan(schema, name, self.log if marks else None)
        metrics = RelayMetrics(schema, CollectorRegistry())
        return Relay(plan, self.login, lambda: self.connect(schema), LOGGER, metrics, waker)

    def run(self, coroutine: Any) -> asyncio.Task[Any]:
        self.tasks.append(asyncio.create_task(coroutine))
        return self.tasks[-1]

    async def end(self, task: asyncio.Task[Any]) -> None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def say(self, subject: str, event: Event, connection: Any = None) -> datetime:
        """Write an event of the log as its owner does: time and number under lock. Returns: its time."""
        async with contextlib.AsyncExitStack() as stack:
            if connection is None:
                connection = await stack.enter_async_context(self.pool.acquire())
                await stack.enter_async_context(connection.transaction())
            lane = partition_of(subject)
            at: datetime = await connection.fetchval(
                """SELECT greatest(clock_timestamp(), now(), (SELECT upto FROM toylog.mark WHERE partition = $1))""",
                lane,
            )
            self.numbers[subject] = number = self.numbers.get(subject, 0) + 1
            body = encode(message(subject, number, event, at))
            id_ = await connection.fetchval(
                """INSERT INTO toylog.event (topic, partition, key, sequence, event_id, body)
                VALUES ($1, $2, $3, $4, $5, $6) RETURNING id""",
                self.log, lane, subject, number, f"{subject}-{number}", body,
            )  # fmt: skip
            await connection.execute("INSERT INTO toylog.unpublished VALUES ($1, $2)", id_, lane)
            await connection.execute("NOTIFY toylog_outbox")
            return at

    async def published(self, schema: str = "toylog") -> None:
        """Wait until the outbox is empty."""
        sql = f"SELECT count(*) FROM {schema}.unpublished"

        async def empty() -> bool:
            connection = await self.connect(schema)
            try:
                return not await connection.fetchval(sql)
            finally:
                await connection.close()

        await self.until(empty)

    async def until(self, true: Callable[[], Any], seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not await true():
            for task in self.tasks:
                if task.done() and not task.cancelled():
                    task.result()
            assert time.monotonic() < deadline, "not in time"
            await asyncio.sleep(0.05)

    async def records(self, topic: str, lanes: int = PARTITIONS) -> list[Any]:
        """All that stands in a topic now."""
        consumer, tps = plain_consumer(self.login, "reader"), [TopicPartition(topic, lane) for lane in range(lanes)]
        await consumer.start()
        try:
            ends = await consumer.end_offsets(tps)
            consumer.assign(tps)
            found: list[Any] = []
            while len(found) < sum(ends.values()):
                for batch in (await consumer.getmany(timeout_ms=1_000)).values():
                    found += batch
            return found
        finally:
            await consumer.stop()

    async def marks(self) -> list[Mark]:
        return [msgspec.json.decode(r.value, type=Mark) for r in await self.records(self.progress, 1)]

    async def in_order(self) -> dict[str, int]:
        """Per key the numbers are 1, 2, 3 … but for repeats, which are the same bytes. Returns: repeats by key."""
        seen: dict[str, dict[int, bytes]] = {}
        repeats: dict[str, int] = {}
        for record in await self.records(self.log):
            said = decode(record.value)
            numbers = seen.setdefault(said.subject, {})
            if said.sequence in numbers:
                repeats[said.subject] = repeats.get(said.subject, 0) + 1
                assert numbers[said.sequence] == record.value
            else:
                assert said.sequence == len(numbers) + 1, f"{said.subject}: {said.sequence} after {len(numbers)}"
                numbers[said.sequence] = record.value
        assert {subject: len(numbers) for subject, numbers in seen.items()} == self.numbers
        return repeats

    async def said(self) -> list[Envelope]:
        return [decode(record.value) for record in await self.records(self.out)]


@asynccontextmanager
async def outbox(stack: EmbeddedStack, monkeypatch: Any) -> AsyncIterator[Outbox]:
    name = secrets.token_hex(4)
    log, out, progress = f"toy.{name}.log", f"toy.{name}.out", f"toy.{name}.progress"
    monkeypatch.setattr(relays, "PROGRESS", progress)  # the real one is everybody's
    await stack.add_topics([Topic(log, partitions=24), Topic(out, partitions=24), Topic(progress, partitions=1)])
    topics = [log, out, progress]
    await stack.add_user(f"toy-{name}", writes=topics, reads=topics)
    login = KafkaLogin(
        kafka=stack.bootstrap, kafka_user=f"toy-{name}", kafka_password_file=stack.folder.secret_file(f"toy-{name}")
    )
    database = await stack.new_database(migrated=False)
    for role in ("toylog", "toy"):
        await stack.add_role(Role(role), database)
        connection = await asyncpg.connect(stack.dsn(role, database))
        await migrate(connection, role)
        await connection.close()
    pool = await asyncpg.create_pool(stack.dsn("toylog", database), min_size=1, max_size=4)
    made = Outbox(stack, database, log, out, progress, login, pool)
    try:
        yield made
    finally:
        for task in made.tasks:
            await made.end(task)
        await pool.close()
        await stack.drop_database(database)
