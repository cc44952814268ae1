"""The port behind which a processor keeps states, positions, parked records and what it says.

Four stores pass one suite: PostgreSQL in one statement per batch, the same guarded against other writers, PostgreSQL
with rows locked (all in `postgres.py`), and, in the tests, memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, NamedTuple, Protocol

from services.kernel.core import Record, Row, S, Said, V
from services.kernel.fold import Work


class TP(NamedTuple):
    """One partition of a topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Position:
    """How far a partition was worked off, by the worker whose `epoch` it is; limits due before `upto` have fired."""

    next_offset: int
    epoch: int
    upto: datetime | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked record, as it was read back for a redrive."""

    record: Record
    subject: str
    reason: str


@dataclass(slots=True)
class Write(Generic[S]):
    """All that one batch changes; written whole or not at all, per partition."""

    positions: dict[TP, Position] = field(default_factory=dict)
    works: Sequence[Work[S]] = ()
    also: Sequence[Said] = ()
    unparked: Sequence[Record] = ()


class Moved(Exception):  # noqa: N818 - it is not an error but an outcome: decide again
    """Rows that subjects share were changed by another worker since the batch read them."""


class Unavailable(Exception):  # noqa: N818
    """The database did not answer, or not to the end: the write may or may not have happened."""


@dataclass(slots=True, kw_only=True)
class Batch(Generic[S, V]):
    """One batch between reading and writing.

    stamps: times of the writer's own clock under each subject's lock; empty where times come from the log.
    write: writes it, and tells the partitions whose epoch was still ours; nothing was written for the others.
    """

    rows: dict[str, Row[S]]
    view: V
    write: Callable[[Write[S]], Awaitable[set[TP]]]
    stamps: Mapping[str, datetime] = field(default_factory=dict)


class Store(Protocol[S, V]):
    """See the module. Every method raises `Unavailable` where the database does not answer."""

    most_subjects: int  # of one batch
    # A batch may be read while the one before it is being written: nobody else writes these rows, and the view holds
    # nothing that a batch changes.
    reads_ahead: bool

    async def claim(self, begins: Mapping[TP, int]) -> dict[TP, Position]:
        """Raise the epoch of these partitions; a partition never claimed begins at the offset given."""

    async def orphaned(self) -> bool:
        """Own events are there, but no position at all: a part of the database is missing."""

    async def positions(self, partitions: Sequence[TP]) -> dict[TP, Position]:
        """What stands there now, without raising anything."""

    def batch(self, subjects: Mapping[str, int]) -> AbstractAsyncContextManager[Batch[S, V]]:
        """Read (or lock and read) these subjects; each with its partition."""

    async def due(self, before: Mapping[int, datetime], most: int) -> list[tuple[str, int]]:
        """Subjects with a limit due before the time given for their partition, earliest first: (subject, partition)."""

    async def redrivable(self, partitions: Sequence[int], most: int) -> list[Parked]:
        """Parked records of subjects for which a redrive was asked, in the order in which they were parked."""
