"""What a batch store has written it knows: it reads no row twice, and again once anybody else may have written it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.kernel import postgres
from services.kernel.postgres import BatchStore
from services.kernel.tables import NoExtension
from tests.kernel.adding import TOPIC, added
from tests.kernel.test_store_conformance import toy_pool
from tests.kernel.toy import OUT, Given, Meter, ToyCore

pytestmark = pytest.mark.integration
_Store = BatchStore[Meter, Given, None]


@pytest.fixture
async def pool(stack) -> AsyncIterator[asyncpg.Pool]:  # type: ignore[no-untyped-def]
    async with toy_pool(stack) as made:
        yield made


@pytest.fixture
def store(pool: asyncpg.Pool) -> _Store:
    return BatchStore(pool, "toy", OUT, Meter, ToyCore(), NoExtension(), most_subjects=10)


async def somebody_else(pool: asyncpg.Pool, total: int) -> None:
    """Nobody does this to a partition that is claimed: so it shows whether the row was read."""
    await pool.execute(
        """UPDATE toy_state.state
        SET doc = convert_to(jsonb_set(r.doc, '{state,total}', to_jsonb($1::int))::text, 'UTF8')
        FROM toy_state.readable r WHERE r.subject = state.subject""",
        total,
    )


async def test_what_it_has_written_it_does_not_read_again(pool: asyncpg.Pool, store: _Store) -> None:
    at = (await store.claim({TOPIC: 0}))[TOPIC]
    await added(store, 1, at)
    await somebody_else(pool, 100)
    assert await added(store, 2, at) == 1


async def test_after_a_claim_it_reads_again(pool: asyncpg.Pool, store: _Store) -> None:
    await added(store, 1, (await store.claim({TOPIC: 0}))[TOPIC])
    await somebody_else(pool, 100)
    assert await added(store, 2, (await store.claim({TOPIC: 0}))[TOPIC]) == 100


async def test_after_a_fault_it_reads_again(pool: asyncpg.Pool, store: _Store) -> None:
    at = (await store.claim({TOPIC: 0}))[TOPIC]
    await added(store, 1, at)
    with pytest.raises(ZeroDivisionError):
        await added(store, 1, at, fault=ZeroDivisionError())
    await somebody_else(pool, 100)
    assert await added(store, 2, at) == 100


async def test_what_was_fenced_it_does_not_know(pool: asyncpg.Pool, store: _Store) -> None:
    old = (await store.claim({TOPIC: 0}))[TOPIC]
    at = (await store.claim({TOPIC: 0}))[TOPIC]
    await added(store, 1, at)
    await store.claim({})
    assert await added(store, 50, old) == 1, "decided, and not written"
    assert await added(store, 2, at) == 1


async def test_what_it_knows_has_a_bound(pool: asyncpg.Pool, store: _Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_MOST_KNOWN", 2)
    at = (await store.claim({TOPIC: 0}))[TOPIC]
    for subject in ("m", "n", "o", "p"):
        await added(store, 1, at, subject)
    await somebody_else(pool, 100)
    assert [await added(store, 1, at, subject) for subject in ("m", "p")] == [100, 1]
