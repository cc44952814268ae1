"""A worker's ear for progress marks and for the passing of limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.kernel.broker import KafkaLogin, plain_consumer
from services.kernel.marks import Mark
from services.kernel.relay import PROGRESS
from services.kernel.telemetry import Logger

_decoder = msgspec.json.Decoder(Mark)


async def follow_marks(login: KafkaLogin, client_id: str, heard: Callable[[Mark], None], log: Logger) -> None:
    """Read marks from now on, without a group, until cancelled. Marks of before say nothing that the next won't."""
    while True:
        consumer = plain_consumer(login, client_id)
        try:
            await consumer.start()
            partition = TopicPartition(PROGRESS, 0)
            consumer.assign([partition])
            await consumer.seek_to_end(partition)
            async for record in consumer:
                try:
                    heard(_decoder.decode(record.value or b""))
                except msgspec.DecodeError:  # marks repeat: one that can't be read costs its 100 ms
                    log.exception("a progress mark can't be read", offset=record.offset)
        except (KafkaError, OSError) as error:
            log.warning("marks: begin again", error=type(error).__name__)
            await asyncio.sleep(0.5)
        finally:
            await consumer.stop()
