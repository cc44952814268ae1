"""Intake's own rows of each batch: by what cases are found, and what outside systems hear of theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from services.intake.core import needs, outside
from services.intake.core.cases import Case
from services.intake.core.places import Directory
from services.intake.events import outbound
from services.kernel.core import Row, Said
from services.kernel.database import Db
from services.kernel.envelope import Envelope, derived_id, encode, envelope
from services.kernel.fold import Work
from services.kernel.partitioning import partition_of
from services.kernel.tables import Part, columns

_INDEX = """ix AS (
  INSERT INTO intake.case_index AS i (case_id, number, family, kind, state, community, street, lead, units, system,
    registered_at, sequence, needs, next_due, overdue)
  SELECT c.case_id, c.number, c.family, c.kind, c.state, c.community, c.street, c.lead, string_to_array(c.units, ','),
    c.system, c.registered_at, c.sequence, string_to_array(c.needs, ','), c.next_due, c.overdue
  FROM unnest({0}::text[], {1}::int[], {2}::text[], {3}::text[], {4}::text[], {5}::text[], {6}::text[], {7}::text[],
    {8}::text[], {9}::text[], {10}::text[], {11}::timestamptz[], {12}::bigint[], {13}::text[], {14}::timestamptz[],
    {15}::boolean[]) AS c(case_id, partition, number, family, kind, state, community, street, lead, units, system,
    registered_at, sequence, needs, next_due, overdue)
  JOIN live USING (partition)
  ON CONFLICT (case_id) DO UPDATE SET state = excluded.state, lead = excluded.lead, units = excluded.units,
    sequence = excluded.sequence, needs = excluded.needs, next_due = excluded.next_due, overdue = excluded.overdue)"""
_OUTSIDE = (
    """os AS (
  INSERT INTO intake.event (topic, partition, key, sequence, event_id, body)
  SELECT o.topic, o.partition, o.key, o.sequence, o.event_id, o.body
  FROM unnest({0}::text[], {1}::int[], {2}::text[], {3}::bigint[], {4}::text[], {5}::bytea[])
    WITH ORDINALITY AS o(topic, partition, key, sequence, event_id, body, ordinal)
  JOIN live USING (partition) ORDER BY o.ordinal RETURNING id, partition)""",
    "ou AS (INSERT INTO intake.unpublished (id, partition) SELECT id, partition FROM os)",
)


class CaseRows:
    """The kernel's `Extension` of intake.

    Args:
        directory: the newest directory; what decisions may look at.
        statuses: write what outside systems hear here. False where the door writes it itself, beside its receipts.
    """

    def __init__(self, directory: Callable[[], Directory], *, statuses: bool = True) -> None:
        self._directory, self._statuses = directory, statuses

    async def view(self, connection: Db) -> Directory:
        """The directory in memory: nothing of it stands in tables that a batch would have to read."""
        return self._directory()

    def parts(self, view: Directory, before: Mapping[str, Row[Case]], works: Sequence[Work[Case]]) -> Sequence[Part]:
        """The index rows of what changed, and the changes of status."""
        rows = [_row(work, work.row.state) for work in works if work.changed and work.row.state is not None]
        parts = [Part((_INDEX,), tuple(columns(rows, 16)))] if rows else []
        if self._statuses:
            said = [one for work in works for one in statuses(before.get(work.subject), work.row, work.subject)]
            if said:
                parts.append(Part(_OUTSIDE, tuple(columns([_event(one) for one in said], 6))))
        return parts


def _row(work: Work[Case], case: Case) -> tuple[object, ...]:
    return (
        work.subject, work.partition, case.number, case.family, case.kind, case.state, case.community, case.street,
        case.lead, ",".join(sorted(units(case))), case.system, case.registered_at, case.sequence,
        ",".join(needs.needs(case)), needs.next_due(case), needs.overdue(case),
    )  # fmt: skip


def units(case: Case) -> set[str]:
    """Every unit that has to do with the case."""
    found = {case.lead, case.centre, case.receiver_unit, case.seat, *case.assisting, *case.called}
    return {unit for unit in found if unit}


def statuses(before: Row[Case] | None, after: Row[Case], subject: str) -> list[Said]:
    """What the outside system that sent the case hears of its new statuses; receipts are its door's."""
    case = after.state
    if case is None or case.system is None or after.at is None:
        return []
    known = len(before.state.outside) if before is not None and before.state is not None else 0
    return [
        status_said(case.system, subject, word, number, after.at)
        for number, word in enumerate(case.outside[known:], known + 1)
        if word != outside.RECEIPT
    ]


def status_said(system: str, subject: str, status: str, number: int, at: datetime) -> Said:
    """One change of status, numbered among all that this system hears of this case."""
    event = outbound.StatusChanged(case=subject, status=status)
    id_ = derived_id(f"{system}/{subject}", event.TYPE, number)
    message = envelope(event, id=id_, service="intake", subject=subject, time=at, sequence=number)
    return Said(f"outbound.{system}", subject, message)


def _event(said: Said) -> tuple[object, ...]:
    message: Envelope = said.message
    return said.topic, partition_of(said.key), said.key, message.sequence, message.id, encode(message)
