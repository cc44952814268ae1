"""How a process ends before it has begun."""

from __future__ import annotations

import pytest
from structlog import get_logger
from structlog.testing import capture_logs

from services.host import runtime
from services.host.runtime import Parts
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
