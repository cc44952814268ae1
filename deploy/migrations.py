"""Brings a service's schemas up to date: the kernel's tables, then the service's own numbered files, each once."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from services.kernel import sql


async def migrate(connection: asyncpg.Connection, service: str, folder: Path | None = None) -> list[str]:
    """Run what has not been run.

    Args:
        connection: as the service's role, which owns the schemas `<service>` and `<service>_state`.
        service: name of the service and of its schema.
        folder: with files `0001_….sql` …, run in order of name, each in a transaction of its own.

    Returns: names of the files that were run now.
    """
    done: list[str] = []
    files = [(path.name, path.read_text()) for path in sorted(folder.glob("*.sql"))] if folder else []  # noqa: ASYNC240 - a few small files
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(hashtext($1))", f"{service}.migrations")
        await connection.execute(sql.kernel(service))
        await connection.execute(
            f"create table if not exists {service}.migration (name text primary key, run_at timestamptz default now())"
        )
    for name, text in files:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock(hashtext($1))", f"{service}.migrations")
            if await connection.fetchval(f"select 1 from {service}.migration where name = $1", name):  # noqa: S608
                continue
            await connection.execute(text)
            await connection.execute(f"insert into {service}.migration (name) values ($1)", name)  # noqa: S608
            done.append(name)
    return done
