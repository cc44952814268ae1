"""What one outside system sent stops that system alone, whatever it is."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from services.intake.doors import inbound
from services.intake.doors.inbound import InboundDoor

SECRET = "张三"


class Poisoned:
    """A consumer whose next record can't be read: a header's name that is no UTF-8 does that to aiokafka."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def getmany(self, **_: object) -> object:
        raise ValueError(SECRET)


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

    async def quarantine(pool: Any, system: str, reason: str) -> None:
        stopped.append((system, reason))

    monkeypatch.setattr(inbound.systems, "quarantined", quarantined)
    monkeypatch.setattr(inbound.systems, "quarantine", quarantine)
    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        await door.run()
    assert stopped == [("demo311", "fault")]
    (said,) = logs
    assert "ValueError at test_inbound.py:" in said["reason"] and SECRET not in str(said)
