"""What was just said about cases, for the pages that are open: read from intake's own topic by every process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.intake.events import TOPIC
from services.kernel.broker import KafkaLogin, bounds, plain_consumer
from services.kernel.partitioning import PARTITIONS
from services.kernel.store import TP
from services.kernel.telemetry import Logger

_AGAIN_S = 1.0
_GATHER_MS = 100  # many cases change at once: the broker tells of them together
_MOST_WAITING = 1_000


class _Head(msgspec.Struct):
    type: str
    subject: str
    sequence: int


_heads = msgspec.json.Decoder(_Head)


@dataclass(frozen=True, slots=True)
class Changed:
    """A case has a new event."""

    case: str
    sequence: int
    type: str


class Watch:
    """Tells every open page of this process; a page that does not keep up, or from which something may have been kept
    while the broker was away, is told to read everything again.

    Args:
        login, client_id: to the broker. log: telemetry.
    """

    def __init__(self, login: KafkaLogin, client_id: str, log: Logger) -> None:
        self._login, self._client_id, self._log = login, client_id, log
        self._open: set[asyncio.Queue[Changed | None]] = set()

    @contextmanager
    def subscribed(self) -> Iterator[asyncio.Queue[Changed | None]]:
        """A queue of changes from now on; None in it means: some were left out."""
        queue: asyncio.Queue[Changed | None] = asyncio.Queue(_MOST_WAITING)
        self._open.add(queue)
        try:
            yield queue
        finally:
            self._open.discard(queue)

    async def run(self) -> None:
        """Follow the topic from its end until cancelled; after a fault of the broker from its end again."""
        while True:
            try:
                async with self._reading() as consumer:
                    for queue in self._open:
                        _tell(queue, None)
                    while True:
                        for records in (await consumer.getmany(timeout_ms=10 * _GATHER_MS)).values():
                            for record in records:
                                self._heard(record.value)
            except (KafkaError, OSError) as fault:
                self._log.warning("watch begins again", error=type(fault).__name__)
                await asyncio.sleep(_AGAIN_S)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = plain_consumer(self._login, self._client_id, gather_ms=_GATHER_MS)
        try:
            await consumer.start()
            partitions = [TP(TOPIC, lane) for lane in range(PARTITIONS)]
            ends = await bounds(consumer, partitions)
            consumer.assign([TopicPartition(*tp) for tp in partitions])
            for tp, bound in ends.items():
                consumer.seek(TopicPartition(*tp), bound.end)
            yield consumer
        finally:
            await consumer.stop()

    def _heard(self, value: bytes) -> None:
        head = _heads.decode(value)
        for queue in self._open:
            _tell(queue, Changed(head.subject, head.sequence, head.type))


def _tell(queue: asyncio.Queue[Changed | None], changed: Changed | None) -> None:
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        changed = None
    queue.put_nowait(changed)
