"""Reads the evidence: topics as the broker has them, schemas as the database has them, files as clients left them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from deploy.embedded.folder import DataFolder
from deploy.init import Server
from deploy.kafka_admin import KafkaLogin, login
from deploy.topology import ADMIN, DATABASE
from services.kernel.envelope import Envelope
from services.kernel.partitioning import PARTITIONS
from tests.chaos import ledger
from tests.chaos.evidence import Answer, Archived, Arrival, Entry, Evidence, Fault, Moved, Schema, Sent, State, Written
from tests.chaos.evidence import Zombie as Zombie

T = TypeVar("T")
_envelopes = msgspec.json.Decoder(Envelope)


class Doc(msgspec.Struct, frozen=True):
    """Of a state row, what the ledger looks at."""

    seen: dict[str, int] = {}
    held: tuple[str, ...] = ()


_docs = msgspec.json.Decoder(Doc)


class Servers:
    """The broker and the database of a data folder, as the administrator reaches them."""

    def __init__(self, data: Path) -> None:
        self.folder = DataFolder(data)

    def kafka(self, user: str = ADMIN) -> KafkaLogin:
        port = self.folder.known_ports()["kafka"]
        return login(f"127.0.0.1:{port}", user, self.folder.secret(user))

    def dsn(self) -> str:
        port = self.folder.known_ports()["postgres"]
        return Server("127.0.0.1", port).dsn(ADMIN, DATABASE, self.folder.secret("postgres"))


class Notebook:
    """A file to which lines are added as things happen; what was written before a crash is there."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)

    def note(self, what: msgspec.Struct) -> None:
        self._file.write(msgspec.json.encode(what) + b"\n")

    def close(self) -> None:
        self._file.close()


def notes(path: Path, type_: type[T]) -> list[T]:
    """What a notebook holds."""
    decoder = msgspec.json.Decoder(type_)
    return [decoder.decode(line) for line in path.read_bytes().splitlines()] if path.exists() else []


async def gather(
    servers: Servers, notebooks: Path, faults: Iterable[Fault], zombies: Iterable[Zombie], said: Callable[[str], None]
) -> Evidence:
    """Everything, at rest."""
    said("reading the topics")
    topics, ends = await read_topics(servers)
    said("reading the schemas")
    connection = await asyncpg.connect(servers.dsn())
    try:
        schemas = {service: await read_schema(connection, service) for service in ledger.READS}
        committed = await connection.fetch("SELECT key FROM intake.press WHERE status IS NOT NULL")
        moved = await connection.fetch("SELECT * FROM chaos.moved ORDER BY id")
        written = await connection.fetch("SELECT * FROM chaos.written ORDER BY id")
    finally:
        await connection.close()
    return Evidence(
        answers=notes(notebooks / "answers.jsonl", Answer),
        sent=notes(notebooks / "sent.jsonl", Sent),
        arrivals=notes(notebooks / "arrivals.jsonl", Arrival),
        topics=topics,
        ends=ends,
        schemas=schemas,
        committed=frozenset(row["key"] for row in committed),
        faults=list(faults),
        zombies=list(zombies),
        moved=[
            Moved(
                at=r["at"].timestamp(), application=r["application"], backend=r["backend"], schema=r["schema_name"],
                topic=r["topic"], partition=r["partition"], epoch_before=r["epoch_before"], epoch=r["epoch"],
                before=r["before"], next_offset=r["next_offset"],
            )
            for r in moved
        ],
        written=[
            Written(
                at=r["at"].timestamp(), application=r["application"], backend=r["backend"], table=r["table_name"],
                rows=r["rows"], transaction=r["transaction"], causes=tuple(r["causes"]),
            )
            for r in written
        ],
    )  # fmt: skip


async def read_topics(servers: Servers) -> tuple[dict[str, list[Entry]], dict[tuple[str, int], int]]:
    """All records of our topics, and where each partition ends."""
    consumer = AIOKafkaConsumer(**servers.kafka(), enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        tps = [TopicPartition(topic, lane) for topic in ledger.NUMBERED for lane in range(PARTITIONS)]
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        ends: dict[TopicPartition, int] = await consumer.end_offsets(tps)
        found: dict[str, list[Entry]] = {topic: [] for topic in ledger.NUMBERED}
        deadline = time.monotonic() + 120
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            if time.monotonic() > deadline:
                raise TimeoutError("The topics could not be read to their ends within 120 s.")
            for tp, records in (await consumer.getmany(timeout_ms=500, max_records=5000)).items():
                found[tp.topic] += [entry(record) for record in records]
            await asyncio.sleep(0)
    finally:
        await consumer.stop()
    return found, {(tp.topic, tp.partition): end for tp, end in ends.items()}


def entry(record: ConsumerRecord) -> Entry:
    """A record of a topic of ours."""
    message = _envelopes.decode(record.value)
    return Entry(
        topic=record.topic, partition=record.partition, offset=record.offset, key=record.key.decode(),
        value=record.value, id=message.id, type=message.type, sequence=message.sequence, time=message.time,
        afterseq=message.afterseq, cause=message.causationid,
    )  # fmt: skip


async def read_schema(connection: asyncpg.Connection[asyncpg.Record], service: str) -> Schema:
    """One service's schema. The name is one of ours."""
    events = await connection.fetch(f"SELECT topic, key, sequence, event_id, body FROM {service}.event")
    states = await connection.fetch(f"SELECT subject, doc FROM {service}_state.state")
    positions = await connection.fetch(f"SELECT topic, partition, next_offset FROM {service}.position")
    return Schema(
        events=[
            Archived(topic=r["topic"], key=r["key"], sequence=r["sequence"], id=r["event_id"], body=r["body"])
            for r in events
        ],
        states={r["subject"]: _state(r["doc"]) for r in states},
        positions={(r["topic"], r["partition"]): r["next_offset"] for r in positions},
        parked=await connection.fetchval(f"SELECT count(*) FROM {service}.parked"),
        unpublished=await connection.fetchval(f"SELECT count(*) FROM {service}.unpublished"),
    )


def _state(doc: bytes) -> State:
    read = _docs.decode(doc)
    return State(seen=read.seen, held=read.held)
