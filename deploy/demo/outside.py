"""The outside system: publishes to its inbound topic and reads its receipts, as its own Kafka user and nothing more."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.demo.schedule import Request
from deploy.kafka_admin import KafkaLogin
from deploy.topology import inbound, outbound
from services.intake.events import OUTBOUND
from services.intake.events.inbound import CaseReported, Contact
from services.intake.events.outbound import ReceiptAccepted, ReceiptRefused, StatusChanged
from services.kernel.envelope import decode

SYSTEM: Final = "demo311"


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A CloudEvent in structured mode, as any system would write it."""

    specversion: str = "1.0"
    id: str
    source: str = f"/{SYSTEM}/requests"
    type: str = CaseReported.TYPE
    datacontenttype: str = "application/json"
    data: CaseReported


def reported(request: Request, run: str, occurred_at: datetime) -> CloudEvent:
    """What the system says of a request. `run` keeps references of two demos in one folder apart. Pure."""
    return CloudEvent(
        id=f"{run}-{request.ref}",
        data=CaseReported(
            reference=f"{run}-{request.ref}",
            family="incident",
            kind=request.kind,
            occurred_at=occurred_at,
            lon=request.lon,
            lat=request.lat,
            text=f"演示：外部系统转来 {request.ref}。",
            contact=Contact(name="演示来电人"),
        ),
    )


@dataclass(slots=True)
class Heard:
    """What the outbound topic said. cases: by request. statuses: of each case, in order."""

    cases: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    repeated: int = 0
    statuses: dict[str, list[str]] = field(default_factory=dict)


class OutsideSystem:
    """`async with OutsideSystem(login, accepted) as system`."""

    def __init__(self, login: KafkaLogin, accepted: Callable[[str, str], None]) -> None:
        """`accepted` is told of each receipt: the request's ref and the case."""
        self.run = secrets.token_hex(3)
        self.sent = 0
        self.heard = Heard()
        self._login, self._accepted = login, accepted
        self._producer: AIOKafkaProducer | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator["OutsideSystem"]:
        """Connect, and listen until the end."""
        self._producer = AIOKafkaProducer(**self._login, enable_idempotence=True, acks="all", linger_ms=5)
        consumer = AIOKafkaConsumer(
            outbound(SYSTEM),
            **self._login,
            group_id=f"{SYSTEM}-receipts",
            auto_offset_reset="earliest",
            enable_auto_commit=True,
            auto_commit_interval_ms=500,
        )
        # A fault of the listener ends whoever waits for receipts.
        async with self._producer, consumer, asyncio.TaskGroup() as group:
            listening = group.create_task(self._listen(consumer))
            try:
                yield self
            finally:
                listening.cancel()

    async def send(self, request: Request, occurred_at: datetime) -> None:
        """Publish a request and wait until the broker has it."""
        assert self._producer is not None, "open"
        event = reported(request, self.run, occurred_at)
        await self._producer.send_and_wait(
            inbound(SYSTEM),
            msgspec.json.encode(event),
            key=event.data.reference.encode(),
            headers=[("content-type", b"application/cloudevents+json")],
        )
        self.sent += 1

    async def _listen(self, consumer: AIOKafkaConsumer) -> None:
        async for record in consumer:
            assert record.value is not None, "receipts have a value"
            self._hear(record.value)

    def _hear(self, value: bytes) -> None:
        event = OUTBOUND.read(decode(value)).event
        match event:
            case ReceiptAccepted() if event.event_id.startswith(f"{self.run}-"):
                ref = event.event_id.removeprefix(f"{self.run}-")
                if ref in self.heard.cases:
                    self.heard.repeated += 1
                else:
                    self.heard.cases[ref] = event.case
                    self._accepted(ref, event.case)
            case ReceiptRefused() if event.event_id.startswith(f"{self.run}-"):
                self.heard.refused[event.event_id.removeprefix(f"{self.run}-")] = event.reason
            case StatusChanged():
                self.heard.statuses.setdefault(event.case, []).append(event.status)
            case _:
                pass
