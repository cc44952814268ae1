"""The port behind which a processor keeps states, positions, parked records and what it says.

Three stores pass one suite: memory, PostgreSQL in one statement per batch (`batch.py`), and PostgreSQL with rows
locked (`locking.py`, intake's applier, which shares rows with officers' presses).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

from services.kernel.core import Record, Row, S, Said
from services.kernel.fold import Work

V_co = TypeVar("V_co", covariant=True)


class TP(NamedTuple):
    """One partition of a topic."""

    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Claim:
    """What was found, and raised, when a partition was claimed. `fresh`: it had never been claimed."""

    next_offset: int
    epoch: int
    upto: datetime | None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Advance:
    """How far a batch brings one partition, valid only where `epoch` is still its own."""

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

    positions: dict[TP, Advance] = field(default_factory=dict)
    works: Sequence[Work[S]] = ()
    also: Sequence[Said] = ()
    unparked: Sequence[Record] = ()


class Moved(Exception):  # noqa: N818 - it is not an error but an outcome: decide again
    """Rows that subjects share were changed by another worker since the batch read them."""


class Unavailable(Exception):  # noqa: N818
    """The database did not answer, or not to the end: the write may or may not have happened."""


class Batch(Protocol[S, V_co]):
    """One batch between reading and writing."""

    @property
    def rows(self) -> Mapping[str, Row[S]]: ...

    @property
    def view(self) -> V_co: ...

    @property
    def stamps(self) -> Mapping[str, datetime]:
        """Times of the writer's own clock under each subject's lock; empty where times come from the log."""
        ...

    async def write(self, write: Write[S]) -> set[TP]:
        """Write it. Returns: the partitions whose epoch was still ours; nothing was written for the others."""
        ...


class Store(Protocol[S, V_co]):
    """See the module. Every method raises `Unavailable` where the database does not answer."""

    @property
    def most_subjects(self) -> int:
        """How many subjects one batch may have."""
        ...

    async def claim(self, begins: Mapping[TP, int]) -> dict[TP, Claim]:
        """Raise the epoch of these partitions; a partition never claimed begins at the offset given."""
        ...

    async def orphaned(self) -> bool:
        """Own events are there, but no position at all: a part of the database is missing."""
        ...

    async def positions(self, partitions: Sequence[TP]) -> dict[TP, Claim]:
        """What stands there now, without raising anything."""
        ...

    def batch(self, subjects: Mapping[str, int]) -> AbstractAsyncContextManager[Batch[S, V_co]]:
        """Read (or lock and read) these subjects; each with its partition."""
        ...

    async def due(self, before: Mapping[int, datetime], most: int) -> list[tuple[str, int]]:
        """Subjects with a limit due before the time given for their partition, earliest first: (subject, partition)."""
        ...

    async def redrivable(self, partitions: Sequence[int], most: int) -> list[Parked]:
        """Parked records of subjects for which a redrive was asked, in the order in which they were parked."""
        ...
