"""Follows a compacted topic into memory: every process reads it whole, without a group, and keeps listening."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from services.kernel.broker import KafkaLogin, bounds, plain_consumer
from services.kernel.partitioning import PARTITIONS
from services.kernel.store import TP
from services.kernel.telemetry import Logger

Take = Callable[[list[bytes | None], bool], Awaitable[None]]


async def follow_topic(
    login: KafkaLogin, client_id: str, topic: str, take: Take, log: Logger, faults: tuple[type[Exception], ...] = ()
) -> None:
    """Hand over all that the topic holds, then what comes, until cancelled. After a fault it begins at the beginning.

    Args:
        login, client_id: to the broker. topic: of our partitions.
        take: is given values (None: a tombstone), several times a second an empty list, and whether the end that the
            topic had when the reading began lies behind.
        faults: of `take`, beside the broker's, after which to begin again; anything else rises.
    """
    partitions = [TP(topic, lane) for lane in range(PARTITIONS)]
    while True:
        consumer = plain_consumer(login, client_id)
        try:
            await consumer.start()
            consumer.assign([TopicPartition(*tp) for tp in partitions])
            ends, at_end = {tp: bound.end for tp, bound in (await bounds(consumer, partitions)).items()}, False
            while True:
                fetched = await consumer.getmany(timeout_ms=200, max_records=2_000)
                if not at_end:
                    at = {tp: await consumer.position(TopicPartition(*tp)) for tp in partitions}
                    at_end = all(at[tp] >= end for tp, end in ends.items())
                await take([record.value for batch in fetched.values() for record in batch], at_end)
        except (KafkaError, OSError, *faults) as error:
            log.warning("a topic is followed from its beginning again", topic=topic, error=type(error).__name__)
            await asyncio.sleep(0.5)
        finally:
            await consumer.stop()
