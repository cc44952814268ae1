"""How a process ends before it has begun; and what wakes a worker's limits."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from structlog import get_logger
from structlog.testing import capture_logs

from services.host import runtime
from services.host.runtime import Parts, Worker
from services.kernel.relay import ArchiveError


async def test_a_refusal_to_start_is_one_sentence_and_exit_1() -> None:
    async def main() -> Parts:
        raise ArchiveError("Restore it from backup, then run `maodiao reconcile toy`.")

    with capture_logs() as said:
        assert await runtime._run(main, get_logger()) == 1
    (line,) = said
    assert (line["event"], line["reason"]) == (
        "can't start",
        "Restore it from backup, then run `maodiao reconcile toy`.",
    )


async def test_any_other_fault_of_the_wiring_rises() -> None:
    async def main() -> Parts:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await runtime._run(main, get_logger())


async def test_a_mark_that_was_ahead_of_the_records_is_looked_at_again_though_no_other_follows_it() -> None:
    """The relay may have stopped after it: the limits before the mark are due all the same."""
    looked, twice = list[None](), asyncio.Event()

    async def fire() -> bool:
        looked.append(None)
        if len(looked) == 2:
            twice.set()
        return False

    worker = Worker(SimpleNamespace(fire=fire), SimpleNamespace(), get_logger(), fires=True, look_every_s=0.01)
    woken = asyncio.Event()
    woken.set()  # by the one mark
    firing = asyncio.create_task(worker._fire(woken))
    await asyncio.wait_for(twice.wait(), 5)
    firing.cancel()


async def test_a_worker_looks_for_records_that_wait_though_no_other_follows_them() -> None:
    settled = asyncio.Event()

    async def settle() -> None:
        settled.set()

    async def redrive() -> int:
        return 0

    processor = SimpleNamespace(settle=settle, redrive=redrive)
    looking = asyncio.create_task(
        Worker(processor, SimpleNamespace(), get_logger(), fires=False, look_every_s=0.01)._redrive()
    )
    await asyncio.wait_for(settled.wait(), 5)
    looking.cancel()
