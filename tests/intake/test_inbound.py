"""What one outside system sent stops that system alone, whatever it is."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from aiokafka import TopicPartition
from structlog.testing import capture_logs

from services.intake.doors import inbound
from services.intake.doors.inbound import InboundDoor
from services.intake.doors.receiving import RECEIVED
from services.kernel.store import Unavailable

SECRET = "张三"


class Poisoned:
    """A consumer whose next record can't be read: a header's name that is no UTF-8 does that to aiokafka."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def getmany(self, **_: object) -> object:
        raise ValueError(SECRET)

    async def beginning_offsets(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: 10 if tp.partition == 3 else 0 for tp in tps}

    async def committed(self, tp: TopicPartition) -> int | None:
        return {3: 4, 5: 7}.get(tp.partition)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> InboundDoor:
    made = InboundDoor(
        SimpleNamespace(system="demo311", pool=None), SimpleNamespace(), "intake-1", structlog.get_logger()
    )  # type: ignore[arg-type]
    monkeypatch.setattr(made, "_consumer", Poisoned)
    return made


async def test_a_record_that_nothing_can_read_quarantines_its_system(
    door: InboundDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped: list[tuple[str, str]] = []

    async def quarantined(pool: Any, system: str) -> bool:
        if stopped:
            raise asyncio.CancelledError  # the test has seen enough
        return False

    away = [Unavailable("the database is away")]

    async def quarantine(pool: Any, system: str, reason: str) -> None:
        if away:
            raise away.pop()
        stopped.append((system, reason))

    monkeypatch.setattr(inbound, "_ASK_AGAIN_S", 0.0)
    monkeypatch.setattr(inbound.systems, "quarantined", quarantined)
    monkeypatch.setattr(inbound.systems, "quarantine", quarantine)
    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        await door.run()
    assert stopped == [("demo311", "fault")]
    assert [line["event"] for line in logs] == ["events expired unread", "a system is quarantined"]
    said = logs[-1]
    assert "ValueError at test_inbound.py:" in said["reason"] and SECRET not in str(said)


async def test_what_the_topic_forgot_before_anybody_read_it_is_said(door: InboundDoor) -> None:
    expired = RECEIVED.labels("demo311", "expired")
    before = expired._value.get()
    with capture_logs() as logs:
        await door._look_back(Poisoned())  # type: ignore[arg-type]
    assert [(line["partition"], line["records"]) for line in logs] == [(3, 6)]
    assert expired._value.get() == before + 6
