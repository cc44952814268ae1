"""The table of policies on the real database: stored once, ahead of time, never changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import asyncpg
import pytest
import yaml
from typer.testing import CliRunner

from deploy import addresses
from deploy.cli import build
from deploy.embedded.stack import EmbeddedStack
from deploy.init import REPOSITORY
from services.escalation.store.policies import PolicyView, apply, apply_first, missing, stored
from services.escalation.store.policy_files import PolicyError
from services.kernel.clock import SystemClock

FOLDER = REPOSITORY / "deploy" / "policy"
DEMO, CALENDAR = (FOLDER / "demo.yaml").read_text(), (FOLDER / "calendar-2026.yaml").read_text()


@pytest.fixture
async def pool(stack: EmbeddedStack) -> AsyncIterator[asyncpg.Pool]:
    database = await stack.new_database()
    made = await asyncpg.create_pool(stack.dsn("escalation", database), min_size=1, max_size=4)
    try:
        yield made
    finally:
        await made.close()
        await stack.drop_database(database)


def edited(**changes: object) -> str:
    return yaml.safe_dump({**yaml.safe_load(DEMO), **changes}, allow_unicode=True)


async def test_the_first_may_begin_in_the_past_and_the_next_may_not(pool: asyncpg.Pool) -> None:
    assert "maodiao policy apply" in (await missing(pool) or "")
    async with pool.acquire() as connection:
        with pytest.raises(PolicyError, match="cn-2026 is not stored"):
            await apply(connection, DEMO, by="u-0014")
        assert (await apply(connection, CALENDAR, by="u-0014")).new
        first = await apply(connection, DEMO, by="u-0014")
        assert first.new and first.since < datetime.now(UTC)
        assert not (await apply(connection, DEMO, by="u-0014")).new, "the very same changes nothing"
        with pytest.raises(PolicyError, match="another content"):
            await apply(connection, edited(near_share=0.5), by="u-0014")
        with pytest.raises(PolicyError, match="ahead"):
            await apply(connection, edited(version=2), by="u-0014")
        soon = datetime.now(UTC) + timedelta(seconds=5)
        with pytest.raises(PolicyError, match="ahead"):
            await apply(connection, edited(version=2), by="u-0014", since=soon)
        later = datetime.now(UTC) + timedelta(seconds=15)
        assert (await apply(connection, edited(version=2), by="u-0014", since=later)).since == later
        with pytest.raises(PolicyError, match="another version begins"):
            await apply(connection, edited(version=3), by="u-0014", since=later)
        with pytest.raises(PolicyError, match="Raise `version`"):
            await apply(connection, edited(version=1, near_share=0.4), by="u-0014", since=later)
        calendar = yaml.safe_dump({**yaml.safe_load(CALENDAR), "version": 2}, allow_unicode=True)
        assert (await apply(connection, calendar, by="u-0014")).since > datetime.now(UTC) + timedelta(seconds=10)
        assert [(v.kind, v.version) for v in await stored(connection)] == [
            ("calendar", 1), ("calendar", 2), ("policy", 1), ("policy", 2),
        ]  # fmt: skip
    assert await missing(pool) is None


async def test_the_installation_stores_one_policy_once_whoever_comes_first(pool: asyncpg.Pool) -> None:
    done = await asyncio.gather(*(apply_first(pool, FOLDER, "demo") for _ in range(3)))
    assert sorted(len(stored_now) for stored_now in done) == [0, 0, 2]
    assert await apply_first(pool, FOLDER / "hongqiao.yaml", "demo") == []
    with pytest.raises(asyncpg.PostgresError):
        await pool.execute("update escalation.policy set version = 0")


async def test_a_folder_without_the_policy_is_said(pool: asyncpg.Pool) -> None:
    with pytest.raises(PolicyError, match="nowhere"):
        await apply_first(pool, FOLDER, "nowhere")


async def test_every_batch_sees_a_new_version_within_a_second(pool: asyncpg.Pool) -> None:
    now = 0.0
    view = PolicyView(lambda: now, SystemClock())
    async with pool.acquire() as connection:
        assert not (await view.view(connection)).policies
        await apply(connection, CALENDAR, by="u-0014")
        await apply(connection, DEMO, by="u-0014")
        now = 0.9
        assert not (await view.view(connection)).policies
        now = 1.1
        book = await view.view(connection)
        assert [p.name for p in book.policies] == ["demo"]
        now = 3.0
        assert await view.view(connection) is book, "nothing new: nothing is parsed again"


async def test_the_command_stores_all_files_or_none_and_shows_what_is_in_force(
    pool: asyncpg.Pool, stack: EmbeddedStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dsn = await pool.fetchval("select current_database()")
    monkeypatch.setattr(addresses, "database", lambda service, _data: stack.dsn(service, dsn))
    calendar, policy, wrong = str(FOLDER / "calendar-2026.yaml"), str(FOLDER / "demo.yaml"), tmp_path / "wrong.yaml"
    wrong.write_text(edited(version=2, near_share=3))

    def said(*args: str) -> str:
        outcome = CliRunner().invoke(build(), ["policy", *args])
        return outcome.output + str(outcome.exception or "")

    run = partial(asyncio.to_thread, said)
    assert "No policy is stored yet" in await run("show")
    assert "near_share" in await run("apply", calendar, policy, str(wrong))
    assert "No policy is stored yet" in await run("show"), "one file was wrong, so none was stored"
    assert "policy demo 1 stored" in await run("apply", calendar, policy)
    assert "was stored already" in await run("apply", policy)
    assert "In force: demo 1" in await run("show", "--body")
    shown = await run("show")
    assert shown.index("节假日排到 2026-12-31") < shown.index("knows holidays until 2026-12-31")
    newer = tmp_path / "newer.yaml"
    newer.write_text(edited(version=2))
    assert "not a time with its zone" in await run("apply", str(newer), "--from", "2099-01-01")
    assert "policy demo 2 stored" in await run("apply", str(newer), "--from", "now")
    assert "In force: demo 1" in await run("show"), "it begins ten seconds ahead"
