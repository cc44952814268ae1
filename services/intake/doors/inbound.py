"""Reads `inbound.<system>`, one consumer for each outside system, so that a storm of one stops that one alone.

Where a consumer stands does not matter for correctness: (system, id) is kept, so a record read again is answered again
by the same bytes. Kafka's committed offset is therefore enough. What a topic forgets while nobody reads it (a
quarantine or an outage longer than its retention) is lost, and said: `maodiao_inbound{outcome="expired"}`.
"""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from services.intake.doors.receiving import RECEIVED, Receiver
from services.intake.store import systems
from services.kernel.broker import KafkaLogin, client
from services.kernel.core import Record
from services.kernel.parking import StormError, StormLimit
from services.kernel.partitioning import PARTITIONS
from services.kernel.store import Moved, Unavailable
from services.kernel.telemetry import Logger

_FETCH = 200
_ASK_AGAIN_S = 2.0


class InboundDoor:
    """One system's records, in order.

    Args:
        receiver: what becomes of each. login, name: to the broker. log: telemetry.
    """

    def __init__(self, receiver: Receiver, login: KafkaLogin, name: str, log: Logger) -> None:
        self._receiver, self._login, self._name, self._log = receiver, login, name, log
        self._system = receiver.system

    async def run(self) -> None:
        """Read until cancelled; a system in quarantine is left alone until somebody lifts it."""
        while True:
            if await self._quarantined():
                await asyncio.sleep(_ASK_AGAIN_S)
                continue
            consumer = self._consumer()
            try:
                await consumer.start()
                await self._look_back(consumer)
                await self._consume(consumer)
            except StormError as storm:
                await self._stop("storm", str(storm))
            except (KafkaError, OSError) as error:
                self._log.warning("inbound: begin again", system=self._system, error=type(error).__name__)
                await asyncio.sleep(0.5)
            except Exception as error:  # noqa: BLE001 - what one system sent must not end the door of all
                await self._stop("fault", f"{type(error).__name__} at {_place(error)}; its record was not answered")
            finally:
                await consumer.stop()

    async def _stop(self, reason: str, why: str) -> None:
        """It stays where it is: its group has no member, which oversight sees, until somebody lifts the quarantine."""
        self._log.error("a system is quarantined", system=self._system, reason=why)
        while True:
            try:
                return await systems.quarantine(self._receiver.pool, self._system, reason)
            except Unavailable:
                await asyncio.sleep(_ASK_AGAIN_S)

    async def _quarantined(self) -> bool:
        try:
            return await systems.quarantined(self._receiver.pool, self._system)
        except Unavailable:
            return True  # nothing could be stored now either

    def _consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            f"inbound.{self._system}",
            **client(self._login, f"{self._name}-inbound"),
            group_id=f"intake-inbound-{self._system}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )

    async def _look_back(self, consumer: AIOKafkaConsumer) -> None:
        """Say what the topic no longer has though nobody had read it: aiokafka goes on behind the gap in silence."""
        tps = [TopicPartition(f"inbound.{self._system}", lane) for lane in range(PARTITIONS)]
        begins = await consumer.beginning_offsets(tps)
        for tp in tps:
            at = await consumer.committed(tp)
            if at is not None and (gone := begins[tp] - at) > 0:
                RECEIVED.labels(self._system, "expired").inc(gone)
                self._log.error("events expired unread", system=self._system, partition=tp.partition, records=gone)

    async def _consume(self, consumer: AIOKafkaConsumer) -> None:
        storm = StormLimit()
        while True:
            found = await consumer.getmany(timeout_ms=200, max_records=_FETCH)
            done: dict[TopicPartition, int] = {}
            try:
                for tp, records in found.items():
                    for record in map(_record, records):
                        bad = await self._patiently(record)
                        done[tp] = record.offset + 1
                        storm.saw(record, bad)
            finally:
                if done:
                    await consumer.commit(done)

    async def _patiently(self, record: Record) -> bool:
        """Handle a record, however long the database is away. Returns: was it bad?"""
        wait = 0.05
        while True:
            try:
                return await self._receiver.handle(record)
            except Moved:
                await asyncio.sleep(0)
            except Unavailable:
                await asyncio.sleep(wait)
                wait = min(2.0, wait * 2)


def _record(one: ConsumerRecord) -> Record:
    headers = tuple((name, value or b"") for name, value in one.headers)  # Kafka knows headers without a value
    return Record(one.topic, one.partition, one.offset, one.key, one.value, headers, one.timestamp)


def _place(error: BaseException) -> str:
    """Where it was raised. Its words may quote what is personal."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"
