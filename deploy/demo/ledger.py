"""What Kafka and PostgreSQL hold at the end, read as administrator: for the final check alone."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg
import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.demo.expecting import Unexpected
from deploy.demo.outside import SYSTEM
from deploy.kafka_admin import KafkaLogin
from deploy.topology import PARTITIONS, inbound, outbound
from services.kernel.envelope import Envelope, decode

TOPICS: Final = ("case.intake", "case.routing", "case.escalation", "case.notify", "directory", outbound(SYSTEM))
"""Topics that services write, each from the archive of one schema."""

SCHEMAS: Final = ("intake", "routing", "escalation", "notify", "oversight")
READ_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A record of a topic."""

    partition: int
    offset: int
    key: str
    value: bytes
    message: Envelope


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a schema's archive."""

    key: str
    sequence: int
    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Schema:
    """What one service's schema holds. archive: rows by topic. positions: next offset by topic and partition."""

    archive: Mapping[str, Sequence[Row]]
    unpublished: int
    parked: int
    states: int
    positions: Mapping[tuple[str, int], int]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Both sides. records: by topic. ends: the end of each partition. sent: ids of the inbound topic's events.

    projected: how many cases oversight shows in each state.
    """

    records: Mapping[str, Sequence[Seen]]
    ends: Mapping[tuple[str, int], int]
    sent: Sequence[str]
    schemas: Mapping[str, Schema]
    projected: Mapping[str, int]


async def read(kafka: KafkaLogin, dsn: str) -> Ledger:
    """Read everything.

    Args:
        kafka, dsn: of the administrator.

    Raises:
        Unexpected: a topic could not be read to its end.
    """
    (records, ends), schemas, projected = await asyncio.gather(_topics(kafka), _schemas(dsn), _projected(dsn))
    own = {topic: [_seen(one) for one in records[topic]] for topic in TOPICS}
    sent = [_id_of(value) for _, _, _, value in records[inbound(SYSTEM)]]
    return Ledger(own, ends, sent, schemas, projected)


_Raw = tuple[int, int, bytes, bytes]


def _seen(raw: _Raw) -> Seen:
    partition, offset, key, value = raw
    return Seen(partition, offset, key.decode(), value, decode(value))


def _id_of(value: bytes) -> str:
    return _ids.decode(value).id


class _Id(msgspec.Struct):
    id: str


_ids = msgspec.json.Decoder(_Id)


async def _topics(kafka: KafkaLogin) -> tuple[dict[str, list[_Raw]], dict[tuple[str, int], int]]:
    wanted = (*TOPICS, inbound(SYSTEM))
    async with AIOKafkaConsumer(**kafka, enable_auto_commit=False, auto_offset_reset="earliest") as consumer:
        partitions = [TopicPartition(topic, n) for topic in wanted for n in range(PARTITIONS)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found: dict[str, list[_Raw]] = {topic: [] for topic in wanted}
        deadline = asyncio.get_running_loop().time() + READ_S
        left = {tp for tp, end in ends.items() if end > 0}
        while left:
            for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                found[tp.topic] += [(tp.partition, r.offset, r.key or b"", r.value or b"") for r in records]
            left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
            if left and asyncio.get_running_loop().time() > deadline:
                raise Unexpected(
                    f"expected to read {len(wanted)} topics to their ends; saw {len(left)} partitions unread"
                )
    return found, {(tp.topic, tp.partition): end for tp, end in ends.items()}


async def _schemas(dsn: str) -> dict[str, Schema]:
    connection = await asyncpg.connect(dsn)
    try:
        return {name: await _schema(connection, name) for name in SCHEMAS}
    finally:
        await connection.close()


async def _schema(connection: "asyncpg.Connection[asyncpg.Record]", name: str) -> Schema:
    archive: dict[str, list[Row]] = {}
    for row in await connection.fetch(f"SELECT topic, key, sequence, event_id, body FROM {name}.event ORDER BY id"):  # noqa: S608 - a name of ours
        archive.setdefault(row["topic"], []).append(Row(row["key"], row["sequence"], row["event_id"], row["body"]))
    positions = await connection.fetch(f"SELECT topic, partition, next_offset FROM {name}.position")  # noqa: S608
    counts = await connection.fetchrow(
        f"""SELECT (SELECT count(*) FROM {name}.unpublished) AS unpublished,
          (SELECT count(*) FROM {name}.parked) AS parked, (SELECT count(*) FROM {name}_state.state) AS states"""  # noqa: S608
    )
    assert counts is not None, "an aggregate has a row"
    return Schema(
        archive=archive,
        unpublished=counts["unpublished"],
        parked=counts["parked"],
        states=counts["states"],
        positions={(row["topic"], row["partition"]): row["next_offset"] for row in positions},
    )


async def _projected(dsn: str) -> dict[str, int]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT state, count(*) AS n FROM oversight_state.case_row GROUP BY state")
    finally:
        await connection.close()
    return {row["state"]: row["n"] for row in rows}
