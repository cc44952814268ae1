"""The store of most workers: read the states of a batch, then write everything with one statement (decision 2).

No transaction of the client is ever open, so a frozen worker holds nothing, and its late statement finds a higher
epoch and writes nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic

from services.kernel.core import I, Row, S, V
from services.kernel.extension import Db
from services.kernel.postgres import PostgresStore, faults
from services.kernel.store import TP, Write


@dataclass(slots=True)
class _Batch(Generic[S, I, V]):
    store: BatchStore[S, I, V]
    connection: Db
    rows: dict[str, Row[S]]
    view: V
    stamps: dict[str, datetime] = field(default_factory=dict)  # times come from the log

    async def write(self, write: Write[S]) -> set[TP]:
        async with faults():
            return await self.store._run(self.connection, write, self.view, self.rows)


class BatchStore(PostgresStore[S, I, V]):
    """States that nobody but the owner of their partition writes."""

    @asynccontextmanager
    async def batch(self, subjects: Mapping[str, int]) -> AsyncIterator[_Batch[S, I, V]]:
        async with faults(), self._pool.acquire() as connection:
            view = await self._extension.view(connection)
            found = await connection.fetch(
                f"SELECT subject, doc FROM {self.schema}_state.state WHERE subject = ANY($1::text[])",  # noqa: S608
                list(subjects),
            )
            yield _Batch(self, connection, self._rows(found), view)
