"""What every benchmark needs: a stack with the toy's topics and schemas, processes, and figures side by side."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench.toy import LOG, LOG_SERVICE, OUT, SERVICE
from deploy.embedded.stack import EmbeddedStack
from deploy.migrations import migrate
from deploy.topology import Role, Topic
from services.kernel.partitioning import PARTITIONS

PYTHON = sys.executable


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure beside its baseline and its bound; `holds` says whether the bound holds."""

    name: str
    measured: str
    baseline: str
    bound: str
    holds: bool


@asynccontextmanager
async def stack() -> AsyncIterator[EmbeddedStack]:
    """A fresh stack in a temporary folder, with the toy's topics, users and schemas."""
    with tempfile.TemporaryDirectory(prefix="maodiao-bench-") as folder:
        async with EmbeddedStack(Path(folder), tie_to_parent=True) as made:
            await made.add_topics([Topic(LOG), Topic(OUT)])
            for service in (SERVICE, LOG_SERVICE):
                await made.add_user(service, writes=[LOG, OUT, "progress"], reads=[LOG, OUT, "progress"])
                await made.add_role(Role(service))
                async with connected(made, service) as connection:
                    await migrate(connection, service)
            yield made


@asynccontextmanager
async def connected(made: EmbeddedStack, service: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as a service's role."""
    connection = await asyncpg.connect(made.dsn(service))
    try:
        yield connection
    finally:
        await connection.close()


def environment(made: EmbeddedStack, service: str, *, with_database: bool = True, **more: str) -> dict[str, str]:
    """What a process of this service is told."""
    secrets = made.folder.root / "secrets"
    kafka = secrets / f"bench-kafka-{service}"
    kafka.write_text(str(made.kafka(service)["sasl_plain_password"]))
    login = {
        "MAODIAO_KAFKA": str(made.kafka(service)["bootstrap_servers"]),
        "MAODIAO_KAFKA_USER": service,
        "MAODIAO_KAFKA_PASSWORD_FILE": str(kafka),
    }
    if not with_database:
        return {**os.environ, **login, **more}
    scheme, _, rest = made.dsn(service).partition("://")
    credentials, _, place = rest.partition("@")
    user, _, password = credentials.partition(":")
    dsn_file = secrets / f"bench-dsn-{service}"
    dsn_file.write_text(password)
    return {
        **os.environ,
        **login,
        "MAODIAO_DSN": f"{scheme}://{user}@{place}",
        "MAODIAO_DSN_PASSWORD_FILE": str(dsn_file),
        "MAODIAO_SECRETS_DIR": str(secrets),
        **more,
    }


@contextmanager
def processes(*commands: tuple[Sequence[str], dict[str, str]]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run `python -m …` commands, and end them."""
    running = [subprocess.Popen([PYTHON, "-m", *command], env=env) for command, env in commands]
    try:
        yield running
    finally:
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@asynccontextmanager
async def watching(made: EmbeddedStack, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A reader of all partitions of a topic, from its end."""
    consumer = AIOKafkaConsumer(**made.kafka(SERVICE))
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, p) for p in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_end(*partitions)
        for partition in partitions:
            await consumer.position(partition)
        yield consumer
    finally:
        await consumer.stop()


async def records_in(consumer: AIOKafkaConsumer, topic: str) -> int:
    """How many records a topic has."""
    ends = await consumer.end_offsets([TopicPartition(topic, p) for p in range(PARTITIONS)])
    return int(sum(ends.values()))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def until(condition, what: str, seconds: float = 60) -> None:  # type: ignore[no-untyped-def]
    """Poll until it holds. Raises: TimeoutError, with what was waited for."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not await condition():
        if loop.time() > deadline:
            raise TimeoutError(f"after {seconds:.0f} s still not: {what}")
        await asyncio.sleep(0.05)
