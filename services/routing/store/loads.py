"""Loads in the database, and the batch that reads and changes them.

A batch reads all loads, counts on in memory as it decides, and writes the changes in its one statement. Where a
choice rested on loads, the version read must still stand, or the batch is decided again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from services.kernel.core import Row
from services.kernel.database import Db
from services.kernel.envelope import Envelope, Event
from services.kernel.fold import Work
from services.kernel.store import Unavailable
from services.kernel.tables import Part
from services.routing.core.cases import Case, Cases
from services.routing.core.inputs import Input
from services.routing.core.leads import BUSIER
from services.routing.core.loads import borne, changes
from services.routing.core.panels import CAP, RANK
from services.routing.core.view import View
from services.routing.events import CONTRACT
from services.routing.events.assignments import Assigned, PanelProposed
from services.routing.store.editions import Shelf

_BY_LOAD: Final = frozenset({BUSIER, CAP, RANK})
_READ: Final = """
SELECT NULL AS unit, coalesce(max(version), 0) AS version, 0 AS load FROM routing.edition
UNION ALL SELECT unit, version, load FROM routing.unit_load
"""
# Version 0 says: whatever stands there. A fence drops the changes of its partition together with the states.
_CHANGES: Final = """
load_change AS (
  SELECT u.unit, max(u.version) AS version, sum(u.change)::int AS change
  FROM unnest({0}::text[], {1}::int[], {2}::bigint[], {3}::int[]) AS u(unit, partition, version, change)
  JOIN live USING (partition) GROUP BY u.unit)"""
_WRITTEN: Final = """
load_written AS (
  INSERT INTO routing.unit_load AS l (unit, version, load)
  SELECT unit, version, change FROM load_change ORDER BY unit
  ON CONFLICT (unit) DO UPDATE SET version = l.version + 1, load = l.load + excluded.load
  WHERE excluded.version = 0 OR l.version = excluded.version - 1
  RETURNING unit)"""
_MUST: Final = "(SELECT count(*) FROM load_written) = (SELECT count(*) FROM load_change)"


class Tally(dict[str, int]):
    """Loads during one batch: as read, then counted on case by case. `versions` are those that were read."""

    def __init__(self, loads: Mapping[str, int], versions: Mapping[str, int]) -> None:
        super().__init__(loads)
        self.versions = versions

    def add(self, change: Mapping[str, int]) -> None:
        for id_, by in change.items():
            self[id_] = self.get(id_, 0) + by


class TalliedCases(Cases):
    """The core inside a batch: what it decides for one case counts for the next, so that a batch is as fair as
    its cases one by one. Alone it decides exactly as `Cases` does."""

    def decide(self, state: Case | None, given: Input, view: View) -> Sequence[Event]:
        own = super().decide(state, given, view)
        if isinstance(view.loads, Tally):
            after = self.evolve(state, given)
            for event in own:
                after = self.evolve(after, event)
            view.loads.add(changes(state, after))
        return own


class LoadExtension:
    """See the kernel's `Extension`."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def view(self, connection: Db) -> View:
        """The newest edition and all loads.

        Raises: Unavailable, while no directory with a route table was imported: deciding would only mislead.
        """
        rows = await connection.fetch(_READ)
        version = next(int(row["version"]) for row in rows if row["unit"] is None)
        await self._shelf.refresh(connection, version)
        if version == 0 or not (edition := self._shelf.edition(version)).tables:
            raise Unavailable("no_directory")
        bearing = [row for row in rows if row["unit"] is not None]
        tally = Tally({r["unit"]: r["load"] for r in bearing}, {r["unit"]: r["version"] for r in bearing})
        return View(edition, tally, self._shelf)

    def parts(self, view: View, before: Mapping[str, Row[Case]], works: Sequence[Work[Case]]) -> Sequence[Part]:
        """The changes of loads, per partition."""
        versions = view.loads.versions if isinstance(view.loads, Tally) else {}
        contested = {id_ for work in works for message in work.said for id_ in _contested(message)}
        rows = []
        for partition, change in sorted(_per_partition(before, works).items()):
            for id_, by in sorted(change.items()):
                version = versions.get(id_, 0) + 1 if id_ in contested else 0
                rows.append((id_, partition, version, by))
        if not rows:
            return ()
        args = tuple(list(column) for column in zip(*rows, strict=True))
        return (Part((_CHANGES, _WRITTEN), args, ((_MUST, "loads moved"),)),)


def _per_partition(before: Mapping[str, Row[Case]], works: Sequence[Work[Case]]) -> dict[int, Counter[str]]:
    found: dict[int, Counter[str]] = {}
    for work in works:
        old = before.get(work.subject)
        change = changes(old.state if old is not None else None, work.row.state)
        if change:
            found.setdefault(work.partition, Counter()).update(change)
    return found


def _contested(message: Envelope) -> tuple[str, ...]:
    """Whoever was chosen by load: another was left out because he had more, or too many."""
    event = CONTRACT.read(message).event
    if not isinstance(event, Assigned | PanelProposed):
        return ()
    if not any(candidate.left_out in _BY_LOAD for candidate in event.basis.candidates):
        return ()
    return tuple(candidate.id for candidate in event.basis.candidates if candidate.left_out is None)


async def recount(connection: Db) -> dict[str, int]:
    """Loads counted anew out of the states, which is what a rebuild takes; the table itself stays as it is."""
    decoder = msgspec.json.Decoder(Row[Case])
    counted: Counter[str] = Counter()
    async with connection.transaction(readonly=True):
        async for row in connection.cursor("SELECT doc FROM routing_state.state"):
            counted.update(borne(decoder.decode(row["doc"]).state))
    return dict(counted)


async def kept(connection: Db) -> dict[str, int]:
    """Loads as the table has them, without zeros."""
    rows = await connection.fetch("SELECT unit, load FROM routing.unit_load WHERE load <> 0")
    return {row["unit"]: row["load"] for row in rows}


async def restore(connection: Db) -> None:
    """After a rebuild: write the loads that the states give. The worker must be stopped."""
    counted = await recount(connection)
    async with connection.transaction():
        await connection.execute("UPDATE routing.unit_load SET load = 0, version = version + 1 WHERE load <> 0")
        await connection.executemany(
            """INSERT INTO routing.unit_load AS l (unit, version, load) VALUES ($1, 1, $2)
            ON CONFLICT (unit) DO UPDATE SET load = excluded.load, version = l.version + 1""",
            sorted(counted.items()),
        )
