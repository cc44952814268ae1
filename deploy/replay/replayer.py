"""What "each can be replayed" rests on: rebuild folds `evolve` alone, verify decides again. Both pure; I/O is outside.

Both take one partition at a time: the records of its topics up to the recorded positions, and the service's own
events, as they stand in its archive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Generic

import msgspec
from msgspec.structs import replace

from services.kernel.core import Bad, Core, I, Incoming, Reader, Record, Row, S, V
from services.kernel.envelope import Contract, Envelope, Event, decode
from services.kernel.fold import Folder, Outcome, Work
from services.kernel.holding import Held, Released

Offset = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Difference:
    """What a replay found to be otherwise. `what` names fields, never values."""

    subject: str
    what: str


@dataclass(slots=True)
class Report:
    """What was compared, and what differed.

    older: differences in decisions of older rules, by their number. unreadable: records that are neither parked nor can
    be read now: mended and redriven by code that could, or new damage.
    """

    records: int = 0
    own_events: int = 0
    subjects: int = 0
    decisions: int = 0
    unreadable: int = 0
    differences: list[Difference] = field(default_factory=list)
    older: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, other: Report) -> None:
        """Sum up partitions."""
        self.records += other.records
        self.own_events += other.own_events
        self.subjects += other.subjects
        self.decisions += other.decisions
        self.unreadable += other.unreadable
        self.differences += other.differences
        for rules, count in other.older.items():
            self.older[rules] += count


@dataclass(frozen=True, slots=True)
class Slice:
    """One partition as recorded: records up to the positions, own events, what is still parked, limits fired upto."""

    partition: int
    records: Sequence[Record]
    own: Sequence[bytes]
    parked: frozenset[Offset] = frozenset()
    upto: datetime | None = None


@dataclass(slots=True)
class _Story(Generic[I]):
    """One subject's records, in order of number and each once, and its own events."""

    incoming: list[Incoming[I]] = field(default_factory=list)
    own: list[Envelope] = field(default_factory=list)


class Replayer(Generic[S, I, V]):
    """Replays slices by a core.

    Args:
        service, core, reader: as the running worker has them. contract: of the service's own events.
        state: type of the core's state. view: what decisions may look at, where their basis does not say.
    """

    def __init__(
        self, service: str, core: Core[S, I, V], reader: Reader[I], contract: Contract, state: type[S], view: V
    ) -> None:
        self._folder, self._core, self._reader, self._contract, self._view = (
            Folder(service, core), core, reader, contract, view,
        )  # fmt: skip
        self._decoder: msgspec.json.Decoder[Row[S]] = msgspec.json.Decoder(Row[state])  # type: ignore[valid-type]

    def rebuild(self, piece: Slice) -> dict[str, Row[S]]:
        """Fold inputs and own events into rows: no decision, no outbox, no sender."""
        return {subject: self._fold(story) for subject, story in self._stories(piece)[0].items()}

    def compare(self, piece: Slice, running: Mapping[str, bytes]) -> Report:
        """Rebuild, and hold it against the rows that are running."""
        stories, unreadable = self._stories(piece)
        rebuilt = {subject: self._fold(story) for subject, story in stories.items()}
        subjects = len(rebuilt.keys() | running.keys())
        report = Report(len(piece.records), len(piece.own), subjects, unreadable=unreadable)
        for subject in sorted(rebuilt.keys() | running.keys()):
            if subject not in rebuilt or subject not in running:
                report.differences.append(Difference(subject, "only running" if subject in running else "only rebuilt"))
                continue
            wrong = _differing(rebuilt[subject], self._decoder.decode(running[subject]))
            report.differences += [Difference(subject, wrong)] if wrong else []
        return report

    def verify(self, piece: Slice) -> Report:
        """Decide again, in recorded order, and hold it against what was said then."""
        stories, unreadable = self._stories(piece)
        report = Report(len(piece.records), len(piece.own), len(stories), unreadable=unreadable)
        for subject, story in stories.items():
            self._verify(subject, story, piece, report)
        return report

    def _stories(self, piece: Slice) -> tuple[dict[str, _Story[I]], int]:
        """Returns: what belongs to each subject, and how many records nobody can read."""
        stories: dict[str, _Story[I]] = defaultdict(_Story)
        unreadable = 0
        for record in piece.records:
            if (record.topic, record.partition, record.offset) in piece.parked:
                continue
            read = self._reader.read(record)
            if isinstance(read, Bad):  # it was parked, mended and redriven by code that could read it, or is new damage
                unreadable += 1
                continue
            stories[read.subject].incoming.append(read)
        for body in piece.own:
            message = decode(body)
            stories[message.subject].own.append(message)
        for story in stories.values():
            story.incoming = _each_once(story.incoming)
            story.own.sort(key=lambda message: message.sequence)
        return stories, unreadable

    def _fold(self, story: _Story[I]) -> Row[S]:
        """Order: event n of the log, other topics' events after n, own events with `afterseq` n, event n + 1."""
        row: Row[S] = Row()
        steps: list[tuple[tuple[int, int, int], Incoming[I] | Envelope]] = [
            ((i.after, 0 if i.logged else 1, i.sequence or 0), i) for i in story.incoming
        ]
        highest = 0  # a service of several topics answers them in any order: its own order stands
        for message in story.own:
            highest = max(highest, message.afterseq or 0)
            steps.append(((highest, 2, message.sequence), message))
        for _, step in sorted(steps, key=lambda step: step[0]):
            row = self._read_in(row, step) if isinstance(step, Incoming) else self._own_in(row, step)
        return row

    def _read_in(self, row: Row[S], incoming: Incoming[I]) -> Row[S]:
        seen = {**row.seen, incoming.record.topic: incoming.sequence} if incoming.sequence else row.seen
        state = row.state if incoming.given is None else self._core.evolve(row.state, incoming.given)
        if incoming.logged:
            return replace(row, seen=seen, state=state, after=incoming.after, at=incoming.at)
        return replace(row, seen=seen, state=state)

    def _own_in(self, row: Row[S], message: Envelope) -> Row[S]:
        event = self._contract.read(message).event
        row = replace(row, own=message.sequence)
        match event:
            case None:
                return row
            case Held(topic=topic):
                return replace(row, held=(*row.held, topic))
            case Released(topic=topic):
                return _without(row, topic)
            case _:
                return replace(row, state=self._core.evolve(row.state, event))

    def _verify(self, subject: str, story: _Story[I], piece: Slice, report: Report) -> None:
        work: Work[S] = Work(subject, piece.partition, Row())
        recorded = defaultdict[str | None, list[Envelope]](list)
        for message in story.own:
            recorded[message.causationid].append(message)
        for incoming in sorted(story.incoming, key=lambda i: (i.after, not i.logged, i.sequence or 0)):
            self._meanwhile(work, story.own, incoming.after, report)
            view = self._core.recall(self._events(recorded[incoming.id]), self._view)
            before, known = work.row, len(work.said)
            # It was applied, at once or redriven, so its own topic held the subject no longer.
            work.row = _without(before, incoming.record.topic)
            if self._folder.apply(work, incoming, view) is not Outcome.APPLIED:
                what = f"{incoming.record.topic} {incoming.sequence}: not applied"
                report.differences.append(Difference(subject, what))
            work.row = replace(work.row, held=before.held)
            report.decisions += 1
            self._trust_older(work, story.own, known, self._read_in(before, incoming), incoming.id, report)
        self._meanwhile(work, story.own, None, report)
        if piece.upto is not None:
            report.decisions += self._folder.fire(work, piece.upto, self._view)
        self._hold_against(subject, work.said, story.own, report)

    def _meanwhile(self, work: Work[S], own: Sequence[Envelope], before: int | None, report: Report) -> None:
        """What no event of the log caused, up to the event of this number: holds, and limits that fired.

        Parking is no decision of the core, so holds are taken from the record; it also tells between which of them
        a limit fired. That it fired at its time, and what was said then, is decided again.
        """
        while len(work.said) < len(own):
            message = own[len(work.said)]
            if before is not None and (message.afterseq or 0) >= before:
                return
            if message.type in (Held.TYPE, Released.TYPE):
                work.row = self._own_in(work.row, message)
                work.said.append(message)
                continue
            due = self._core.due(work.row.state) if work.row.state is not None else None
            if due is None or message.time != due:
                return
            row, known = work.row, len(work.said)
            self._fire_as_then(work, own, due)
            report.decisions += 1
            self._trust_older(work, own, known, row, message.causationid, report)

    def _fire_as_then(self, work: Work[S], own: Sequence[Envelope], due: datetime) -> None:
        """Fire what is due then: while held, or, just before a parked record was redriven, held no longer."""
        row, known = work.row, len(work.said)
        tries = []
        for held in dict.fromkeys((row.held, ())):
            tried: Work[S] = Work(work.subject, work.partition, replace(row, held=held))
            self._folder.fire(tried, _just_after(due), self._view)
            tries.append(tried)
        fired = max(tries, key=lambda tried: _likeness(tried.said, own[known:]))
        work.said += fired.said
        work.row = replace(fired.row, held=row.held)

    def _trust_older(
        self, work: Work[S], own: Sequence[Envelope], known: int, row: Row[S], cause: str | None, report: Report
    ) -> None:
        """Where older rules decided otherwise, count it and go on from what they said, as the running state did.

        Args:
            known: how many own events there were before. row: as it was then, with what caused this. cause: its id.
        """
        rules = own[known].rules if known < len(own) else None
        if rules is None or rules == self._core.rules:
            return
        then = list(takewhile(lambda message: message.causationid == cause, own[known:]))
        now = work.said[known:]
        if [(m.type, m.data) for m in now] == [(m.type, m.data) for m in then]:
            return
        report.older[rules] += 1
        work.said[known:] = then
        for message in then:
            row = self._own_in(row, message)
        work.row = row

    def _events(self, messages: Iterable[Envelope]) -> list[Event]:
        return [event for m in messages if (event := self._contract.read(m).event) is not None]

    def _hold_against(self, subject: str, now: Sequence[Envelope], then: Sequence[Envelope], report: Report) -> None:
        for n in range(max(len(now), len(then))):
            if n >= len(then) or n >= len(now):
                what = f"event {n + 1}: " + ("only now " + now[n].type if n < len(now) else "only then " + then[n].type)
            else:
                wrong = _differing(now[n], replace(then[n], rules=now[n].rules))
                what = f"event {n + 1} {then[n].type}: {wrong}" if wrong else ""
            if what:
                report.differences.append(Difference(subject, what))


def _each_once(incoming: list[Incoming[I]]) -> list[Incoming[I]]:
    """Repeats have the number of what they repeat."""
    kept: dict[tuple[str, int], Incoming[I]] = {}
    for one in incoming:
        kept.setdefault((one.record.topic, one.sequence or -one.record.offset), one)
    return list(kept.values())


def _likeness(now: Sequence[Envelope], then: Sequence[Envelope]) -> tuple[bool, bool]:
    """Whether all is of the same types, and whether it is the same."""
    pairs = list(zip(now, then, strict=False))
    return all(a.type == b.type for a, b in pairs), all(a.data == b.data for a, b in pairs)


def _without(row: Row[S], topic: str) -> Row[S]:
    """The row when this topic no longer holds it."""
    return replace(row, held=tuple(held for held in row.held if held != topic))


def _differing(a: msgspec.Struct, b: msgspec.Struct) -> str:
    """Names of the fields in which two records differ."""
    return ", ".join(name for name in a.__struct_fields__ if _plain(a, name) != _plain(b, name))


def _plain(struct: msgspec.Struct, name: str) -> object:
    value = getattr(struct, name)
    return bytes(value) if isinstance(value, msgspec.Raw) else msgspec.to_builtins(value)


def _just_after(at: datetime) -> datetime:
    return at + timedelta(microseconds=1)
