"""The district's set-up: everything at the first start, nothing at the next, and nobody's change taken back."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from deploy.commands import accounts
from deploy.embedded.stack import EmbeddedStack
from deploy.setup import PASSWORDS, SHOWN, set_up
from services.portal.doors.state import Passwords
from services.portal.store.accounts import PostgresAccounts

pytestmark = pytest.mark.integration


async def test_it_is_done_once_and_its_passwords_open_the_door(stack: EmbeddedStack, tmp_path: Path) -> None:
    name = await stack.new_database()
    try:
        said = await set_up(lambda role: stack.dsn(role, name), tmp_path)
        assert [one.partition(" ")[2] for one in said] == ["units of the directory", "addresses of staff", "accounts"]
        assert {(tmp_path / file).stat().st_mode & 0o777 for file in (PASSWORDS, SHOWN)} == {0o600}
        drawn = accounts.load_passwords(tmp_path / PASSWORDS)
        assert len(set(drawn.values())) == len(drawn) > 200
        async with asyncpg.create_pool(stack.dsn("portal", name), min_size=1, max_size=1) as pool:
            found = await PostgresAccounts(pool).find("duty")
            assert found is not None
            assert await Passwords().right(found.password, drawn["duty"])
            await pool.execute("update portal.account set name = 'changed' where login = 'duty'")
            assert await set_up(lambda role: stack.dsn(role, name), tmp_path) == []
            kept = await PostgresAccounts(pool).find("duty")
            assert kept is not None
            assert kept.name == "changed"
        assert accounts.load_passwords(tmp_path / PASSWORDS) == drawn
    finally:
        await stack.drop_database(name)


async def test_passwords_drawn_before_a_stop_are_the_ones_of_the_next_start(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    accounts.keep_passwords(tmp_path / PASSWORDS, {"duty": "drawn-before"})
    name = await stack.new_database()
    try:
        await set_up(lambda role: stack.dsn(role, name), tmp_path)
    finally:
        await stack.drop_database(name)
    assert accounts.load_passwords(tmp_path / PASSWORDS)["duty"] == "drawn-before"
    assert "drawn-before" in (tmp_path / SHOWN).read_text()
