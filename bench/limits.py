"""Lateness of limits, take-over after kill -9, and cold start, with 100,000 subjects that wait for something."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from rich.console import Console

from bench import rig
from bench.rig import Figure
from bench.toy import LOG, LOG_SERVICE, OUT, SERVICE, Added, Asked, Missed
from deploy.embedded.stack import EmbeddedStack
from services.kernel.envelope import decode, derived_id, encode, envelope
from services.kernel.partitioning import PARTITIONS, partition_of

OPEN = 100_000
DUE_A_SECOND = 300
SECONDS = 30
SESSION_S = 6.0
_TRANSPORTS = ("aiokafka", "faust")


async def measure(console: Console) -> list[Figure]:
    """Three figures for each transport."""
    figures: list[Figure] = []
    for transport in _TRANSPORTS:
        async with rig.stack() as made:
            figures += await _one(console, made, transport)
    return figures


async def _one(console: Console, made: EmbeddedStack, transport: str) -> list[Figure]:
    start = datetime.now(UTC) + timedelta(seconds=40)
    console.print(f"  {transport}: {OPEN:,} subjects wait, {DUE_A_SECOND} a second of them fall due")
    await _fill(made, start)
    log = Log(made)
    relay = (["bench.process", "log-relay"], rig.environment(made, LOG_SERVICE))
    with rig.processes(relay):
        async with log.speaking(50), rig.watching(made, OUT) as consumer:
            ear = Ear(consumer)
            async with ear.listening():
                late = await _lateness(made, transport, ear, start)
                silence = await _take_over(made, transport, ear)
                cold = await _cold_start(made, transport, ear)
    p50, p99 = rig.percentile(late, 0.5) * 1000, rig.percentile(late, 0.99) * 1000
    name = f"on {transport}"
    return [
        Figure(
            f"lateness of {len(late):,} limits, {OPEN:,} open, {DUE_A_SECOND} due/s, {name}",
            f"median {p50:.0f} ms, p99 {p99:.0f} ms", "marks every 100 ms", "p99 < 250 ms", p99 < 250,
        ),
        Figure(
            f"longest silence of a partition after kill -9 of one of two workers, {name}",
            f"{silence:.1f} s", f"session time-out {SESSION_S:.0f} s", f"≤ {SESSION_S + 2:.0f} s",
            silence <= SESSION_S + 2,
        ),
        Figure(
            f"cold start with {OPEN:,} subjects, {name}", f"{cold:.1f} s", "process start to first output", "< 3 s",
            cold < 3,
        ),
    ]  # fmt: skip


async def _fill(made: EmbeddedStack, start: datetime) -> None:
    """Straight onto the log: every subject asks once. DUE_A_SECOND · SECONDS of them fall due from `start`."""
    producer = AIOKafkaProducer(
        **made.kafka(LOG_SERVICE), enable_idempotence=True, linger_ms=20, max_batch_size=500_000
    )
    await producer.start()
    rng, soon, sent = random.Random(11), DUE_A_SECOND * SECONDS, []
    now = datetime.now(UTC)
    for n in range(OPEN):
        due = start + timedelta(seconds=rng.random() * SECONDS) if n < soon else now + timedelta(hours=2)
        subject, within = f"w{n:06d}", int((due - now).total_seconds() * 1000)
        message = envelope(
            Asked(within_ms=within),
            id=derived_id(subject, "asked", 1),
            service="log",
            subject=subject,
            time=now,
            sequence=1,
        )
        sent.append(await producer.send(LOG, encode(message), key=subject.encode(), partition=partition_of(subject)))
    await asyncio.gather(*sent)
    await producer.stop()


def _worker(made: EmbeddedStack, transport: str, instance: str) -> tuple[list[str], dict[str, str]]:
    env = rig.environment(
        made, SERVICE, MAODIAO_TRANSPORT=transport, MAODIAO_INSTANCE=instance, MAODIAO_SESSION_TIMEOUT_S=str(SESSION_S)
    )
    return ["bench.process", "timed-worker", f"{SERVICE}-{transport}"], env


async def _lateness(made: EmbeddedStack, transport: str, ear: Ear, start: datetime) -> list[float]:
    with rig.processes(_worker(made, transport, "worker-0")):
        left = (start - datetime.now(UTC)).total_seconds()
        await rig.until(ear.has_heard, "the worker catches up before the first limit", max(5.0, left))
        wanted = DUE_A_SECOND * SECONDS

        async def all_fired() -> bool:
            return len(ear.late) >= wanted

        await rig.until(all_fired, f"{wanted:,} limits fire", left + SECONDS + 60)
    return list(ear.late)


async def _take_over(made: EmbeddedStack, transport: str, ear: Ear) -> float:
    """Kill one of two while all partitions have something to say; how long was the longest silence of one?"""
    first, second = _worker(made, transport, "worker-1"), _worker(made, transport, "worker-2")
    with rig.processes(first, second) as running:
        await asyncio.sleep(SESSION_S + 6)  # both have joined; the figure is of the kill alone
        ear.forget()
        await asyncio.sleep(2)
        os.kill(running[0].pid, signal.SIGKILL)
        await asyncio.sleep(SESSION_S + 8)
        return ear.longest_silence()


async def _cold_start(made: EmbeddedStack, transport: str, ear: Ear) -> float:
    await asyncio.sleep(SESSION_S + 2)  # the group is empty again
    async with rig.connected(made, SERVICE) as connection:  # what the worker before left is no output of the new one
        await connection.execute("TRUNCATE bench.unpublished")
    ear.forget()
    began = time.monotonic()
    with rig.processes(_worker(made, transport, "worker-3")):
        await rig.until(ear.has_heard, "an output after the start", 60)
        return time.monotonic() - began


@dataclass
class Ear:
    """Hears the outputs: how late limits were, and when each partition last said something."""

    consumer: AIOKafkaConsumer
    late: list[float] = field(default_factory=list)
    heard: dict[int, list[float]] = field(default_factory=dict)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _listen(self) -> None:
        async for record in self.consumer:
            now = time.time()
            self.heard.setdefault(record.partition, []).append(now)
            message = decode(record.value)
            if message.type == Missed.TYPE:
                due = msgspec.json.decode(message.data, type=Missed).due_at
                self.late.append(now - due.timestamp())

    def forget(self) -> None:
        self.heard.clear()

    async def has_heard(self) -> bool:
        return bool(self.heard)

    def longest_silence(self) -> float:
        """The longest time between two outputs of one partition, up to now."""
        now = time.time()
        gaps = [b - a for times in self.heard.values() for a, b in zip(times, [*times[1:], now], strict=True)]
        return max(gaps, default=now)


class Log:
    """The log's owner: says things at a steady rate, on all partitions in turn, through its outbox."""

    def __init__(self, made: EmbeddedStack) -> None:
        self._dsn = made.dsn(LOG_SERVICE)
        self._numbers: dict[str, int] = {}
        self._speakers = _one_per_partition()

    @asynccontextmanager
    async def speaking(self, a_second: int) -> AsyncIterator[None]:
        connection = await asyncpg.connect(self._dsn)
        task = asyncio.create_task(self._speak(connection, a_second))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await connection.close()

    async def _speak(self, connection: asyncpg.Connection, a_second: int) -> None:
        turn = 0
        while True:
            await asyncio.sleep(1 / a_second)
            subject = self._speakers[turn % PARTITIONS]
            turn += 1
            self._numbers[subject] = number = self._numbers.get(subject, 0) + 1
            async with connection.transaction():
                at: datetime = await connection.fetchval(
                    "SELECT greatest(clock_timestamp(), now(), (SELECT max(upto) FROM benchlog.mark))"
                )
                message = envelope(
                    Added(n=1), id=derived_id(subject, "added", number), service="log", subject=subject, time=at,
                    sequence=number,
                )  # fmt: skip
                await connection.execute(_SAY, LOG, partition_of(subject), subject, number, message.id, encode(message))


_SAY = """
WITH said AS (INSERT INTO benchlog.event (topic, partition, key, sequence, event_id, body)
  VALUES ($1, $2, $3, $4, $5, $6) RETURNING id, partition),
queued AS (INSERT INTO benchlog.unpublished (id, partition) SELECT id, partition FROM said)
SELECT pg_notify('benchlog_outbox', '')"""


def _one_per_partition() -> list[str]:
    found: dict[int, str] = {}
    n = 0
    while len(found) < PARTITIONS:
        found.setdefault(partition_of(f"speaker-{n}"), f"speaker-{n}")
        n += 1
    return [found[partition] for partition in range(PARTITIONS)]
