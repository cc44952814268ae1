"""A toy subject for the kernel's tests: a meter that counts, and may be asked to answer within a time.

It has what a service has: a log of somebody else's, own events, limits, and a view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar, TypeAlias

import msgspec

from services.kernel.core import Record
from services.kernel.envelope import Contract, Envelope, Event, derived_id, encode, envelope
from services.kernel.holding import Held, Released
from services.kernel.partitioning import partition_of
from services.kernel.reading import OwnReader, Source

LOG, OUT = "toy.log", "toy.out"
NINE = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Added(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "toy.added.v1"
    n: int


class Asked(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "toy.asked.v1"
    within_s: float


class Answered(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "toy.answered.v1"


class Counted(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "toy.counted.v1"
    total: int


class Met(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "toy.met.v1"


class Missed(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "toy.missed.v1"
    due_at: datetime
    held: bool = False


LOG_CONTRACT = Contract(Added, Asked, Answered)
OUT_CONTRACT = Contract(Counted, Met, Missed, Held, Released)


@dataclass(frozen=True, slots=True)
class Given:
    at: datetime
    event: Added | Asked | Answered


@dataclass(frozen=True, slots=True)
class Due:
    at: datetime
    held: bool


Input: TypeAlias = Given | Due


class Meter(msgspec.Struct, frozen=True):
    total: int = 0
    due_at: datetime | None = None


class ToyCore:
    rules = 1

    def decide(self, state: Meter | None, given: Input, view: None) -> Sequence[Event]:
        match given:
            case Given(event=Added(n=n)):
                return (Counted(total=(state.total if state else 0) + n),)
            case Given(event=Answered()) if state and state.due_at:
                return (Met(),)
            case Due(at=at, held=held):
                return (Missed(due_at=at, held=held),)
            case _:
                return ()

    def evolve(self, state: Meter | None, event: Input | Event) -> Meter:
        state = state or Meter()
        match event:
            case Given(at=at, event=Asked(within_s=within)):
                return Meter(state.total, at + timedelta(seconds=within))
            case Counted(total=total):
                return Meter(total, state.due_at)
            case Met() | Missed():
                return Meter(state.total)
            case _:
                return state

    def due(self, state: Meter) -> datetime | None:
        return state.due_at

    def fired(self, at: datetime, held: bool) -> Input:
        return Due(at, held)

    def recall(self, recorded: Sequence[Event], view: None) -> None:
        return view


def toy_reader() -> OwnReader[Input]:
    return OwnReader(Source(LOG, LOG_CONTRACT, lambda message, event: Given(message.time, event), log=True))  # type: ignore[arg-type]


def message(subject: str, sequence: int, event: Event, at: datetime) -> Envelope:
    """An event of the toy's log."""
    id_ = derived_id(subject, event.TYPE, sequence)
    return envelope(event, id=id_, service="toylog", subject=subject, time=at, sequence=sequence)


def record(offset: int, message_: Envelope, topic: str = LOG) -> Record:
    key = message_.subject
    return Record(topic, partition_of(key), offset, key.encode(), encode(message_))


class Writer:
    """Writes the toy's log as records, with offsets per partition and numbers per subject."""

    def __init__(self) -> None:
        self.offsets: dict[int, int] = {}
        self.numbers: dict[str, int] = {}
        self.at = NINE

    def say(self, subject: str, event: Event, after_s: float = 0.0) -> Record:
        self.at += timedelta(seconds=after_s)
        self.numbers[subject] = number = self.numbers.get(subject, 0) + 1
        return self.place(subject, encode(message(subject, number, event, self.at)))

    def place(self, subject: str, value: bytes) -> Record:
        """Any bytes under this key, at the next offset of its partition."""
        partition = partition_of(subject)
        offset = self.offsets.get(partition, 0)
        self.offsets[partition] = offset + 1
        return Record(LOG, partition, offset, subject.encode(), value)
