"""Clients of Kafka, as every process of ours makes them."""

from __future__ import annotations

import asyncio
from functools import cached_property
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.kernel.processor import Bounds
from services.kernel.store import TP


class KafkaLogin(BaseSettings):
    """Where the broker is and as whom to log in (SASL/SCRAM-SHA-512)."""

    model_config = SettingsConfigDict(env_prefix="MAODIAO_", extra="ignore", frozen=True)

    kafka: str = Field(description="bootstrap servers, host:port")
    kafka_user: str
    kafka_password_file: Path

    @cached_property
    def kafka_password(self) -> str:
        return read_secret(self.kafka_password_file)


def client(login: KafkaLogin, client_id: str) -> dict[str, str]:
    """What every client of aiokafka needs to log in."""
    return {
        "bootstrap_servers": login.kafka,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": login.kafka_user,
        "sasl_plain_password": login.kafka_password,
        "client_id": client_id,
    }


def idempotent_producer(login: KafkaLogin, client_id: str) -> AIOKafkaProducer:
    """acks=all, and the broker drops what a retry of the same producer repeats.

    While no broker answers, aiokafka's producer asks for metadata again at once, with a core and two lines of log for
    each time; here it waits. `_metadata_update` is its own name: tests/kernel/test_broker.py holds it.
    """
    producer = AIOKafkaProducer(
        **client(login, client_id), enable_idempotence=True, acks="all", linger_ms=0, max_batch_size=900_000
    )
    ask = producer.client._metadata_update

    async def ask_patiently(*wanted: object) -> bool:
        return bool(await ask(*wanted)) or await asyncio.sleep(0.5, False)

    producer.client._metadata_update = ask_patiently
    return producer


def plain_consumer(login: KafkaLogin, client_id: str, *, gather_ms: int = 0) -> AIOKafkaConsumer:
    """A reader without a group: it keeps its own place and commits nothing. Assign it partitions, then seek.

    gather_ms: as of `gathering`.
    """
    return AIOKafkaConsumer(
        **client(login, client_id), enable_auto_commit=False, auto_offset_reset="earliest", **gathering(gather_ms)
    )


def gathering(gather_ms: int) -> dict[str, int]:
    """Let the broker gather records for so many ms before it answers a fetch, where nobody waits for each; 0: never.

    A fetch costs a client about as much as hundreds of records.
    """
    return {"fetch_min_bytes": 1_000_000, "fetch_max_wait_ms": gather_ms} if gather_ms else {}


async def bounds(consumer: AIOKafkaConsumer, partitions: list[TP]) -> dict[TP, Bounds]:
    """What the broker has of these partitions now."""
    tps = [TopicPartition(*tp) for tp in partitions]
    begins = await consumer.beginning_offsets(tps)
    ends = await consumer.end_offsets(tps)
    return {TP(tp.topic, tp.partition): Bounds(begins[tp], ends[tp]) for tp in tps}


def read_secret(path: Path) -> str:
    """The content of a secret file without its line end.

    Raises:
        SystemExit: there is no such file, or it is empty; the sentence says which.
    """
    try:
        text = path.read_text().strip()
    except OSError as error:
        why = f"The secret file {path} can't be read ({error.strerror}). Was the stack initialised?"
        raise SystemExit(why) from error
    if not text:
        raise SystemExit(f"The secret file {path} is empty. Initialise the stack again, or restore it from backup.")
    return text
