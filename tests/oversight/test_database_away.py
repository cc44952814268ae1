"""While the database does not answer: the audit goes on with its next turn, and the screen says what is wrong."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest

from services.host.http import Problem
from services.oversight.core.audit import Patience
from services.oversight.doors.auditor import Auditor
from services.oversight.doors.screens import Screens
from tests.clock import ManualClock
from tests.oversight.logs import NINE

FAULTS = [
    ConnectionRefusedError(),
    asyncpg.CannotConnectNowError("starting"),
    asyncpg.InterfaceError("closed"),
    asyncpg.InternalClientError("got result for unknown protocol state 3"),
]


class Away:
    """Every question ends in this fault."""

    def __init__(self, fault: Exception) -> None:
        self.fault, self.asked, self.twice = fault, 0, asyncio.Event()

    def __getattr__(self, _: str) -> Any:
        async def ask(*_: object) -> None:
            self.asked += 1
            if self.asked == 2:
                self.twice.set()
            raise self.fault

        return ask


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_the_audit_is_tried_again(fault: Exception) -> None:
    away: Any = Away(fault)
    logged: list[str] = []
    log: Any = SimpleNamespace(warning=lambda _, error: logged.append(error))
    marks: Any = SimpleNamespace(newest={})
    watch: Any = SimpleNamespace(report=None)
    auditor = Auditor(away, marks, watch, Patience(), ManualClock(NINE), log, groups=(), every_s=0.001)
    running = asyncio.create_task(auditor.run())
    again = asyncio.create_task(away.twice.wait())
    await asyncio.wait({running, again}, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    for task in (running, again):
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert away.twice.is_set() and logged[0] == type(fault).__name__


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
async def test_the_screen_says_so(fault: Exception) -> None:
    away: Any = Away(fault)
    streets: Any = SimpleNamespace(by_code={})
    screens = Screens(away, streets, ManualClock(NINE), every=timedelta(seconds=1), offset=timedelta(hours=8))
    with pytest.raises(Problem) as said:
        await screens.now()
    assert said.value.status == 503
