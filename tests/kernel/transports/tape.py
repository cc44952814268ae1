"""A group of workers on a topic of its own, over one store in memory that writes down all that was applied."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError
from mode.threads import WorkerThread
from prometheus_client import CollectorRegistry

from deploy.embedded.stack import EmbeddedStack
from deploy.topology import Topic
from services.kernel.broker import KafkaLogin, client
from services.kernel.core import Bad, Incoming, Record
from services.kernel.envelope import Event
from services.kernel.fold import Folder
from services.kernel.parking import StormLimit
from services.kernel.processor import Processor
from services.kernel.store import TP, Position
from services.kernel.telemetry import ProcessorMetrics
from services.kernel.transports.port import GroupPlan, Transport
from tests.kernel.memory import MemoryStore

PARTITIONS, KEYS = 3, 12  # a key lies on the partition of its number modulo PARTITIONS
FETCH = 20
THEN = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Tape(msgspec.Struct, frozen=True):
    heard: tuple[int, ...] = ()


class TapeCore:
    rules = 1

    def decide(self, state: Tape | None, given: int, view: None) -> Sequence[Event]:
        return ()

    def evolve(self, state: Tape | None, event: int | Event) -> Tape:
        assert isinstance(event, int)
        return Tape((*(state or Tape()).heard, event))

    def due(self, state: Tape) -> datetime | None:
        return None

    def fired(self, at: datetime, held: bool) -> int:
        raise AssertionError("nothing is ever due")

    def recall(self, recorded: Sequence[Event], view: None) -> None:
        return view


class TapeReader:
    """A value is a number; anything else is bad."""

    def read(self, record: Record) -> Incoming[int] | Bad:
        value = (record.value or b"").decode()
        if not value.isdigit():
            return Bad(record, None, "no_number")
        return Incoming(record, (record.key or b"").decode(), value, None, THEN, 0, False, int(value))


class TapeStore(MemoryStore[Tape, int, None]):
    """Writes and claims wait where a test says so. Its positions are Kafka's to nobody but the processors."""

    def __init__(self) -> None:
        super().__init__("out", Tape, TapeCore(), lambda: None)
        self.batch_gate, self.claim_gate = asyncio.Event(), asyncio.Event()
        self.batch_gate.set()
        self.claim_gate.set()
        self.in_batch = asyncio.Event()
        self.fault: Exception | None = None

    async def claim(self, begins: Mapping[TP, int]) -> dict[TP, Position]:
        await self.claim_gate.wait()
        return await super().claim(begins)

    @asynccontextmanager
    async def batch(self, subjects: Mapping[str, int]) -> AsyncIterator[Any]:
        async with super().batch(subjects) as batch:
            self.in_batch.set()
            await self.batch_gate.wait()
            if self.fault is not None:
                fault, self.fault = self.fault, None
                raise fault
            yield batch

    def heard(self) -> dict[str, list[int]]:
        return {s: list(self._decoder.decode(doc).state.heard) for s, (_, doc) in self.docs.items()}  # type: ignore[union-attr]

    def count(self) -> int:
        return sum(len(numbers) for numbers in self.heard().values())


class SpyProcessor(Processor[Tape, int, None]):
    """Says when a transport asks it to let go."""

    def __init__(self, store: TapeStore) -> None:
        metrics = ProcessorMetrics("tape", CollectorRegistry())
        super().__init__(Folder("tape", TapeCore()), TapeReader(), store, metrics, storm=StormLimit(most=3))
        self.revoking = asyncio.Event()

    async def revoke(self) -> None:
        self.revoking.set()
        await asyncio.sleep(0.05)  # a transport that still hands over records meanwhile shows itself
        await super().revoke()


@dataclass
class Worker:
    processor: SpyProcessor
    run: asyncio.Task[None]

    async def cancel(self) -> float:
        """Returns: how many seconds it took to leave."""
        start = time.monotonic()
        self.run.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.run
        return time.monotonic() - start


@dataclass
class Group:
    """Workers of one consumer group over one store."""

    transport: Callable[[GroupPlan, SpyProcessor], Transport]
    login: KafkaLogin
    topic: str
    beside: str  # a topic without records, of as many partitions
    name: str
    store: TapeStore = field(default_factory=TapeStore)
    workers: list[Worker] = field(default_factory=list)
    said: int = 0

    def start(self) -> Worker:
        plan = GroupPlan(
            self.login,
            self.name,
            (self.topic, self.beside),
            f"w{9 - len(self.workers)}",  # who comes later sorts first, and so takes the partitions that are read first
            fetch_records=FETCH,
            commit_every_s=0.2,
        )
        processor = SpyProcessor(self.store)
        run = asyncio.create_task(self.transport(plan, processor).run())
        self.workers.append(Worker(processor, run))
        return self.workers[-1]

    async def close(self) -> None:
        self.store.batch_gate.set()
        self.store.claim_gate.set()
        await asyncio.gather(*(worker.cancel() for worker in self.workers), return_exceptions=True)

    async def produce(self, count: int) -> None:
        """The next `count` numbers."""
        await self.send((f"k{n % KEYS}", n % PARTITIONS, str(n)) for n in range(self.said, self.said + count))
        self.said += count

    async def send(self, records: Iterable[tuple[str | None, int, str]]) -> None:
        producer = AIOKafkaProducer(**client(self.login, "producer"), linger_ms=5)
        await producer.start()
        try:
            sent = [
                await producer.send(self.topic, value.encode(), key=key.encode() if key else None, partition=partition)
                for key, partition, value in records
            ]
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    async def applied(self) -> None:
        """Wait until as many were applied as were said, then: each once, in order."""
        await self.until(lambda: self.store.count() >= self.said, "all applied")
        assert self.store.heard() == self.all_said()

    def all_said(self) -> dict[str, list[int]]:
        found = {f"k{k}": list(range(k, self.said, KEYS)) for k in range(KEYS)}
        return {key: numbers for key, numbers in found.items() if numbers}

    def shares(self, topic: str) -> list[set[int]]:
        """Partitions per worker."""
        return [{tp.partition for tp in worker.processor.positions() if tp.topic == topic} for worker in self.workers]

    async def shared_out(self, *sizes: int) -> None:
        """Wait until the workers have so many partitions; all different, and of both topics alike:
        a subject's records on either topic are one worker's."""
        want = sorted(sizes)

        def fits() -> bool:
            shares = self.shares(self.topic)
            whole = set().union(*shares) == set(range(PARTITIONS))
            return whole and sorted(map(len, shares)) == want and shares == self.shares(self.beside)

        await self.until(fits, f"shared out as {sizes}")

    async def until(self, true: Callable[[], bool], what: str, seconds: float = 15.0) -> None:
        deadline = time.monotonic() + seconds
        while not true():
            for worker in self.workers:
                if worker.run.done() and not worker.run.cancelled():
                    worker.run.result()
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}; {self.shares(self.topic)}"
            await asyncio.sleep(0.02)

    async def shown(self, offset: int) -> None:
        """Wait until this is Kafka's committed offset of every partition."""
        tps = [TopicPartition(self.topic, p) for p in range(PARTITIONS)]
        async with self.outsider() as outsider, asyncio.timeout(5):
            while [await outsider.committed(tp) for tp in tps] != [offset] * PARTITIONS:  # noqa: ASYNC110 - the broker tells nobody
                await asyncio.sleep(0.05)

    @asynccontextmanager
    async def outsider(self) -> AsyncIterator[AIOKafkaConsumer]:
        """Reads and writes the group's committed offsets without taking part in it."""
        consumer = AIOKafkaConsumer(**client(self.login, "outsider"), group_id=self.name, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([TopicPartition(self.topic, p) for p in range(PARTITIONS)])
            yield consumer
        finally:
            await consumer.stop()


@asynccontextmanager
async def group(stack: EmbeddedStack, transport: type[Any]) -> AsyncIterator[Group]:
    """A fresh topic, and a group whose workers are gone at the end."""
    topic = f"tape.{secrets.token_hex(4)}"
    beside = f"{topic}.beside"
    topics = [topic, beside]
    await stack.add_topics([Topic(name, partitions=PARTITIONS) for name in topics])
    await stack.add_user("tape", writes=topics, reads=topics)
    login = KafkaLogin(kafka=stack.bootstrap, kafka_user="tape", kafka_password_file=stack.folder.secret_file("tape"))
    await _may(login, topics)
    made = Group(transport, login, topic, beside, name=f"tape.{topic}")
    try:
        yield made
    finally:
        await made.close()
        # Or the process could not end: Faust's thread is none that Python leaves behind.
        assert not [t for t in threading.enumerate() if isinstance(t, WorkerThread)]


async def _may(login: KafkaLogin, topics: Sequence[str]) -> None:
    """Wait until the broker lets this user see the topics: an access rule holds a little after it was made."""
    producer = AIOKafkaProducer(**client(login, "gate"))
    await producer.start()
    try:
        async with asyncio.timeout(10):
            for topic in topics:
                await _seen(producer, topic)
    finally:
        await producer.stop()


async def _seen(producer: AIOKafkaProducer, topic: str) -> None:
    while True:
        with contextlib.suppress(TopicAuthorizationFailedError):
            await producer.partitions_for(topic)
            return
