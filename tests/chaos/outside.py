"""The outside system demo311: publishes what it was told and what it disposed of, some of it twice."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from deploy.kafka_admin import KafkaLogin
from tests.chaos.evidence import ACKNOWLEDGED, UNKNOWN, Sent
from tests.chaos.load import KINDS
from tests.chaos.reading import Notebook

SYSTEM = "demo311"
_REPEATS, _CONTRADICTS, _DISPOSES = 0.05, 0.02, 0.6


class Outside:
    """See the module. a_second: reports that it begins."""

    def __init__(
        self, login: KafkaLogin, notes: Path, communities: Sequence[str], a_second: float, seed: int = 2
    ) -> None:
        self._login, self._communities, self._a_second = login, communities, a_second
        self._book, self._random = Notebook(notes), random.Random(seed)
        self._stopping = False
        self.sent = 0

    def stop(self) -> None:
        self._stopping = True

    async def run(self) -> None:
        """Publish until `stop`."""
        producer = AIOKafkaProducer(**self._login, acks="all", linger_ms=5)
        await producer.start()
        under_way: set[asyncio.Task[None]] = set()
        try:
            while not self._stopping:
                await asyncio.sleep(self._random.expovariate(self._a_second))
                under_way = {task for task in under_way if not task.done()}
                under_way.add(asyncio.create_task(self._story(producer)))
            await asyncio.gather(*under_way)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            await producer.stop()
            self._book.close()

    async def _story(self, producer: AIOKafkaProducer) -> None:
        chance, reference = self._random, uuid4().hex
        report = {
            "reference": reference, "family": "incident", "kind": chance.choice(KINDS), "text": "x",
            "community": chance.choice(self._communities),
        }  # fmt: skip
        event_id = f"r-{reference}"
        await self._send(producer, event_id, "inbound.case_reported.v1", report)
        if chance.random() < _REPEATS:
            await self._send(producer, event_id, "inbound.case_reported.v1", report)
        if chance.random() < _CONTRADICTS:
            await self._send(producer, event_id, "inbound.case_reported.v1", {**report, "text": "y"})
        if chance.random() < _DISPOSES:
            await asyncio.sleep(chance.uniform(4, 14))
            await self._send(producer, f"d-{reference}", "inbound.case_disposed.v1", {"reference": reference})

    async def _send(self, producer: AIOKafkaProducer, event_id: str, type_: str, data: dict[str, str]) -> None:
        event = {"specversion": "1.0", "id": event_id, "source": f"/{SYSTEM}", "type": type_, "data": data}
        value = msgspec.json.encode(event)
        outcome = ACKNOWLEDGED
        try:
            await producer.send_and_wait(f"inbound.{SYSTEM}", value, data["reference"].encode())
        except KafkaError:
            outcome = UNKNOWN
        self.sent += 1
        self._book.note(Sent(at=time.time(), event_id=event_id, content=data.get("text", ""), outcome=outcome))
