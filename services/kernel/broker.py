"""Clients of Kafka, as every process of ours makes them."""

from __future__ import annotations

from typing import TypedDict

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from services.kernel.processor import Bounds
from services.kernel.settings import KafkaLogin
from services.kernel.store import TP


class Client(TypedDict):
    bootstrap_servers: str
    security_protocol: str
    sasl_mechanism: str
    sasl_plain_username: str
    sasl_plain_password: str
    client_id: str


def client(login: KafkaLogin, client_id: str) -> Client:
    """What every client needs to log in (SASL/SCRAM-SHA-512)."""
    return Client(
        bootstrap_servers=login.kafka,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username=login.kafka_user,
        sasl_plain_password=login.kafka_password,
        client_id=client_id,
    )


def idempotent_producer(login: KafkaLogin, client_id: str) -> AIOKafkaProducer:
    """acks=all, and the broker drops what a retry of the same producer repeats."""
    return AIOKafkaProducer(
        **client(login, client_id), enable_idempotence=True, acks="all", linger_ms=0, max_batch_size=900_000
    )


def plain_consumer(login: KafkaLogin, client_id: str) -> AIOKafkaConsumer:
    """A reader without a group: it keeps its own place and commits nothing. Assign it partitions, then seek."""
    return AIOKafkaConsumer(**client(login, client_id), enable_auto_commit=False, auto_offset_reset="earliest")


async def bounds(consumer: AIOKafkaConsumer, partitions: list[TP]) -> dict[TP, Bounds]:
    """What the broker has of these partitions now."""
    tps = [TopicPartition(*tp) for tp in partitions]
    begins = await consumer.beginning_offsets(tps)
    ends = await consumer.end_offsets(tps)
    return {TP(tp.topic, tp.partition): Bounds(begins[tp], ends[tp]) for tp in tps}
