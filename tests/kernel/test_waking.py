"""Rows are published at once: by a word within the process, by NOTIFY between processes, and never by both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from deploy.embedded.stack import EmbeddedStack
from services.kernel import relay as relays
from services.kernel.core import Row
from services.kernel.fold import Work
from services.kernel.partitioning import PARTITIONS, partition_of
from services.kernel.postgres import BatchStore, LockingStore
from services.kernel.store import Write
from services.kernel.tables import NoExtension
from services.kernel.waking import Waker
from tests.kernel.outbox import Outbox, outbox
from tests.kernel.toy import NINE, Added, Meter, ToyCore, message

pytestmark = pytest.mark.integration


@pytest.fixture
async def toy(stack: EmbeddedStack, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Outbox]:
    monkeypatch.setattr(relays, "_PAUSE_S", 3_600.0)  # unasked, a relay would look after an hour
    async with outbox(stack, monkeypatch) as made:
        yield made


async def write(toy: Outbox, waker: Waker, subject: str, make: type[Any] = LockingStore) -> None:
    store = make(toy.pool, "toylog", toy.log, Meter, ToyCore(), NoExtension(), most_subjects=10, waker=waker)
    lane = partition_of(subject)
    async with store.batch({subject: lane}) as batch:
        said = message(subject, 1, Added(n=1), batch.stamps.get(subject, NINE))
        await batch.write(Write(works=[Work(subject, lane, Row(), said=[said], changed=True)]))


@pytest.mark.parametrize("make", [LockingStore, BatchStore])
@pytest.mark.parametrize("near", [True, False], ids=["in the same process", "in another process"])
async def test_a_row_is_published_at_once(toy: Outbox, near: bool, make: type[Any]) -> None:
    """`near`: the relay runs where the row was written, and no other process is woken."""
    here, heard = Waker(), list[str]()
    relay = toy.relay(waker=here)
    toy.run(relay.run())
    await toy.until(lambda: _all_lanes(here))
    ear = await toy.connect()
    await ear.add_listener("toylog_outbox", lambda *_: heard.append("NOTIFY"))
    await write(toy, here if near else Waker(), "m1", make)
    await toy.published()
    await ear.fetchval("SELECT 1")  # what was notified before this answer has been heard
    await ear.close()
    assert heard == ([] if near else ["NOTIFY"])


async def _all_lanes(waker: Waker) -> bool:
    return len(waker.lanes) == PARTITIONS


async def test_a_relay_that_ends_publishes_nothing_near(toy: Outbox) -> None:
    here = Waker()
    running = toy.run(toy.relay(waker=here).run())
    await toy.until(lambda: _all_lanes(here))
    await toy.end(running)
    assert here.lanes == frozenset()
