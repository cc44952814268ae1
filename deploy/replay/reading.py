"""A reader of whole partitions, one after the other, each from its beginning to its end as it is now."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer

from services.kernel.broker import KafkaLogin, client


@asynccontextmanager
async def whole_partitions(login: KafkaLogin, client_id: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer without a group. No fetch waits for more than there is: what is read next would wait behind it."""
    consumer = AIOKafkaConsumer(
        **client(login, client_id), enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=10
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()
