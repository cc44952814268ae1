"""A toy's worker by hand: the fold over records in any delivery, with what it parks, and what it leaves to a replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec
from hypothesis import strategies as st

from deploy.replay.replayer import Replayer, Slice
from services.kernel.core import Bad, Record, Row
from services.kernel.envelope import Contract, Envelope, Event, encode
from services.kernel.fold import Folder, Outcome, Work
from services.kernel.holding import Held, Released
from tests.kernel.toy import (
    NINE,
    Added,
    Answered,
    Asked,
    Counted,
    Due,
    Input,
    Met,
    Meter,
    Missed,
    ToyCore,
    message,
    toy_reader,
)


class Unsure(Event, frozen=True, kw_only=True):
    """The limit passed while the subject was held."""

    TYPE: ClassVar[str] = "toy.unsure.v1"
    due_at: datetime


class Careful(ToyCore):
    """While held it does not know, and says so; so what is told wrongly shows in all that follows."""

    def decide(self, state: Meter | None, given: Input, view: None) -> Sequence[Event]:
        if isinstance(given, Due) and given.held:
            return (Unsure(due_at=given.at),)
        return super().decide(state, given, view)

    def evolve(self, state: Meter | None, event: Input | Event) -> Meter:
        return Meter((state or Meter()).total + 1000) if isinstance(event, Unsure) else super().evolve(state, event)


CONTRACT = Contract(Counted, Met, Missed, Unsure, Held, Released)
LATER = NINE + timedelta(days=1)
HOLDS = (Held.TYPE, Released.TYPE)

events = st.one_of(
    st.builds(Added, n=st.integers(1, 9)),
    st.builds(Asked, within_s=st.sampled_from((10.0, 30.0, 60.0))),
    st.just(Answered()),
)
logs = st.lists(st.tuples(events, st.sampled_from((0, 1, 10, 29, 30, 31, 100))), min_size=1, max_size=12)


def at(seconds: float) -> datetime:
    return NINE + timedelta(seconds=seconds)


def log_of(plan: Sequence[tuple[Event, int]], subject: str = "m") -> list[Envelope]:
    """The subject's log: events with the seconds since the one before."""
    now, log = NINE, []
    for number, (event, wait) in enumerate(plan, 1):
        now += timedelta(seconds=wait)
        log.append(message(subject, number, event, now))
    return log


@dataclass
class Running:
    """One subject. `arrive` is the processor's part, without a store: records, what is parked, marks, redrive."""

    core: Any = field(default_factory=ToyCore)
    work: Work[Meter] = field(default_factory=lambda: Work("m", 0, Row()))
    records: list[Record] = field(default_factory=list)
    parked: list[Record] = field(default_factory=list)
    upto: datetime | None = None

    def __post_init__(self) -> None:
        self.folder: Folder[Meter, Any, None] = Folder("toy", self.core)
        self.reader = toy_reader()

    def arrive(self, value: bytes) -> Outcome:
        """The next record of the partition."""
        made = Record("toy.log", 0, len(self.records), b"m", value)
        self.records.append(made)
        read, known = self.reader.read(made), len(self.work.parked)
        if isinstance(read, Bad):
            outcome = self.folder.hold(self.work, read.record, read.reason, self.work.row.at or NINE)
        else:
            outcome = self.folder.apply(self.work, read, None)
        self.parked += [parked for parked, _ in self.work.parked[known:]]
        return outcome

    def mark(self, upto: datetime) -> None:
        """A mark at our position."""
        if self.upto is None or upto > self.upto:
            self.folder.fire(self.work, upto, None)
            self.upto = upto

    def mend(self) -> None:
        """Somebody throws out what nobody can read."""
        self.parked = [one for one in self.parked if not isinstance(self.reader.read(one), Bad)]

    def redrive(self) -> int:
        if not self.parked:
            return 0
        done = self.folder.redrive(self.work, "toy.log", [self.reader.read(one) for one in self.parked], None)
        gone = {one.record.offset for one in done}
        self.parked = [one for one in self.parked if one.offset not in gone]
        return len(done)

    @property
    def said(self) -> list[Envelope]:
        return self.work.said

    @property
    def spoken(self) -> list[tuple[str, int | None, datetime, bytes]]:
        """What was said, without holds and numbers: type, after which event, when, what."""
        return [(m.type, m.afterseq, m.time, bytes(m.data)) for m in self.said if m.type not in HOLDS]

    # What a replay is given

    def piece(self, own: Sequence[Envelope] | None = None) -> Slice:
        parked = frozenset((one.topic, one.partition, one.offset) for one in self.parked)
        return Slice(0, self.records, [encode(m) for m in (self.said if own is None else own)], parked, self.upto)

    def rows(self) -> dict[str, bytes]:
        return {"m": msgspec.json.encode(self.work.row)}


def replayer(core: Any = None) -> Replayer[Meter, Any, None]:
    return Replayer("toy", core or ToyCore(), toy_reader(), CONTRACT, Meter, None)
