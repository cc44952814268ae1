"""Decision 2: one worker over partitions, a store and a core. Knows no transport and no database.

A transport tells it what was assigned and hands over records; it claims, folds, writes, and tells a transport where
it stands. Everything that touches a batch happens under one lock, so a claim never fences its own batch in flight.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Generic, TypeVar

from services.kernel.core import Bad, I, Incoming, Reader, Record, Row, S, V
from services.kernel.fold import Folder, Outcome, Work
from services.kernel.marks import Marks
from services.kernel.parking import StormLimit
from services.kernel.store import TP, Advance, Batch, Claim, Moved, Parked, Store, Unavailable, Write
from services.kernel.telemetry import ProcessorMetrics

T = TypeVar("T")
_TRIES_MOVED = 50  # another worker can win a race for shared rows a few times, not for ever


class FencedError(Exception):
    """Somebody else claimed a partition that this worker believes its own: it must leave the group, so exit."""


class PositionError(Exception):
    """The recorded position is not inside the topic."""


class UnreadableError(Exception):
    """A bad record without subject and key: nobody knows what it would hold, so its partition stops."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Offsets of a partition as the broker has them now."""

    begin: int
    end: int


class Processor(Generic[S, I, V]):
    """See the module.

    Args:
        folder: core and service. reader: the service's door to its topics. store: where everything is kept.
        log_topic: topic of the subjects' log; marks speak of its offsets. None: no limits fire here.
        metrics: counters. batch_records: bound of one batch.
        gapless: topics whose offsets have no holes (ours are not compacted); a hole there stops the worker.
    """

    def __init__(
        self,
        folder: Folder[S, I, V],
        reader: Reader[I],
        store: Store[S, V],
        metrics: ProcessorMetrics,
        *,
        log_topic: str | None = None,
        batch_records: int = 500,
        gapless: bool = True,
        storm: StormLimit | None = None,
    ) -> None:
        self._folder, self._reader, self._store, self._metrics = folder, reader, store, metrics
        self._log_topic, self._batch_records, self._gapless = log_topic, batch_records, gapless
        self._storm = storm or StormLimit()
        self._lock = asyncio.Lock()
        self._generation: int | None = None
        self._claims: dict[TP, Claim] = {}
        self.marks = Marks()

    # What a transport calls

    async def assign(self, generation: int, bounds: Mapping[TP, Bounds]) -> dict[TP, int]:
        """Partitions were assigned: claim them.

        Args:
            generation: number of the assignment; records of another one are not taken.
            bounds: the partitions, with what the broker has of each.

        Returns: the offset to read from, per partition.
        Raises: PositionError, with the command that settles it.
        """
        async with self._lock:
            self._generation = None
            # The owner of a log says events by presses, also before its worker first runs: there it means nothing.
            if not self._folder.log and await self._patiently(self._store.orphaned):
                raise PositionError(
                    "There are events that this service said, but no position from which to go on: a part of the "
                    "database is missing. Restore it from backup, then run `maodiao reconcile`."
                )
            self._claims = await self._patiently(lambda: self._store.claim({tp: b.begin for tp, b in bounds.items()}))
            for tp, claim in self._claims.items():
                if not bounds[tp].begin <= claim.next_offset <= bounds[tp].end:
                    raise PositionError(
                        f"{tp.topic}-{tp.partition}: the position is {claim.next_offset}, but the topic has "
                        f"{bounds[tp].begin} to {bounds[tp].end}. Run `maodiao reconcile`, or `maodiao position skip` "
                        "if what lies between is known to be lost."
                    )
            self.marks.assign({tp.partition: c.upto for tp, c in self._claims.items() if tp.topic == self._log_topic})
            self._generation = generation
            return {tp: claim.next_offset for tp, claim in self._claims.items()}

    async def revoke(self) -> None:
        """Partitions are about to go: finish the batch in flight, take no other."""
        async with self._lock:
            self._generation = None
            self._claims = {}
            self.marks.assign({})

    async def process(self, generation: int, records: Sequence[Record]) -> bool:
        """Apply records, in order per partition.

        Returns: False if they belong to an assignment that is over; then nothing was done.
        Raises: FencedError, StormError, UnreadableError, PositionError: the process must end.
        """
        for start in range(0, len(records), self._batch_records):
            async with self._lock:
                if generation != self._generation:
                    return False
                await self._retried(lambda s=start: self._apply(records[s : s + self._batch_records]))  # type: ignore[misc]
        return True

    @property
    def assigned(self) -> bool:
        """Partitions are claimed; a worker without is not ready."""
        return self._generation is not None

    def positions(self) -> dict[TP, int]:
        """Next offset per partition, for the group's committed offsets: the display of lag alone."""
        return {tp: claim.next_offset for tp, claim in self._claims.items()}

    async def fire(self) -> bool:
        """Fire limits that the marks have passed.

        Returns: True if there may be more to fire at once.
        """
        if self._log_topic is None:
            return False
        async with self._lock:
            if self._generation is None:
                return False
            before = self.marks.passed({tp.partition: c.next_offset for tp, c in self._claims.items()})
            return bool(before) and await self._retried(lambda: self._fire(before))

    async def redrive(self) -> int:
        """Apply parked records for which somebody asked. Returns: how many were applied."""
        async with self._lock:
            if self._generation is None:
                return 0
            lanes = sorted({tp.partition for tp in self._claims})
            wanted = await self._patiently(lambda: self._store.redrivable(lanes, self._store.most_subjects))
            return await self._retried(lambda: self._redrive(wanted)) if wanted else 0

    # One batch

    async def _apply(self, records: Sequence[Record]) -> None:
        fresh = self._fresh(records)
        opened = [(record, self._reader.read(record)) for record in fresh]
        subjects = {self._subject(read): record.partition for record, read in opened}
        for piece in self._pieces(opened, subjects):
            await self._apply_piece(piece)

    def _pieces(
        self, opened: list[tuple[Record, Incoming[I] | Bad]], subjects: Mapping[str, int]
    ) -> list[list[tuple[Record, Incoming[I] | Bad]]]:
        """Batches within the store's bound of subjects; nearly always one."""
        if len(subjects) <= self._store.most_subjects:
            return [opened] if opened else []
        pieces: list[list[tuple[Record, Incoming[I] | Bad]]] = [[]]
        known: set[str] = set()
        for item in opened:
            known.add(self._subject(item[1]))
            if len(known) > self._store.most_subjects:
                known = {self._subject(item[1])}
                pieces.append([])
            pieces[-1].append(item)
        return pieces

    async def _apply_piece(self, opened: list[tuple[Record, Incoming[I] | Bad]]) -> None:
        subjects = {self._subject(read): record.partition for record, read in opened}
        async with self._store.batch(subjects) as batch:
            works = self._works(batch, subjects)
            outcomes = [self._take(works[self._subject(read)], read, batch.view) for _, read in opened]
            advances = dict(self._advance(opened))
            written = await batch.write(Write(advances, list(works.values())))
        self._settle(advances, written)
        for outcome in outcomes:
            self._metrics.count(outcome)

    def _works(self, batch: Batch[S, V], subjects: Mapping[str, int]) -> dict[str, Work[S]]:
        stamps = batch.stamps if self._folder.log else {}
        empty: Row[S] = Row()
        rows = batch.rows
        return {s: Work(s, partition, rows.get(s, empty), stamps.get(s)) for s, partition in subjects.items()}

    def _take(self, work: Work[S], read: Incoming[I] | Bad, view: V) -> Outcome:
        self._storm.saw(isinstance(read, Bad))
        if isinstance(read, Bad):
            return self._folder.refuse(work, read, work.stamp or work.row.at or _broker_time(read.record))
        return self._folder.apply(work, read, view)

    def _fresh(self, records: Sequence[Record]) -> list[Record]:
        """Below the position: applied before, skipped. Above it, where offsets have no holes: stop."""
        expected = {tp: claim.next_offset for tp, claim in self._claims.items()}
        fresh = []
        for record in records:
            tp = TP(record.topic, record.partition)
            want = expected.get(tp)
            if want is None or record.offset < want:
                continue
            if record.offset > want and self._gapless:
                raise PositionError(f"{tp.topic}-{tp.partition}: expected offset {want}, got {record.offset}")
            expected[tp] = record.offset + 1
            fresh.append(record)
        return fresh

    def _advance(self, opened: list[tuple[Record, Incoming[I] | Bad]]) -> dict[TP, Advance]:
        ends = {TP(record.topic, record.partition): record.offset + 1 for record, _ in opened}
        return {tp: Advance(end, self._claims[tp].epoch) for tp, end in ends.items()}

    def _subject(self, read: Incoming[I] | Bad) -> str:
        if isinstance(read, Incoming):
            return read.subject
        record = read.record
        if read.subject is None and record.key is None:
            raise UnreadableError(
                f"{record.topic}-{record.partition} offset {record.offset}: {read.reason}, and neither subject nor key "
                "says whom it concerns. Look at it, then `maodiao position skip` with a reason."
            )
        return read.subject or (record.key or b"").decode(errors="replace")

    # Time and redrive

    async def _fire(self, before: Mapping[int, datetime]) -> bool:
        due = await self._store.due(before, self._store.most_subjects)
        if due:
            async with self._store.batch(dict(due)) as batch:
                works = self._works(batch, dict(due))
                for work in works.values():
                    self._folder.fire(work, before[work.partition], batch.view)
                tps = {TP(self._log_topic or "", work.partition) for work in works.values()}
                upto = before if len(due) < self._store.most_subjects else {}
                advances = {
                    tp: Advance(self._claims[tp].next_offset, self._claims[tp].epoch, upto.get(tp.partition))
                    for tp in tps
                }
                written = await batch.write(Write(advances, list(works.values())))
            self._settle(advances, written)
            self._metrics.fired.inc(len(due))
        if len(due) == self._store.most_subjects:
            return True
        self.marks.fired(before)
        return False

    async def _redrive(self, wanted: Sequence[Parked]) -> int:
        subjects = {parked.subject: parked.record.partition for parked in wanted}
        applied = 0
        async with self._store.batch(subjects) as batch:
            works, gone = self._works(batch, subjects), []
            for work in works.values():
                for topic in work.row.held:
                    mine = [p.record for p in wanted if p.subject == work.subject and p.record.topic == topic]
                    done = self._folder.redrive(work, topic, [self._reader.read(r) for r in mine], batch.view)
                    gone += [incoming.record for incoming in done]
            tps = [tp for tp in self._claims if tp.partition in subjects.values()]
            advances = {tp: Advance(self._claims[tp].next_offset, self._claims[tp].epoch) for tp in tps}
            written = await batch.write(Write(advances, list(works.values()), unparked=gone))
            applied = len(gone)
        self._settle(advances, written)
        return applied

    # Faults

    def _settle(self, advances: Mapping[TP, Advance], written: set[TP]) -> None:
        for tp in written:
            self._claims[tp] = replace(self._claims[tp], next_offset=advances[tp].next_offset)
        if fenced := advances.keys() - written:
            raise FencedError(
                f"{sorted(fenced)[0].topic}: another worker has claimed {len(fenced)} partitions that this one was "
                "given. It wrote nothing there and leaves, so that the group shares the partitions out anew."
            )

    async def _retried(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Run one batch; after a fault of the database read positions and epochs again before the next try."""
        moved, wait = 0, 0.05
        while True:
            try:
                return await attempt()
            except Moved:
                moved += 1
                if moved == _TRIES_MOVED:
                    raise
                await asyncio.sleep(0)
            except Unavailable as fault:
                self._metrics.unavailable.labels(str(fault)).inc()
                await asyncio.sleep(wait)
                wait = min(2.0, wait * 2)
                await self._reread()

    async def _reread(self) -> None:
        """The write that was cut off may have happened: the table knows."""
        found = await self._patiently(lambda: self._store.positions(list(self._claims)))
        for tp, claim in self._claims.items():
            now = found.get(tp)
            if now is None or now.epoch != claim.epoch:
                raise FencedError(f"{tp.topic}-{tp.partition} was claimed by another worker during a database fault.")
            self._claims[tp] = now

    async def _patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """For statements that are harmless to repeat."""
        wait = 0.05
        while True:
            try:
                return await attempt()
            except Unavailable as fault:
                self._metrics.unavailable.labels(str(fault)).inc()
                await asyncio.sleep(wait)
                wait = min(2.0, wait * 2)


def _broker_time(record: Record) -> datetime:
    return datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
