"""What a batch writes: the kernel's rows and the service's own, in one statement, so that both stores write alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol

import msgspec

from services.kernel import sql
from services.kernel.core import Core, I, Row, S, Said, V
from services.kernel.database import Db
from services.kernel.fold import Work
from services.kernel.partitioning import PARTITIONS, partition_of
from services.kernel.store import Write
from services.kernel.waking import Waker

_FENCED = "SELECT DISTINCT partition FROM pos"
_FREE = f"SELECT generate_series(0, {PARTITIONS - 1}) AS partition"  # what is no step through a topic has no position
_NOTIFY = "SELECT pg_notify('{schema}_outbox', '') FROM (SELECT 1 FROM un LIMIT 1) any_row"
_QUIET = "SELECT 1 FROM un LIMIT 1"


@dataclass(frozen=True, slots=True)
class Part:
    """A service's own piece of the batch's one statement.

    ctes: `name AS (insert …)`, with `{0}`, `{1}` … where its arguments stand, and `{{schema}}` for the service's
    schema. Join `live (partition)` to write only what belongs to partitions whose epoch is still ours.
    must: (SQL condition over the CTEs, words): where one does not hold, nothing is written and the batch is decided
    again.
    ask: an SQL expression over the CTEs, whose value comes back as `PostgresBatch.answer`; one part may ask.
    """

    ctes: tuple[str, ...]
    args: tuple[object, ...] = ()
    must: tuple[tuple[str, str], ...] = ()
    ask: str = ""


class Extension(Protocol[S, V]):
    """How a service adds rows of its own to a batch: read before it is decided, written in the same statement."""

    async def view(self, connection: Db) -> V:
        """What decisions of this batch may look at. Read on the batch's connection, before it is decided."""

    def parts(self, view: V, before: Mapping[str, Row[S]], works: Sequence[Work[S]]) -> Sequence[Part]:
        """The service's own rows that this batch changes. Pure."""


class NoExtension(Generic[S]):
    """For services whose states and events are all that they keep."""

    async def view(self, connection: Db) -> None:
        return None

    def parts(self, view: None, before: Mapping[str, Row[S]], works: Sequence[Work[S]]) -> Sequence[Part]:
        return ()


class Codec(Generic[S]):
    """Rows as bytes in the column `doc`: JSON, readable by the view `<service>_state.readable`."""

    def __init__(self, state: type[S]) -> None:
        self.decode: Callable[[bytes], Row[S]] = msgspec.json.Decoder(Row[state]).decode  # type: ignore[valid-type]
        self.encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Built:
    """A batch's one statement. says: there are events in it. docs: the rows in it, as they are written."""

    sql: str
    args: list[object]
    says: bool
    docs: dict[str, bytes]


class Statement(Generic[S, I, V]):
    """Builds the statement that writes a batch.

    Args:
        schema: the service's schema. topic: where own events go. core: says when a state is next due.
        waker: tells which partitions the relay of this process publishes; the others' relays are notified.
    """

    def __init__(self, schema: str, topic: str, codec: Codec[S], core: Core[S, I, V], waker: Waker) -> None:
        self._schema, self._topic, self._waker = schema, topic, waker
        self._sql, self._codec, self._core = sql.statements(schema), codec, core

    def build(self, write: Write[S], parts: Sequence[Part], read: Mapping[str, bytes] | None = None) -> Built:
        """read: rows that must still stand so; None where nobody else writes them or they are locked.

        The SQL depends only on the parts and on who publishes, so that it is prepared once.
        """
        docs = {work.subject: self._codec.encode(work.row) for work in write.works if work.changed}
        args: list[object] = [*self._positions(write), *self._states(write, docs), *self._events(write)]
        pieces, checks = [self._sql["batch"]], ""
        if write.unparked or any(work.parked for work in write.works):
            pieces.append(self._sql["parking"])
            args += self._parked(write)
        for part in parts:
            places = [f"${len(args) + n + 1}" for n in range(len(part.args))]
            pieces += [f"{cte.format(*places)},\n" for cte in part.ctes]
            checks += "".join(f", {{schema}}.must({condition}, '{words}')" for condition, words in part.must)
            args += part.args
        live = _FENCED if write.positions else _FREE
        if read is not None:
            live = self._sql["kept"].format(live=live, subjects=f"${len(args) + 1}", docs=f"${len(args) + 2}")
            args += [list(read), list(read.values())]
        lanes = {work.partition for work in write.works if work.said} | {partition_of(said.key) for said in write.also}
        woken = _QUIET if lanes <= self._waker.lanes else _NOTIFY
        whole = "".join([*pieces, self._sql["batch_end"]]).replace("{live}", live).replace("{woken}", woken)
        whole = whole.replace("{ask}", "".join(part.ask for part in parts) or "NULL").replace("{checks}", checks)
        return Built(whole.replace("{schema}", self._schema), args, bool(lanes), docs)

    def _positions(self, write: Write[S]) -> list[object]:
        return columns([(*tp, at.next_offset, at.epoch, at.upto) for tp, at in sorted(write.positions.items())], 5)

    def _states(self, write: Write[S], docs: Mapping[str, bytes]) -> list[object]:
        changed, due = [w for w in write.works if w.changed], self._core.due
        dues = [due(work.row.state) if work.row.state is not None else None for work in changed]
        return [list(docs), [work.partition for work in changed], dues, list(docs.values())]

    def _events(self, write: Write[S]) -> list[object]:
        encode = msgspec.json.encode
        rows = [
            (self._topic, work.partition, work.partition, work.subject, said.sequence, said.id, encode(said))
            for work in write.works
            for said in work.said
        ]
        return columns(rows + [self._also(said) for said in write.also], 7)

    def _also(self, said: Said) -> tuple[str, int, int, str, int, str, bytes]:
        partition, message = partition_of(said.key), said.message
        lane = partition if said.lane is None else said.lane
        return said.topic, partition, lane, said.key, message.sequence, message.id, msgspec.json.encode(message)

    def _parked(self, write: Write[S]) -> list[object]:
        rows = [
            (r.topic, r.partition, r.offset, work.subject, r.key, r.value, reason)
            for work in write.works
            for r, reason in work.parked
        ]
        return [*columns(rows, 7), *columns([(r.topic, r.partition, r.offset) for r in write.unparked], 3)]


def columns(rows: Sequence[tuple[object, ...]], width: int) -> list[object]:
    """Rows as the arrays that `unnest` takes."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
