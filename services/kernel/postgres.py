"""What both PostgreSQL stores share: claims, due subjects, parked records, and how faults are told apart."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Generic

import asyncpg

from services.kernel.core import Core, I, Record, Row, S, V
from services.kernel.extension import Db, Extension
from services.kernel.partitioning import PARTITIONS
from services.kernel.store import TP, Claim, Moved, Parked, Unavailable, Write
from services.kernel.tables import Codec, Statement, columns

# After these the write may or may not have happened, or the server is on its way out: read again, then try again.
_FAULTS = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,
    asyncpg.InvalidTransactionStateError,  # transaction_timeout, idle_in_transaction_session_timeout
)


@asynccontextmanager
async def faults() -> AsyncIterator[None]:
    """Turns the driver's errors into `Unavailable` and `Moved`; anything else is a fault of the program and rises."""
    try:
        yield
    except _FAULTS as error:
        raise Unavailable(type(error).__name__) from error
    except asyncpg.RaiseError as error:
        raise Moved(str(error)) from error
    except asyncpg.UniqueViolationError as error:  # another writer made the same subject or number first
        raise Moved(str(error.constraint_name)) from error
    except asyncpg.PostgresError as error:
        if error.sqlstate == "MD001":
            raise Moved(str(error)) from error
        raise


class PostgresStore(Generic[S, I, V]):
    """Base of the two stores; the pool connects as the service's role.

    Args:
        pool: connections. service: name of its schema. topic: where own events go. state: type of the core's state.
        extension: the service's own rows. most_subjects: bound of a batch.
    """

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
        partitions: int = PARTITIONS,
    ) -> None:
        self._pool, self.schema, self.topic, self._extension = pool, service, topic, extension
        self._codec = Codec(state)
        self._statement = Statement(service, topic, self._codec, core, partitions)
        self.most_subjects = most_subjects

    async def claim(self, begins: Mapping[TP, int]) -> dict[TP, Claim]:
        """See the port. One autocommit statement; `xmax = 0` tells a row that was not there before."""
        rows = [(*tp, begin) for tp, begin in sorted(begins.items())]
        async with faults():
            found = await self._pool.fetch(
                f"""INSERT INTO {self.schema}.position AS p (topic, partition, next_offset, epoch)
                SELECT u.*, 1 FROM unnest($1::text[], $2::int[], $3::bigint[]) AS u
                ON CONFLICT (topic, partition) DO UPDATE SET epoch = p.epoch + 1
                RETURNING topic, partition, next_offset, epoch, upto, xmax = 0 AS fresh""",  # noqa: S608 - own schema
                *columns(rows, 3),
            )
        return {
            TP(r["topic"], r["partition"]): Claim(r["next_offset"], r["epoch"], r["upto"], r["fresh"]) for r in found
        }

    async def orphaned(self) -> bool:
        """See the port. Events for other topics may have been said before a worker first ran: the directory's are."""
        async with faults():
            return bool(
                await self._pool.fetchval(
                    f"""SELECT NOT EXISTS (SELECT FROM {self.schema}.position)
                    AND EXISTS (SELECT FROM {self.schema}.event WHERE topic = $1)""",  # noqa: S608
                    self.topic,
                )
            )

    async def positions(self, partitions: Sequence[TP]) -> dict[TP, Claim]:
        async with faults():
            found = await self._pool.fetch(
                f"""SELECT topic, partition, next_offset, epoch, upto FROM {self.schema}.position
                JOIN unnest($1::text[], $2::int[]) AS u(topic, partition) USING (topic, partition)""",  # noqa: S608
                *columns(list(partitions), 2),
            )
        return {TP(r["topic"], r["partition"]): Claim(r["next_offset"], r["epoch"], r["upto"]) for r in found}

    async def due(self, before: Mapping[int, datetime], most: int) -> list[tuple[str, int]]:
        async with faults():
            found = await self._pool.fetch(
                f"""SELECT s.subject, s.partition FROM unnest($1::int[], $2::timestamptz[]) AS u(partition, before)
                CROSS JOIN LATERAL (SELECT subject, partition, due_at FROM {self.schema}_state.state s
                  WHERE s.partition = u.partition AND s.due_at < u.before ORDER BY s.due_at LIMIT $3) s
                ORDER BY s.due_at LIMIT $3""",  # noqa: S608
                list(before.keys()),
                list(before.values()),
                most,
            )
        return [(r["subject"], r["partition"]) for r in found]

    async def redrivable(self, partitions: Sequence[int], most: int) -> list[Parked]:
        async with faults():
            found = await self._pool.fetch(
                f"""SELECT topic, partition, "offset", subject, key, value, reason FROM {self.schema}.parked
                WHERE subject IN (SELECT subject FROM {self.schema}.parked
                                  WHERE redrive AND partition = ANY($1::int[]) ORDER BY subject LIMIT $2)
                ORDER BY subject, topic, "offset" """,  # noqa: S608
                list(partitions),
                most,
            )
        return [parked(row) for row in found]

    def _rows(self, found: Iterable[asyncpg.Record]) -> dict[str, Row[S]]:
        decode = self._codec.decode
        return {row["subject"]: decode(row["doc"]) for row in found}

    async def _run(self, connection: Db, write: Write[S], view: V, before: Mapping[str, Row[S]]) -> set[TP]:
        sql, args = self._statement.build(write, self._extension.parts(view, before, write.works))
        found = await connection.fetch(sql, *args)
        return {TP(row["topic"], row["partition"]) for row in found if row["topic"] is not None}


def parked(row: asyncpg.Record) -> Parked:
    """A row of the table `parked`."""
    record = Record(row["topic"], row["partition"], row["offset"], row["key"], row["value"])
    return Parked(record, row["subject"], row["reason"])
