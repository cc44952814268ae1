"""How a service adds rows of its own to a batch: read before it is decided, written in the same statement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias

from services.kernel.core import Row, S, V
from services.kernel.fold import Work

if TYPE_CHECKING:
    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

Db: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the batch's one statement.

    ctes: `name AS (insert …)`, with `{0}`, `{1}` … where its arguments stand. Join `live (partition)` to write only
    what belongs to partitions whose epoch is still ours.
    must: (SQL condition over the CTEs, words): where one does not hold, nothing is written and the batch is decided
    again.
    """

    ctes: tuple[str, ...]
    args: tuple[object, ...] = ()
    must: tuple[tuple[str, str], ...] = ()


class Extension(Protocol[S, V]):
    """What a service's `store/` gives to the kernel's PostgreSQL stores."""

    async def view(self, connection: Db) -> V:
        """What decisions of this batch may look at. Read on the batch's connection, before it is decided."""
        ...

    def parts(self, view: V, before: Mapping[str, Row[S]], works: Sequence[Work[S]]) -> Sequence[Part]:
        """The service's own rows that this batch changes. Pure."""
        ...


class NoExtension(Generic[S]):
    """For services whose states and events are all that they keep."""

    async def view(self, connection: Db) -> None:
        return None

    def parts(self, view: None, before: Mapping[str, Row[S]], works: Sequence[Work[S]]) -> Sequence[Part]:
        return ()
