"""A worker's ear for marks: what it hears, and that it ends without a word when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from structlog import get_logger
from structlog.testing import capture_logs

from services.kernel import progress
from services.kernel.marks import Mark
from tests.kernel.toy import NINE

MARK = Mark(relay="r", upto=NINE, offsets={0: 1})


class Consumer:
    """As aiokafka's: iterated without an `aclose`."""

    def __init__(self, values: list[bytes]) -> None:
        self._values, self.stopped = values, False

    async def start(self) -> None: ...

    def assign(self, _: object) -> None: ...

    async def seek_to_end(self, _: object) -> None: ...

    async def stop(self) -> None:
        self.stopped = True

    def __aiter__(self) -> Consumer:
        return self

    async def __anext__(self) -> Any:
        if not self._values:
            await asyncio.Event().wait()
        return SimpleNamespace(value=self._values.pop(0), offset=0)


@pytest.fixture
async def consumer(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Consumer]:
    made = Consumer([b"not a mark", msgspec.json.encode(MARK)])
    monkeypatch.setattr(progress, "plain_consumer", lambda *_: made)
    yield made


async def test_marks_are_heard_until_cancelled(consumer: Consumer) -> None:
    heard: asyncio.Queue[Mark] = asyncio.Queue()
    with capture_logs() as said:
        ear = asyncio.create_task(progress.follow_marks(None, "ear", heard.put_nowait, get_logger()))  # type: ignore[arg-type]
        assert await asyncio.wait_for(heard.get(), 5) == MARK
        ear.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ear
    assert consumer.stopped
    assert [line["event"] for line in said] == ["a progress mark can't be read"]
