"""The store of workers whose subjects are also changed from elsewhere: by officers' presses (intake), by a sender
(notify). Rows are locked in order of id, so writers wait for each other and never for ever.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Generic

from services.kernel.core import I, Row, S, V
from services.kernel.extension import Db
from services.kernel.postgres import PostgresStore, faults
from services.kernel.store import TP, Write


@dataclass(slots=True)
class LockedBatch(Generic[S, I, V]):
    """Rows under lock, in an open transaction; `connection` is for the service's own rows in the same one."""

    store: LockingStore[S, I, V]
    connection: Db
    rows: dict[str, Row[S]]
    view: V
    stamps: dict[str, datetime]

    async def write(self, write: Write[S]) -> set[TP]:
        async with faults():
            return await self.store._run(self.connection, write, self.view, self.rows)


class LockingStore(PostgresStore[S, I, V]):
    """Opens a transaction, locks the batch's subjects, and commits when the block ends well."""

    @asynccontextmanager
    async def batch(self, subjects: Mapping[str, int]) -> AsyncIterator[LockedBatch[S, I, V]]:
        """Lock and read. A subject that does not exist yet can't be locked; its first writer wins by the primary key.

        The block's own exceptions roll back. `Unavailable` on the way out: the commit may or may not have happened.
        """
        async with faults(), self._pool.acquire() as connection, connection.transaction():
            view = await self._extension.view(connection)
            found = await connection.fetch(
                f"""SELECT subject, doc FROM {self.schema}_state.state WHERE subject = ANY($1::text[])
                ORDER BY subject FOR UPDATE""",  # noqa: S608 - own schema
                sorted(subjects),
            )
            rows = self._rows(found)
            yield LockedBatch(self, connection, rows, view, await self._stamps(connection, subjects, rows))

    async def _stamps(
        self, connection: Db, subjects: Mapping[str, int], rows: Mapping[str, Row[S]]
    ) -> dict[str, datetime]:
        """Times for what is said now (decision 4): never before the subject's last time or a published mark.

        `now()`, the start of this transaction, is in it because marks look at the starts of open transactions: were
        the clock stepped back between that start and here, a time below it could lie below a mark.
        """
        clock: datetime = await connection.fetchval("SELECT greatest(clock_timestamp(), now())")
        marks = await connection.fetch(
            f"SELECT partition, upto FROM {self.schema}.mark WHERE partition = ANY($1::int[])",  # noqa: S608
            list(set(subjects.values())),
        )
        floors: dict[int, datetime] = {row["partition"]: row["upto"] for row in marks}
        stamps = {}
        for subject, partition in subjects.items():
            row = rows.get(subject)
            last = row.at if row is not None else None
            stamps[subject] = max(at for at in (clock, last, floors.get(partition)) if at is not None)
        return stamps
