"""notify's own rows in the batch's one statement: deliveries that a decision opens or closes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final

from services.kernel.core import Row
from services.kernel.database import Db
from services.kernel.fold import Work
from services.kernel.tables import Part, columns
from services.notify.core.calls import Case
from services.notify.core.roster import Directory
from services.notify.core.rows import Changes, changes
from services.notify.store.deliveries import OPENED

# A late `told` counts also for a delivery that had been given up.
_CLOSE: Final = """closed AS (
  UPDATE notify.delivery d
  SET state = CASE WHEN d.staff = c.told_staff AND d.channel = c.told_channel THEN 'told' ELSE c.into_state END,
      settled_at = clock_timestamp()
  FROM unnest({0}::int[], {1}::text[], {2}::text[], {3}::text[], {4}::int[], {5}::text[], {6}::text[], {7}::text[],
              {8}::text[])
    AS c(partition, subject, purpose, obligation, rank, into_state, staff, told_staff, told_channel)
  JOIN live USING (partition)
  WHERE d.subject = c.subject AND d.purpose = c.purpose AND d.obligation = c.obligation AND d.rank = c.rank
    AND (c.staff IS NULL OR d.staff = c.staff)
    AND (d.state IN ('due', 'spare') OR (d.staff = c.told_staff AND d.channel = c.told_channel)))"""

# Whoever has no address gets a row all the same: the sender fails it at once and the chain goes on. {7}: the lease
# under which this process's sender has those that are due; null where it has no room for them.
_OPEN: Final = """opened AS (
  INSERT INTO notify.delivery AS d
    (partition, subject, purpose, obligation, rank, staff, role, channel, place, state, attempts, free_at, token)
  SELECT o.*, coalesce(c.channel, 'none'), coalesce(c.place, 0),
         CASE WHEN c.place > 0 THEN 'spare' ELSE 'due' END,
         CASE WHEN c.place > 0 OR {7}::interval IS NULL THEN 0 ELSE 1 END,
         clock_timestamp() + coalesce({7}::interval, '0'),
         CASE WHEN c.place > 0 OR {7}::interval IS NULL THEN NULL ELSE gen_random_uuid() END
  FROM unnest({0}::int[], {1}::text[], {2}::text[], {3}::text[], {4}::int[], {5}::text[], {6}::text[])
    AS o(partition, subject, purpose, obligation, rank, staff, role)
  JOIN live USING (partition)
  LEFT JOIN notify.contact_channel c USING (staff)
  ON CONFLICT DO NOTHING
  RETURNING d.*)"""


class DeliveryRows:
    """See `kernel.tables.Extension`. The view is the copy of the directory that a follower keeps up to date.

    Args:
        directory: the copy as it stands. lease: of deliveries that this process's sender takes as they are opened.
        room: how many it takes now; more than that are left for whoever claims them.
    """

    def __init__(
        self, directory: Callable[[], Directory], lease: timedelta = timedelta(0), room: Callable[[], int] = lambda: 0
    ) -> None:
        self._directory, self._lease, self._room = directory, lease, room

    async def view(self, connection: Db) -> Directory:
        """The directory as it stands; one object for the whole batch."""
        return self._directory()

    def parts(self, view: Directory, before: Mapping[str, Row[Case]], works: Sequence[Work[Case]]) -> Sequence[Part]:
        """The rows that follow from what the batch changed; nothing for a batch that moves no call."""
        empty: Row[Case] = Row()
        changed = [(w, changes(before.get(w.subject, empty).state, w.row.state)) for w in works if w.said]
        closed = [row for work, change in changed for row in _closing(work, change)]
        opened = [row for work, change in changed for row in _opening(work, change)]
        parts = [Part((_CLOSE,), tuple(columns(closed, 9)))] if closed else []
        lease = self._lease if len(opened) <= self._room() else None
        return [*parts, Part((_OPEN,), (*columns(opened, 7), lease), ask=OPENED)] if opened else parts


def _closing(work: Work[Case], change: Changes) -> list[tuple[object, ...]]:
    return [
        (
            *(work.partition, work.subject, c.key.purpose, c.key.obligation, c.key.rank, c.into, c.staff),
            *(c.told if c.told is not None else (None, None)),
        )
        for c in change.closed
    ]


def _opening(work: Work[Case], change: Changes) -> list[tuple[object, ...]]:
    return [
        (work.partition, work.subject, o.key.purpose, o.key.obligation, o.key.rank, o.staff, o.role)
        for o in change.opened
    ]
