"""The batch's one statement, and the other SQL on the kernel's tables. One place, so that both stores write alike."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Generic

import msgspec

from services.kernel.core import Core, I, Row, S, Said, V
from services.kernel.extension import Part
from services.kernel.fold import Work
from services.kernel.partitioning import PARTITIONS, partition_of
from services.kernel.store import Write

_WRITE = """
WITH pos AS (
  UPDATE {schema}.position p SET next_offset = u.nxt, upto = coalesce(u.upto, p.upto)
  FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::timestamptz[]) AS u(topic, part, nxt, ep, upto)
  WHERE p.topic = u.topic AND p.partition = u.part AND p.epoch = u.ep
  RETURNING p.topic, p.partition),
live AS ({live}),
st AS (
  INSERT INTO {schema}_state.state (subject, partition, due_at, doc)
  SELECT s.subject, s.partition, s.due_at, s.doc
  FROM unnest($6::text[], $7::int[], $8::timestamptz[], $9::bytea[]) AS s(subject, partition, due_at, doc)
  JOIN live USING (partition)
  ON CONFLICT (subject) DO UPDATE SET due_at = excluded.due_at, doc = excluded.doc),
ev AS (
  INSERT INTO {schema}.event (topic, partition, key, sequence, event_id, body)
  SELECT e.topic, e.partition, e.key, e.sequence, e.event_id, e.body
  FROM unnest($10::text[], $11::int[], $12::int[], $13::text[], $14::bigint[], $15::text[], $16::bytea[])
    WITH ORDINALITY AS e(topic, partition, lane, key, sequence, event_id, body, ordinal)
  JOIN live ON live.partition = e.lane ORDER BY e.ordinal
  RETURNING id, partition),
un AS (INSERT INTO {schema}.unpublished (id, partition) SELECT id, partition FROM ev RETURNING 1),
"""
_PARK = """
pk AS (
  INSERT INTO {schema}.parked (topic, partition, "offset", subject, key, value, reason)
  SELECT p.* FROM unnest($17::text[], $18::int[], $19::bigint[], $20::text[], $21::bytea[], $22::bytea[], $23::text[])
    AS p(topic, partition, "offset", subject, key, value, reason)
  JOIN live USING (partition) ON CONFLICT DO NOTHING),
up AS (
  DELETE FROM {schema}.parked p
  USING live, unnest($24::text[], $25::int[], $26::bigint[]) AS u(topic, partition, "offset")
  WHERE p.topic = u.topic AND p.partition = u.partition AND p."offset" = u."offset" AND live.partition = u.partition),
"""
_TAIL = """
woken AS (SELECT pg_notify('{schema}_outbox', '') FROM (SELECT 1 FROM un LIMIT 1) any_row)
SELECT pos.topic, pos.partition, (SELECT count(*) FROM woken) AS woken{checks} FROM (SELECT 1) one LEFT JOIN pos ON true
"""
_FENCED = "SELECT DISTINCT partition FROM pos"
_FREE = "SELECT generate_series(0, {last}) AS partition"  # rows are locked: a press of a person has no position


class Codec(Generic[S]):
    """Rows as bytes in the column `doc`: JSON, readable by the view `<service>_state.readable`."""

    def __init__(self, state: type[S]) -> None:
        self._encoder = msgspec.json.Encoder()
        self._decoder: msgspec.json.Decoder[Row[S]] = msgspec.json.Decoder(Row[state])  # type: ignore[valid-type]

    def encode(self, row: Row[S]) -> bytes:
        return self._encoder.encode(row)

    def decode(self, doc: bytes) -> Row[S]:
        return self._decoder.decode(doc)


class Statement(Generic[S, I, V]):
    """Builds the statement that writes a batch.

    Args:
        schema: the service's schema. topic: where own events go. core: says when a state is next due.
    """

    def __init__(self, schema: str, topic: str, codec: Codec[S], core: Core[S, I, V], partitions: int = PARTITIONS):
        self.schema, self._topic, self._codec, self._core, self._partitions = schema, topic, codec, core, partitions

    def build(self, write: Write[S], parts: Sequence[Part]) -> tuple[str, list[object]]:
        """Returns: SQL and arguments. The SQL depends only on the parts, so that it is prepared once."""
        args: list[object] = [*self._positions(write), *self._states(write), *self._events(write)]
        parking = bool(write.unparked) or any(work.parked for work in write.works)
        sql = _WRITE + (_PARK if parking else "")
        if parking:
            args += self._parked(write)
        checks = []
        for part in parts:
            places = [f"${len(args) + n + 1}" for n in range(len(part.args))]
            sql += "".join(f"{cte.format(*places)},\n" for cte in part.ctes)
            checks += [f", {{schema}}.must({condition}, '{words}')" for condition, words in part.must]
            args += part.args
        live = _FENCED if write.positions else _FREE.replace("{last}", str(self._partitions - 1))
        sql = (sql + _TAIL).replace("{live}", live).replace("{checks}", "".join(checks))
        return sql.replace("{schema}", self.schema), args

    def due(self, work: Work[S]) -> datetime | None:
        """The time by which the state is found again when it is silent."""
        return self._core.due(work.row.state) if work.row.state is not None else None

    def _positions(self, write: Write[S]) -> list[object]:
        rows = [(*tp, a.next_offset, a.epoch, a.upto) for tp, a in sorted(write.positions.items())]
        return columns(rows, 5)

    def _states(self, write: Write[S]) -> list[object]:
        encode = self._codec.encode
        return columns([(w.subject, w.partition, self.due(w), encode(w.row)) for w in write.works if w.changed], 4)

    def _events(self, write: Write[S]) -> list[object]:
        encode = msgspec.json.encode
        rows = [
            (self._topic, work.partition, work.partition, work.subject, said.sequence, said.id, encode(said))
            for work in write.works
            for said in work.said
        ]
        return columns(rows + [self._also(said) for said in write.also], 7)

    def _also(self, said: Said) -> tuple[str, int, int, str, int, str, bytes]:
        partition, message = partition_of(said.key, self._partitions), said.message
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
