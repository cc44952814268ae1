"""The three stores in PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic

import asyncpg

from services.kernel import sql
from services.kernel.core import Core, I, Record, S, V
from services.kernel.database import Db, faults
from services.kernel.store import TP, Batch, Parked, Position, Write
from services.kernel.tables import Codec, Extension, Part, Statement, columns
from services.kernel.waking import Waker

_MOST_KNOWN = 20_000  # rows that a store remembers: tens of megabytes


@dataclass(slots=True, kw_only=True)
class PostgresBatch(Batch[S, V]):
    """connection: for a service's own rows in the same transaction, where the store opens one. said: wrote events.

    parts: the caller's own, written in the batch's statement beside those of the store's extension.
    docs: the rows that were written. answer: to what a part asked (`Part.ask`).
    """

    connection: Db
    said: bool = False
    parts: Sequence[Part] = ()
    docs: dict[str, bytes] = field(default_factory=dict)
    answer: object = None


class PostgresStore(Generic[S, I, V]):
    """What both stores share.

    Args:
        pool: connections as the service's role. service: name of its schema. topic: where own events go.
        state: type of the core's state. extension: the service's own rows. most_subjects: bound of a batch.
        waker: of this process, if its relay runs here. reads_ahead: see `Store`.
    """

    guards = False  # whether a batch is written only if its subjects still are as it read them

    def __init__(
        self,
        pool: asyncpg.Pool,
        service: str,
        topic: str,
        state: type[S],
        core: Core[S, I, V],
        extension: Extension[S, V],
        *,
        most_subjects: int,
        waker: Waker | None = None,
        reads_ahead: bool = False,
    ) -> None:
        self._pool, self._sql, self._topic, self._extension = pool, sql.statements(service), topic, extension
        self._codec = Codec(state)
        self._waker = waker or Waker()
        self._statement = Statement(service, topic, self._codec, core, self._waker)
        self._written = dict[str, bytes]()  # see BatchStore
        self.most_subjects, self.reads_ahead = most_subjects, reads_ahead

    async def claim(self, begins: Mapping[TP, int]) -> dict[TP, Position]:
        self._written.clear()  # somebody else may have had these partitions
        return await self._positions("claim", *columns([(*tp, begin) for tp, begin in sorted(begins.items())], 3))

    async def positions(self, partitions: Sequence[TP]) -> dict[TP, Position]:
        return await self._positions("positions", *columns(list(partitions), 2))

    async def orphaned(self) -> bool:
        return bool((await self._fetch("orphaned", self._topic))[0][0])

    async def due(self, before: Mapping[int, datetime], most: int) -> list[tuple[str, int]]:
        found = await self._fetch("due", list(before.keys()), list(before.values()), most)
        return [(row["subject"], row["partition"]) for row in found]

    async def redrivable(self, partitions: Sequence[int], most: int) -> list[Parked]:
        found = await self._fetch("redrivable", list(partitions), most)
        return [Parked(Record(*row[:5]), row["subject"], row["reason"]) for row in found]

    async def _fetch(self, name: str, *args: object) -> list[asyncpg.Record]:
        async with faults():
            return await self._pool.fetch(self._sql[name], *args)

    async def _positions(self, name: str, *args: object) -> dict[TP, Position]:
        found = await self._fetch(name, *args)
        return {TP(r["topic"], r["partition"]): Position(r["next_offset"], r["epoch"], r["upto"]) for r in found}

    def _batch(self, connection: Db, view: V, read: Mapping[str, bytes]) -> PostgresBatch[S, V]:
        rows = {subject: self._codec.decode(doc) for subject, doc in read.items()}

        async def write(write: Write[S]) -> set[TP]:
            parts = [*self._extension.parts(view, rows, write.works), *batch.parts]
            built = self._statement.build(write, parts, read if self.guards else None)
            found = await connection.fetch(built.sql, *built.args)  # its faults are told apart where `batch` ends
            written = {TP(row["topic"], row["partition"]) for row in found if row["topic"] is not None}
            batch.said, batch.answer = batch.said or built.says, found[0]["answer"]
            if written == write.positions.keys():  # else a part was fenced
                batch.docs.update(built.docs)
            return written

        batch = PostgresBatch(rows=rows, view=view, write=write, connection=connection)
        return batch


class BatchStore(PostgresStore[S, I, V]):
    """The store of most workers: states that nobody but the owner of their partition writes.

    It reads the states of a batch, then writes everything with one statement (decision 2). No transaction of the client
    is ever open, so a frozen worker holds nothing, and its late statement finds a higher epoch and writes nothing.

    Rows that it has written itself it knows, and does not read again; until it claims anew, or their batch goes wrong.
    """

    @asynccontextmanager
    async def batch(self, subjects: Mapping[str, int]) -> AsyncIterator[PostgresBatch[S, V]]:
        try:
            async with faults(), self._pool.acquire() as connection:
                view = await self._extension.view(connection)
                docs = {subject: self._written[subject] for subject in subjects if subject in self._written}
                if unknown := [subject for subject in subjects if subject not in docs]:
                    found = await connection.fetch(self._sql["read"], unknown)
                    docs.update((row["subject"], row["doc"]) for row in found)
                batch = self._batch(connection, view, docs)
                yield batch
                if len(self._written) > _MOST_KNOWN:
                    self._written.clear()
                self._written.update(batch.docs)
                if batch.said:  # committed; the connection is given back afterwards
                    self._waker.rows.set()
        except BaseException:  # who knows what stands there now
            for subject in subjects:
                self._written.pop(subject, None)
            raise


class GuardedStore(BatchStore[S, I, V]):
    """The store of workers whose subjects a few others change too, as notify's sender does.

    Like `BatchStore`, but where a subject has been changed since it was read, nothing is written and the batch is
    decided again (`Moved`). Who waits, waits for one statement. A subject that was not there yet is not looked at: let
    nobody but the worker make one.
    """

    guards = True


class LockingStore(PostgresStore[S, I, V]):
    """The store of workers whose subjects are changed by officers' presses too, at times drawn under their locks.

    It opens a transaction, locks the batch's subjects in order of id, so that writers wait for each other and never
    for ever, and commits when the block ends well.
    """

    @asynccontextmanager
    async def batch(self, subjects: Mapping[str, int]) -> AsyncIterator[PostgresBatch[S, V]]:
        """Lock and read. A subject that does not exist yet can't be locked; its first writer wins by the primary key.

        The block's own exceptions roll back. `Unavailable` on the way out: the commit may or may not have happened.
        """
        async with faults(), self._pool.acquire() as connection:
            async with connection.transaction():
                view = await self._extension.view(connection)
                found = await connection.fetch(self._sql["lock"], list(subjects), list(subjects.values()))
                batch = self._batch(connection, view, {s: doc for s, doc, _ in found if doc is not None})
                last = {subject: row.at for subject, row in batch.rows.items()}  # decision 4: never before it
                batch.stamps = {subject: max(clock, last.get(subject) or clock) for subject, _, clock in found}
                yield batch
            if batch.said:  # committed; the connection is given back afterwards
                self._waker.rows.set()
