"""Accounts and sessions: one suite on memory and on PostgreSQL; and the command that imports them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
import yaml

from deploy.commands import accounts as command
from deploy.embedded.stack import EmbeddedStack
from deploy.errors import DeployError
from services.portal.core.signin import Account, Place
from services.portal.doors.session import digest
from services.portal.store.accounts import PostgresAccounts
from services.portal.store.memory import MemoryAccounts
from services.portal.store.port import Accounts

NOW = datetime(2026, 11, 24, 2, 42, tzinfo=UTC)
PLACES = (Place("centre-120106", "duty_seat", "seat"), Place("centre-120106", "head", "centre"))
ONE = Account("duty", "u-0005", "方晴", "hash-1", PLACES)


class Conformance:
    """What every store of accounts does. The fixture `store` is given by the classes below."""

    async def test_an_account_is_found_with_its_places_in_order(self, store: Accounts) -> None:
        await store.put([ONE])
        assert await store.find("duty") == ONE
        assert await store.find("nobody") is None
        assert await store.names() == {"u-0005": "方晴"}

    async def test_a_replaced_account_keeps_its_session_unless_the_password_changed(self, store: Accounts) -> None:
        await store.put([ONE])
        await store.begin(digest("c"), "duty", "csrf", 0, NOW + timedelta(hours=1))
        await store.put([Account("duty", "u-0005", "方晴晴", "hash-1", PLACES[:1])])
        found = await store.session(digest("c"), NOW)
        assert found is not None and (found.name, found.place) == ("方晴晴", PLACES[0])
        await store.put([Account("duty", "u-0005", "方晴", "hash-2", PLACES)])
        assert await store.session(digest("c"), NOW) is None

    async def test_a_session_is_chosen_and_ends(self, store: Accounts) -> None:
        await store.put([ONE])
        await store.begin(digest("c"), "duty", "csrf", None, NOW + timedelta(hours=1))
        found = await store.session(digest("c"), NOW)
        assert found is not None and found.place is None and found.places == PLACES and found.csrf == "csrf"
        await store.choose(digest("c"), 1)
        chosen = await store.session(digest("c"), NOW)
        assert chosen is not None and chosen.place == PLACES[1]
        assert await store.session(digest("c"), NOW + timedelta(hours=1)) is None
        await store.end(digest("c"))
        assert await store.session(digest("c"), NOW) is None

    async def test_the_sixth_try_is_refused_and_a_right_one_forgives(self, store: Accounts) -> None:
        for _ in range(5):
            assert await store.reserve("duty", NOW) is None
        assert await store.reserve("duty", NOW) == NOW + timedelta(minutes=15)
        assert await store.reserve("duty", NOW + timedelta(minutes=15)) is None
        await store.forgive("duty")
        for _ in range(5):
            assert await store.reserve("duty", NOW) is None

    async def test_tries_side_by_side_are_counted_one_by_one(self, store: Accounts) -> None:
        answers = await asyncio.gather(*(store.reserve("x", NOW) for _ in range(20)))
        assert sum(answer is None for answer in answers) == 5


class TestMemory(Conformance):
    @pytest.fixture
    async def store(self) -> Accounts:
        return MemoryAccounts()


class TestPostgres(Conformance):
    @pytest.fixture
    async def store(self, stack: EmbeddedStack) -> AsyncIterator[Accounts]:
        name = await stack.new_database()
        pool = await asyncpg.create_pool(stack.dsn("portal", name), min_size=1, max_size=4)
        yield PostgresAccounts(pool)
        await pool.close()
        await stack.drop_database(name)


STAFF = {
    "staff": [{"staff": "u-0001", "name": "甲一", "email": "u-0001@demo.invalid"}, {"staff": "u-0002", "name": "甲二"}],
    "accounts": [
        {"login": "seat", "staff": "u-0001", "role": "seat", "unit": "centre-120106", "post": "duty_seat"},
        {"login": "seat", "staff": "u-0001", "role": "centre", "unit": "centre-120106", "post": "head"},
        {"login": "own", "staff": "u-0002", "role": "ops", "unit": "centre-1", "post": "ops", "password": "chosen-one"},
    ],
}  # fmt: skip


def write(folder: Path, document: object) -> Path:
    file = folder / "staff.yaml"
    file.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    return file


def test_passwords_are_drawn_once_and_kept_from_others(tmp_path: Path) -> None:
    document = command.read(write(tmp_path, STAFF))
    kept = tmp_path / "secrets" / "accounts.yaml"
    first = command.with_passwords(document.accounts, command.load_passwords(kept))
    command.keep_passwords(kept, first)
    assert kept.stat().st_mode & 0o777 == 0o600
    assert command.with_passwords(document.accounts, command.load_passwords(kept)) == first
    assert first["own"] == "chosen-one" and len(first["seat"]) >= 12
    made = {account.login: account for account in command.accounts_of(document, first, {})}
    assert [place.post for place in made["seat"].places] == ["duty_seat", "head"]
    again = command.accounts_of(document, first, {login: one.password for login, one in made.items()})
    assert {one.login: one.password for one in again} == {login: one.password for login, one in made.items()}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [({"role": "king"}, "no such role"), ({"staff": "u-0099"}, "not in the list"), ({"login": "Ä"}, "login")],
)
def test_a_wrong_entry_is_named_and_nothing_is_imported(tmp_path: Path, change: dict[str, str], sentence: str) -> None:
    wrong = {**STAFF, "accounts": [{**STAFF["accounts"][0], **change}]}
    with pytest.raises(DeployError, match=sentence):
        command.read(write(tmp_path, wrong))


async def test_the_demo_accounts_can_be_imported(stack: EmbeddedStack) -> None:
    name = await stack.new_database()
    document = command.read(Path("deploy/data/demo/staff.yaml"))
    drawn = command.with_passwords(document.accounts, {})
    await command._write(stack.dsn("portal", name), document, drawn)
    pool = await asyncpg.create_pool(stack.dsn("portal", name), min_size=1, max_size=1)
    found = await PostgresAccounts(pool).find("duty")
    await pool.close()
    await stack.drop_database(name)
    assert found is not None and found.places[0].role == "seat"
