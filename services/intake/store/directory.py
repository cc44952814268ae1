"""A copy of the directory in intake's schema, so that intake starts without routing."""

from __future__ import annotations

import asyncpg


async def load(pool: asyncpg.Pool) -> list[bytes]:
    """The newest record of each unit, as it stood on the topic."""
    return [row["body"] for row in await pool.fetch("SELECT body FROM intake.directory_unit")]


async def keep(pool: asyncpg.Pool, units: list[tuple[str, int, bytes]]) -> None:
    """Keep (unit, version, record); an older version does not replace a newer one."""
    if not units:
        return
    newest = {unit: (unit, version, body) for unit, version, body in units}
    ids, versions, bodies = zip(*newest.values(), strict=True)
    await pool.execute(
        """INSERT INTO intake.directory_unit AS d (unit, version, body)
        SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[])
        ON CONFLICT (unit) DO UPDATE SET version = excluded.version, body = excluded.body
        WHERE d.version < excluded.version""",
        list(ids),
        list(versions),
        list(bodies),
    )
