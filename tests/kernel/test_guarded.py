"""The guarded store: what was decided on a subject is written only while that subject is as it was read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from services.kernel.fold import Work
from services.kernel.postgres import BatchStore, GuardedStore
from services.kernel.store import Moved, Write
from services.kernel.tables import NoExtension
from tests.kernel.adding import LANE, TOPIC, added
from tests.kernel.test_store_conformance import toy_pool
from tests.kernel.toy import OUT, Given, Meter, ToyCore

pytestmark = pytest.mark.integration
GUARD = "changed since it was read"  # an event's number would stop the second writer too, with other words


@pytest.fixture
async def pool(stack) -> AsyncIterator[asyncpg.Pool]:  # type: ignore[no-untyped-def]
    async with toy_pool(stack) as made:
        yield made


def guarded(pool: asyncpg.Pool) -> GuardedStore[Meter, Given, None]:
    return GuardedStore(pool, "toy", OUT, Meter, ToyCore(), NoExtension(), most_subjects=10)


async def said(pool: asyncpg.Pool) -> list[int]:
    return [row["sequence"] for row in await pool.fetch("SELECT sequence FROM toy.event ORDER BY id")]


async def test_a_step_decided_on_what_has_changed_meanwhile_is_not_written(pool: asyncpg.Pool) -> None:
    worker, sender = guarded(pool), guarded(pool)
    at = replace((await worker.claim({TOPIC: 0}))[TOPIC], next_offset=1)
    await added(worker, 1, at)
    with pytest.raises(Moved, match=GUARD):
        await added(worker, 2, replace(at, next_offset=2), between=lambda: added(sender, 10, None))
    assert await said(pool) == [1, 2]
    assert (await worker.positions([TOPIC]))[TOPIC] == at, "the position stays where the step began"
    await added(worker, 2, replace(at, next_offset=2))
    assert await said(pool) == [1, 2, 3]


async def test_a_fact_from_outside_finds_that_the_worker_was_first(pool: asyncpg.Pool) -> None:
    worker, sender = guarded(pool), guarded(pool)
    at = replace((await worker.claim({TOPIC: 0}))[TOPIC], next_offset=1)
    await added(worker, 1, at)
    with pytest.raises(Moved, match=GUARD):
        await added(sender, 10, None, between=lambda: added(worker, 2, replace(at, next_offset=2)))
    assert await said(pool) == [1, 2]


async def test_who_comes_second_waits_for_the_first_and_is_told(pool: asyncpg.Pool) -> None:
    """The second statement begins while the first is not yet committed, so it can't see what the first wrote."""
    store = guarded(pool)
    await added(store, 1, None)
    async with pool.acquire() as other, other.transaction():
        row = await other.fetchrow("SELECT doc FROM toy_state.state WHERE subject = 'm' FOR UPDATE")
        late = asyncio.create_task(added(store, 2, None))
        async with asyncio.timeout(30):
            while not await pool.fetchval("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
                assert not late.done()
        await other.execute("UPDATE toy_state.state SET doc = $1 WHERE subject = 'm'", row["doc"].replace(b"1", b"7"))
    with pytest.raises(Moved, match=GUARD):
        await late
    assert await said(pool) == [1]


async def test_the_plain_batch_store_would_write_over_it(pool: asyncpg.Pool) -> None:
    """What the guard is for: without it, the number of an event is all that stops the second writer."""
    plain: BatchStore[Meter, Given, None] = BatchStore(
        pool, "toy", OUT, Meter, ToyCore(), NoExtension(), most_subjects=10
    )
    await added(plain, 1, None)
    async with plain.batch({"m": LANE}) as batch:
        work = Work("m", LANE, batch.rows["m"], changed=True)
        await pool.execute("UPDATE toy_state.state SET doc = '{}' WHERE subject = 'm'")
        await batch.write(Write(works=[work]))
    assert await pool.fetchval("SELECT doc FROM toy_state.state") != b"{}"
