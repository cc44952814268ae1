"""The intake service as a process of its own on the real broker and database, and what stands around it in tests."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

import asyncpg
import httpx
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.commands.directory import import_files, read_files
from deploy.embedded.stack import EmbeddedStack
from deploy.init import REPOSITORY
from deploy.processes.launch import Child, launch, stop_child, tail
from deploy.service_specs import Wiring, service_specs
from deploy.topology import ADMIN
from services.host.tokens import Identity, mint
from services.kernel.envelope import Envelope, Event, decode, encode, envelope
from services.kernel.partitioning import partition_of
from services.routing.events import DIRECTORY
from services.routing.events.directory import UnitPublished

T = TypeVar("T")
DEADLINE_S = 30.0
CENTRE = "centre-120106001"


@dataclass
class Intake:
    """One running process with a database of its own."""

    stack: EmbeddedStack
    database: str
    child: Child
    url: str
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    def token(self, role: str, unit: str = "centre-120106", staff: str = "u-0005") -> dict[str, str]:
        identity = Identity(staff=staff, unit=unit, post="", role=role)
        token = mint(identity, self.stack.folder.secret("token_key").encode(), datetime.now(UTC))
        return {"authorization": f"Bearer {token}"}

    def client(self, role: str = "seat", unit: str = "centre-120106", staff: str = "u-0005") -> httpx.AsyncClient:
        headers = self.token(role, unit, staff)
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=10)

    def log(self) -> str:
        return self.child.log.read_text()

    async def say(self, service: str, case: str, event: Event, afterseq: int = 1) -> None:
        """Publish as another service would."""
        key = (service, case)
        number = self.numbers[key] = self.numbers.get(key, 0) + 1
        message = envelope(
            event, id=uuid4().hex, service=service, subject=case, time=datetime.now(UTC), sequence=number,
            afterseq=afterseq, causationid="x", rules=1,
        )  # fmt: skip
        await self.send(service, f"case.{service}", encode(message), case)

    async def send(
        self, user: str, topic: str, value: bytes, key: str, headers: list[tuple[str, bytes]] | None = None
    ) -> None:
        producer = AIOKafkaProducer(**self.stack.kafka(user))
        await producer.start()
        try:
            await producer.send_and_wait(topic, value, key.encode(), partition=partition_of(key), headers=headers)
        finally:
            await producer.stop()

    async def fetch(self, sql: str, *args: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.stack.dsn("intake", self.database))
        try:
            return await connection.fetch(sql, *args)
        finally:
            await connection.close()

    async def records(self, user: str, topic: str, want: Callable[[Envelope], bool], count: int) -> list[bytes]:
        """Values of the first `count` records that are wanted, by a user who may read the topic."""
        consumer = AIOKafkaConsumer(**self.stack.kafka(user), enable_auto_commit=False, auto_offset_reset="earliest")
        await consumer.start()
        found: list[bytes] = []
        try:
            tps = [TopicPartition(topic, lane) for lane in range(24)]
            consumer.assign(tps)
            await consumer.seek_to_beginning(*tps)
            deadline = time.monotonic() + DEADLINE_S
            while len(found) < count:
                assert time.monotonic() < deadline, f"{len(found)} of {count} records\n{tail(self.child.log)}"
                for batch in (await consumer.getmany(timeout_ms=200)).values():
                    found += [one.value for one in batch if _readable(one.value) and want(decode(one.value))]
        finally:
            await consumer.stop()
        return found

    async def until(self, ask: Callable[[], Awaitable[T | None]]) -> T:
        """What `ask` answers once it is something, within the deadline."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            if (found := await ask()) is not None:
                return found
            assert self.child.alive(), f"the process ended:\n{tail(self.child.log)}"
            assert time.monotonic() < deadline, f"not in time\n{tail(self.child.log)}"
            await asyncio.sleep(0.05)


def start(stack: EmbeddedStack, database: str, roles: str = "door,worker,relay") -> Intake:
    """Start a process and wait until it is ready."""
    folder = stack.folder
    name = f"intake-test-{uuid4().hex[:6]}"
    port = folder.ports([name])[name]
    wiring = Wiring(
        bootstrap=stack.bootstrap, server=stack.server, database=database, secrets=folder.secrets,
        policy=REPOSITORY / "deploy" / "policy", ports={"intake-1": port}, systems=("demo311",),
        repository=REPOSITORY, environment={**os.environ, "MAODIAO_ROLES": roles},
    )  # fmt: skip
    (spec,) = service_specs(["intake-1"], wiring)
    made = Intake(
        stack, database, launch(spec, folder.run, folder.logs, tie_to_parent=True), f"http://127.0.0.1:{port}"
    )
    asyncio.run(_ready(made))
    return made


async def fresh_database(stack: EmbeddedStack) -> str:
    """A database in which intake has a copy of the directory, as if it had read the topic before."""
    database = await stack.new_database()
    await import_files(stack.dsn("routing", database), read_files())
    admin = await asyncpg.connect(stack.dsn(ADMIN, database))
    try:
        for row in await admin.fetch("SELECT body FROM routing.event WHERE topic = 'directory' ORDER BY id"):
            unit = DIRECTORY.read(decode(row["body"])).event
            assert isinstance(unit, UnitPublished)
            await admin.execute(
                """INSERT INTO intake.directory_unit VALUES ($1, $2, $3)
                ON CONFLICT (unit) DO UPDATE SET version = excluded.version, body = excluded.body""",
                unit.unit,
                unit.version,
                row["body"],
            )
    finally:
        await admin.close()
    return database


async def _ready(intake: Intake) -> None:
    async with httpx.AsyncClient(base_url=intake.url, trust_env=False) as client:

        async def ask() -> bool | None:
            try:
                return (await client.get("/readyz")).status_code == 200 or None
            except httpx.TransportError:
                return None

        await intake.until(ask)


def stop(intake: Intake) -> None:
    asyncio.run(stop_child(intake.child, intake.stack.folder.run))


def data_of(value: bytes) -> dict[str, object]:
    """The data of an event, as plain JSON."""
    read: dict[str, object] = msgspec.json.decode(decode(value).data)
    return read


def _readable(value: bytes) -> bool:
    """Other tests of the run leave bad records on the same topics, on purpose."""
    try:
        decode(value)
    except msgspec.DecodeError:
        return False
    return True
