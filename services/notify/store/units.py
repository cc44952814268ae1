"""The copy of topic `directory` in a table of notify's own."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from services.kernel.database import faults
from services.kernel.tables import columns


class Units:
    """Newest record of each unit. Raises `kernel.store.Unavailable` where the database does not answer."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def keep(self, units: Sequence[tuple[str, int, bytes]]) -> None:
        """Write units (id, version, JSON as published); an older version never replaces a newer one."""
        async with faults():
            await self._pool.execute(
                """INSERT INTO notify.unit AS u (unit, version, doc)
                SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[])
                ON CONFLICT (unit) DO UPDATE SET version = excluded.version, doc = excluded.doc
                WHERE u.version < excluded.version""",
                *columns(list(units), 3),
            )
