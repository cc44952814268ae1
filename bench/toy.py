"""The subject under measurement: it counts, and may wait for an answer. One state change and one output a record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import ClassVar, TypeAlias

import msgspec

from services.kernel.envelope import Contract, Envelope, Event
from services.kernel.reading import OwnReader, Source

SERVICE, LOG_SERVICE = "bench", "benchlog"
LOG, OUT = "bench.log", "bench.out"


class Added(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "bench.added.v1"
    n: int


class Asked(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "bench.asked.v1"
    within_ms: int


class Counted(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "bench.counted.v1"
    total: int


class Missed(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "bench.missed.v1"
    due_at: datetime


class Given(msgspec.Struct, frozen=True):
    at: datetime
    event: Event


class Due(msgspec.Struct, frozen=True):
    at: datetime


Input: TypeAlias = Given | Due


class Meter(msgspec.Struct, frozen=True):
    total: int = 0
    due_at: datetime | None = None


class ToyCore:
    """The rules."""

    rules = 1

    def decide(self, state: Meter | None, given: Input, view: None) -> Sequence[Event]:
        if isinstance(given, Due):
            return (Missed(due_at=given.at),)
        if isinstance(given.event, Added):
            return (Counted(total=(state.total if state else 0) + given.event.n),)
        return ()

    def evolve(self, state: Meter | None, event: Input | Event) -> Meter:
        if isinstance(event, Counted):
            return Meter(event.total, state.due_at if state else None)
        if isinstance(event, Missed):
            return Meter(state.total if state else 0)
        if isinstance(event, Given) and isinstance(event.event, Asked):
            return Meter(state.total if state else 0, event.at + timedelta(milliseconds=event.event.within_ms))
        return state or Meter()

    def due(self, state: Meter) -> datetime | None:
        return state.due_at

    def fired(self, at: datetime, held: bool) -> Input:
        return Due(at)

    def recall(self, recorded: Sequence[Event], view: None) -> None:
        return view


def _given(message: Envelope, event: Event) -> Input:
    return Given(message.time, event)


def reader() -> OwnReader[Input]:
    """The door to the log."""
    return OwnReader(Source(LOG, Contract(Added, Asked), _given, log=True))
