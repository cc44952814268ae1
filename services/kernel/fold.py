"""The processor's heart, pure: what one more record, or the passing of time, makes of a subject.

Live, late, restarted and replayed runs are these functions. Order per subject: event n of the log, the own events
with `afterseq` n in their own order, event n + 1. Limits due before t fire before an event of time t; a tie goes to
the event (decisions 4 and 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Generic

from msgspec.structs import replace

from services.kernel.core import Bad, Core, I, Incoming, Record, Row, S, V
from services.kernel.envelope import Envelope, Event, derived_id, envelope
from services.kernel.holding import Held, Released


class Outcome(Enum):
    """What became of a record. Every record has one of these."""

    APPLIED = "applied"
    REPEATED = "repeated"  # its number was applied before
    PARKED = "parked"  # it, or one before it, can't be applied


@dataclass(slots=True)
class Work(Generic[S]):
    """One subject during one batch: its row as it becomes, and what it said.

    stamp: the writer's own clock under the subject's lock, where own events are the log; else times come from the log.
    """

    subject: str
    partition: int
    row: Row[S]
    stamp: datetime | None = None
    said: list[Envelope] = field(default_factory=list)
    parked: list[tuple[Record, str]] = field(default_factory=list)
    changed: bool = False

    def time(self, at: datetime) -> datetime:
        """The time of what is said now, because of something that happened at this time of its own log."""
        return self.stamp or at


class Folder(Generic[S, I, V]):
    """Applies records and the passing of time to subjects by a core.

    Args:
        service: its name, for `source` and ids.
        core: its rules.
        log: own events are themselves the subject's log (intake); then they carry no `afterseq`.
    """

    def __init__(self, service: str, core: Core[S, I, V], *, log: bool = False) -> None:
        self.service, self.core, self.log = service, core, log

    def apply(self, work: Work[S], incoming: Incoming[I], view: V) -> Outcome:
        """One record that could be read."""
        topic, row = incoming.record.topic, work.row
        if incoming.sequence is not None:
            last = row.seen.get(topic, 0)
            if incoming.sequence <= last:
                return Outcome.REPEATED
            if topic in row.held:
                return self._park(work, incoming.record, "behind")
            if incoming.sequence != last + 1:
                return self.hold(work, incoming.record, "gap", incoming.at)
        self._admit(work, incoming, view)
        return Outcome.APPLIED

    def _admit(self, work: Work[S], incoming: Incoming[I], view: V) -> None:
        """Fire what is due before it, number it, then decide."""
        if incoming.logged:
            self.fire(work, incoming.at, view)
        row, topic = work.row, incoming.record.topic
        seen = row.seen if incoming.sequence is None else {**row.seen, topic: incoming.sequence}
        after, at = (incoming.after, incoming.at) if incoming.logged else (row.after, row.at)
        work.row = replace(row, seen=seen, after=after, at=at)
        work.changed = True
        if incoming.given is not None:
            self._step(work, incoming.given, incoming.id, work.time(incoming.at), incoming.after, view)

    def fire(self, work: Work[S], before: datetime, view: V) -> int:
        """Fire the limits due before this time of the log, in order.

        Returns: how many times something was due.
        Raises: RuntimeError, if a limit that fired did not move on: a fault of the core that would loop for ever.
        """
        fired = 0
        while work.row.state is not None and (due := self.core.due(work.row.state)) is not None and due < before:
            cause = derived_id(work.subject, f"{self.service}.due", int(due.timestamp() * 1_000_000))
            given = self.core.fired(due, bool(work.row.held))
            self._say(work, self._decide(work, given, view), cause, due, work.row.after)
            left = self.core.due(work.row.state) if work.row.state is not None else None
            if left is not None and left <= due:
                raise RuntimeError(f"{self.service}: a limit of {work.subject} fired at {due} but did not move on")
            fired += 1
        return fired

    def _step(self, work: Work[S], given: I, cause: str, at: datetime, after: int, view: V) -> None:
        """An input of a log: decide on the state before it, apply it, then apply what was decided."""
        own = self.core.decide(work.row.state, given, view)
        self._evolve(work, (given, *own))
        self._say(work, own, cause, at, after)

    def _decide(self, work: Work[S], given: I, view: V) -> Sequence[Event]:
        """The passing of time: no event of a log, so nothing but what is decided changes the state."""
        own = self.core.decide(work.row.state, given, view)
        self._evolve(work, own)
        return own

    def _evolve(self, work: Work[S], events: Sequence[I | Event]) -> None:
        state = work.row.state
        for event in events:
            state = self.core.evolve(state, event)
        work.row = replace(work.row, state=state)
        work.changed = True

    def _say(self, work: Work[S], own: Sequence[Event], cause: str, at: datetime, after: int) -> None:
        if not own:
            return
        number = work.row.own
        for ordinal, event in enumerate(own):
            number += 1
            work.said.append(
                envelope(
                    event,
                    id=derived_id(cause, event.TYPE, ordinal),
                    service=self.service,
                    subject=work.subject,
                    time=at,
                    sequence=number,
                    causationid=cause,
                    afterseq=None if self.log else after,
                    rules=self.core.rules,
                )
            )
        work.row = replace(work.row, own=number, at=at if self.log else work.row.at)
        work.changed = True

    def hold(self, work: Work[S], record: Record, reason: str, at: datetime) -> Outcome:
        """A record that can't be read or applied: park it, hold its subject on that topic, say so."""
        if record.topic in work.row.held:
            return self._park(work, record, "behind")
        work.row = replace(work.row, held=(*work.row.held, record.topic))
        said = Held(topic=record.topic, partition=record.partition, offset=record.offset, reason=reason)
        cause = f"{record.topic}/{record.partition}/{record.offset}"
        self._say(work, (said,), derived_id(cause, "hold", 0), work.time(at), work.row.after)
        return self._park(work, record, reason)

    def redrive(self, work: Work[S], topic: str, parked: Sequence[Incoming[I] | Bad], view: V) -> list[Incoming[I]]:
        """Apply what was parked, in order of number, at its own times; release the subject if nothing is left.

        Returns: what need not stay parked: applied now, or a repeat of what was applied.
        """
        readable = [read for read in parked if isinstance(read, Incoming)]
        held, done = work.row.held, list[Incoming[I]]()
        work.row = replace(work.row, held=tuple(t for t in held if t != topic))
        for incoming in sorted(readable, key=lambda read: (read.sequence or 0, read.record.offset)):
            last = work.row.seen.get(topic, 0)
            if incoming.sequence is not None and incoming.sequence > last + 1:
                break
            if incoming.sequence is None or incoming.sequence == last + 1:
                self._admit(work, incoming, view)
            done.append(incoming)
        if len(done) == len(parked):
            self.release(work, topic, work.row.at or done[-1].at, len(done))
        else:
            work.row = replace(work.row, held=held)
        return done

    def release(self, work: Work[S], topic: str, at: datetime, redriven: int) -> None:
        """All parked records of this subject on `topic` were applied."""
        work.row = replace(work.row, held=tuple(held for held in work.row.held if held != topic))
        cause = derived_id(f"{work.subject}/{topic}", "release", work.row.own)
        self._say(work, (Released(topic=topic, redriven=redriven),), cause, work.time(at), work.row.after)

    def _park(self, work: Work[S], record: Record, reason: str) -> Outcome:
        work.parked.append((record, reason))
        work.changed = True
        return Outcome.PARKED
