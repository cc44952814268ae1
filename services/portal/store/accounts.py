"""Accounts, tries and sessions in PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from services.portal.core.signin import Account, Attempts, Place, Session, after_wrong, locked


class PostgresAccounts:
    """The port `Accounts` on the schema `portal`."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def find(self, login: str) -> Account | None:
        row = await self._pool.fetchrow(
            "select login, staff, name, password from portal.account where login = $1", login
        )
        if row is None:
            return None
        return Account(row["login"], row["staff"], row["name"], row["password"], await self._places(login))

    async def _places(self, login: str) -> tuple[Place, ...]:
        rows = await self._pool.fetch(
            "select unit, post, role from portal.place where login = $1 order by ordinal", login
        )
        return tuple(Place(row["unit"], row["post"], row["role"]) for row in rows)

    async def reserve(self, login: str, now: datetime) -> datetime | None:
        async with self._pool.acquire() as connection, connection.transaction():
            # The row first, so that tries side by side queue up on its lock.
            await connection.execute(
                "insert into portal.attempts values ($1, 0, null, $2) on conflict (login) do nothing", login, now
            )
            row = await connection.fetchrow(
                "select wrong, locked_until from portal.attempts where login = $1 for update", login
            )
            assert row is not None, "inserted above"
            before = Attempts(row["wrong"], row["locked_until"])
            if locked(before, now):
                return before.locked_until
            after = after_wrong(before, now)
            await connection.execute(
                "update portal.attempts set wrong = $2, locked_until = $3, last_at = $4 where login = $1",
                login,
                after.wrong,
                after.locked_until,
                now,
            )
            return None

    async def forgive(self, login: str) -> None:
        await self._pool.execute("delete from portal.attempts where login = $1", login)

    async def begin(self, digest: bytes, login: str, csrf: str, ordinal: int | None, expires_at: datetime) -> None:
        await self._pool.execute(
            "insert into portal.session (digest, login, csrf, ordinal, expires_at) values ($1, $2, $3, $4, $5)",
            digest,
            login,
            csrf,
            ordinal,
            expires_at,
        )

    async def session(self, digest: bytes, now: datetime) -> Session | None:
        row = await self._pool.fetchrow(
            "select s.login, s.csrf, s.ordinal, s.expires_at, a.staff, a.name,"
            " array(select unit from portal.place p where p.login = s.login order by ordinal) as units,"
            " array(select post from portal.place p where p.login = s.login order by ordinal) as posts,"
            " array(select role from portal.place p where p.login = s.login order by ordinal) as roles"
            " from portal.session s join portal.account a using (login) where s.digest = $1 and s.expires_at > $2",
            digest,
            now,
        )
        if row is None:
            return None
        places = tuple(
            Place(unit, post, role) for unit, post, role in zip(row["units"], row["posts"], row["roles"], strict=True)
        )
        ordinal = row["ordinal"]
        chosen = places[ordinal] if ordinal is not None and ordinal < len(places) else None
        return Session(row["login"], row["staff"], row["name"], row["csrf"], row["expires_at"], places, chosen)

    async def choose(self, digest: bytes, ordinal: int) -> None:
        await self._pool.execute("update portal.session set ordinal = $2 where digest = $1", digest, ordinal)

    async def end(self, digest: bytes) -> None:
        await self._pool.execute("delete from portal.session where digest = $1 or expires_at < now()", digest)

    async def names(self) -> Mapping[str, str]:
        rows = await self._pool.fetch("select staff, name from portal.account")
        return {row["staff"]: row["name"] for row in rows}

    async def put(self, accounts: Sequence[Account]) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            for account in accounts:
                await connection.execute(
                    "delete from portal.session s using portal.account a"
                    " where s.login = a.login and a.login = $1 and a.password <> $2",
                    account.login,
                    account.password,
                )
                await connection.execute(
                    "insert into portal.account (login, staff, name, password) values ($1, $2, $3, $4)"
                    " on conflict (login) do update set staff = $2, name = $3, password = $4, changed_at = now()",
                    account.login,
                    account.staff,
                    account.name,
                    account.password,
                )
                await connection.execute("delete from portal.place where login = $1", account.login)
                await connection.executemany(
                    "insert into portal.place (login, ordinal, unit, post, role) values ($1, $2, $3, $4, $5)",
                    [
                        (account.login, ordinal, place.unit, place.post, place.role)
                        for ordinal, place in enumerate(account.places)
                    ],
                )
