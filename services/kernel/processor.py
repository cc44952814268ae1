"""Decision 2: one worker over partitions, a store and a core. Knows no transport and no database.

A transport tells it what was assigned and hands over records; it claims, folds, writes, and tells a transport where
it stands. Everything that touches a batch happens under one lock, so a claim never fences its own batch in flight.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Generic, TypeAlias, TypeVar

from services.kernel.core import Bad, I, Incoming, Reader, Record, Row, S, V
from services.kernel.fold import Folder, Outcome, Work
from services.kernel.marks import Marks
from services.kernel.parking import StormLimit
from services.kernel.store import TP, Moved, Parked, Position, Store, Unavailable, Write
from services.kernel.telemetry import ProcessorMetrics

T = TypeVar("T")
_Opened: TypeAlias = list[tuple[str, Incoming[I] | Bad]]  # what was read, each with its subject
_Decide: TypeAlias = Callable[[Mapping[str, Work[S]], V], Write[S]]
AHEAD = 8  # batches of one call, where each is decided while the one before it is being written
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


@dataclass(slots=True)
class _Flight(Generic[S]):
    """A batch under way. rows: what it changes, known once it is decided. task: ends when it is written."""

    before: _Flight[S] | None = None
    rows: dict[str, Row[S]] = field(default_factory=dict)
    decided: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Future[None] = field(default_factory=asyncio.Future)


class Processor(Generic[S, I, V]):
    """See the module.

    Args:
        folder: core and service. reader: the service's door to its topics. store: where everything is kept.
        log_topic: topic of the subjects' log; marks speak of its offsets. None: no limits fire here.
        metrics: counters. batch_records: bound of one batch. storm: how many bad records are too many.
        waits: records of no use to the core wait, before the recorded position, for one of use or for `settle`, and are
            written with it. Not where limits fire: they fire up to the position.
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
        waits: bool = False,
        storm: StormLimit | None = None,
    ) -> None:
        self._folder, self._reader, self._store, self._metrics = folder, reader, store, metrics
        self._log_topic, self._batch_records, self._storm = log_topic, batch_records, storm or StormLimit()
        self._waiting, self._most_waiting = list[Record](), batch_records if waits else 0
        self._lock = asyncio.Lock()
        self._generation: int | None = None
        self._claims: dict[TP, Position] = {}
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
        """Partitions are about to go: finish the batch in flight, take no other. What waits, the next owner reads."""
        async with self._lock:
            self._waiting.clear()
            self._generation = None
            self._claims = {}
            self.marks.assign({})

    async def process(self, generation: int, records: Sequence[Record]) -> bool:
        """Apply records, in order per partition, after those that wait; or let them wait too.

        Returns: False if they belong to an assignment that is over; then nothing was done.
        Raises: FencedError, StormError, UnreadableError, PositionError: the process must end.
        """
        if generation == self._generation and self._can_wait(records):
            self._waiting += records
            return True
        records, self._waiting = [*self._waiting, *records], []
        most = self._batch_records * (AHEAD if self._store.reads_ahead else 1)
        for start in range(0, len(records), most):
            async with self._lock:
                if generation != self._generation:
                    return False
                await self._patiently(partial(self._apply, records[start : start + most]), self._reread)
        return True

    async def settle(self) -> None:
        """Write what waits, though no record of use came. Raises: as `process`."""
        if self._generation is not None:
            await self.process(self._generation, ())

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
        async with self._lock:
            if self._generation is None:
                return False
            log = {tp.partition: at.next_offset for tp, at in self._claims.items() if tp.topic == self._log_topic}
            before = self.marks.passed(log)
            return bool(before) and await self._patiently(lambda: self._fire(before), self._reread)

    async def redrive(self) -> int:
        """Apply parked records for which somebody asked. Returns: how many were applied."""
        async with self._lock:
            if self._generation is None:
                return 0
            lanes = sorted({tp.partition for tp in self._claims})
            wanted = await self._patiently(lambda: self._store.redrivable(lanes, self._store.most_subjects))
            return await self._patiently(lambda: self._redrive(wanted), self._reread) if wanted else 0

    # One batch

    async def _apply(self, records: Sequence[Record]) -> None:
        """In batches, one after another; each is read and decided while the one before it is being written."""
        flights, window = deque[_Flight[S]](), 2 if self._store.reads_ahead else 1
        try:
            for opened in self._pieces(self._fresh(records)):
                flights.append(_Flight(flights[-1] if flights else None))
                flights[-1].task = asyncio.create_task(self._apply_batch(opened, flights[-1]))
                if len(flights) == window:
                    await flights.popleft().task
                    await asyncio.sleep(0)  # the next one's statement leaves before further records are read
            for flight in flights:
                await flight.task
        finally:  # whoever looks at the table next finds nothing of this under way
            await asyncio.gather(*(flight.task for flight in flights), return_exceptions=True)

    async def _apply_batch(self, opened: _Opened[I], flight: _Flight[S]) -> None:
        outcomes: list[Outcome] = []

        def decide(works: Mapping[str, Work[S]], view: V) -> Write[S]:
            outcomes.extend(self._take(works[subject], read, view) for subject, read in opened)
            ends = {TP(read.record.topic, read.record.partition): read.record.offset + 1 for _, read in opened}
            return Write({tp: replace(self._claims[tp], next_offset=end) for tp, end in ends.items()})

        await self._write({subject: read.record.partition for subject, read in opened}, decide, flight)
        for outcome, (_, read) in zip(outcomes, opened, strict=True):
            self._metrics.count(outcome, read)

    async def _write(self, subjects: Mapping[str, int], decide: _Decide[S, V], flight: _Flight[S]) -> None:
        """Read subjects, decide, write once the batch before is written, and know where the partitions stand."""
        try:
            async with self._store.batch(subjects) as batch:
                if (before := flight.before) is not None:  # what was read may be older than what it makes of them
                    await before.decided.wait()
                    batch.rows.update({s: before.rows[s] for s in subjects if s in before.rows})
                stamps, rows, empty = batch.stamps if self._folder.log else {}, batch.rows, Row[S]()
                works = {s: Work(s, lane, rows.get(s, empty), stamps.get(s)) for s, lane in subjects.items()}
                write = decide(works, batch.view)
                write.works = list(works.values())
                flight.rows = {work.subject: work.row for work in write.works if work.changed}
                flight.decided.set()
                if before is not None:
                    await before.task
                written = await batch.write(write)
        finally:
            flight.before = None
            flight.decided.set()
        self._claims.update({tp: write.positions[tp] for tp in written})
        if fenced := write.positions.keys() - written:
            raise FencedError(
                f"{sorted(fenced)[0].topic}: another worker has claimed {len(fenced)} partitions that this one was "
                "given. It wrote nothing there and leaves, so that the group shares the partitions out anew."
            )

    def _pieces(self, fresh: Sequence[Record]) -> Iterator[_Opened[I]]:
        """Batches within the bounds of records and of subjects."""
        opened, known = _Opened[I](), set[str]()
        for record in fresh:
            read = self._reader.read(record)
            subject = self._subject(read)
            known.add(subject)
            if len(opened) == self._batch_records or len(known) > self._store.most_subjects:
                yield opened
                opened, known = [], {subject}
            opened.append((subject, read))
        if opened:
            yield opened

    def _take(self, work: Work[S], read: Incoming[I] | Bad, view: V) -> Outcome:
        self._storm.saw(read.record, isinstance(read, Bad))
        if isinstance(read, Bad):
            at = work.row.at or datetime.fromtimestamp(read.record.timestamp_ms / 1000, UTC)
            return self._folder.hold(work, read.record, read.reason, at)
        return self._folder.apply(work, read, view)

    def _fresh(self, records: Sequence[Record]) -> list[Record]:
        """Below the position: applied before, skipped. Above it: stop, the topics read here have no holes."""
        expected = {tp: claim.next_offset for tp, claim in self._claims.items()}
        fresh = []
        for record in records:
            tp = TP(record.topic, record.partition)
            want = expected.get(tp)
            if want is None or record.offset < want:
                continue
            if record.offset > want:
                raise PositionError(f"{tp.topic}-{tp.partition}: expected offset {want}, got {record.offset}")
            expected[tp] = record.offset + 1
            fresh.append(record)
        return fresh

    def _can_wait(self, records: Sequence[Record]) -> bool:
        """They fit into one batch with those that wait, and nothing but numbers comes of them."""
        fit = 0 < len(records) <= self._most_waiting - len(self._waiting)
        return fit and all(isinstance(r, Incoming) and r.given is None for r in map(self._reader.read, records))

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
        """Fire what is due before these times, as much as one batch may have. Returns: True if that was not all."""
        most = self._store.most_subjects
        due = await self._store.due(before, most + 1)
        lanes = dict(due[:most])

        def decide(works: Mapping[str, Work[S]], view: V) -> Write[S]:
            for work in works.values():
                self._folder.fire(work, before[work.partition], view)
            log = {tp: at for tp, at in self._claims.items() if tp.topic == self._log_topic and tp.partition in before}
            if len(due) <= most:
                log = {tp: replace(at, upto=before[tp.partition]) for tp, at in log.items()}
            return Write(log)

        if due:
            await self._write(lanes, decide, _Flight())
            self._metrics.fired.inc(len(lanes))
        if len(due) > most:
            return True
        self.marks.fired(before)
        return False

    async def _redrive(self, wanted: Sequence[Parked]) -> int:
        lanes, gone = {parked.subject: parked.record.partition for parked in wanted}, list[Record]()

        def decide(works: Mapping[str, Work[S]], view: V) -> Write[S]:
            for work in works.values():
                for topic in work.row.held:
                    mine = [p.record for p in wanted if p.subject == work.subject and p.record.topic == topic]
                    done = self._folder.redrive(work, topic, [self._reader.read(r) for r in mine], view)
                    gone.extend(incoming.record for incoming in done)
            positions = {tp: at for tp, at in self._claims.items() if tp.partition in lanes.values()}
            return Write(positions, unparked=gone)

        await self._write(lanes, decide, _Flight())
        return len(gone)

    # Faults

    async def _reread(self) -> None:
        """After a fault, before the next try: the write that was cut off may have happened; the table knows."""
        found = await self._patiently(lambda: self._store.positions(list(self._claims)))
        for tp, claim in self._claims.items():
            now = found.get(tp)
            if now is None or now.epoch != claim.epoch:
                raise FencedError(f"{tp.topic}-{tp.partition} was claimed by another worker during a database fault.")
            self._claims[tp] = now

    async def _patiently(
        self, attempt: Callable[[], Awaitable[T]], before_next: Callable[[], Awaitable[None]] | None = None
    ) -> T:
        """Try until the database answers. Alone for statements that are harmless to repeat."""
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
                if before_next is not None:
                    await before_next()
