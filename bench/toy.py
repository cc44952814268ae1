"""The subject under measurement: it counts. One state change and one output a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import msgspec

from services.kernel.envelope import Contract, Event
from services.kernel.reading import OwnReader, Source

SERVICE, GROUP, LOG, OUT = "bench", "bench", "bench.log", "bench.out"


class Added(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "bench.added.v1"
    n: int


class Counted(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "bench.counted.v1"
    total: int


@dataclass(frozen=True, slots=True)
class Given:
    n: int


class Meter(msgspec.Struct, frozen=True):
    total: int = 0
    due_at: datetime | None = None


class ToyCore:
    rules = 1

    def decide(self, state: Meter | None, given: Given, view: None) -> Sequence[Event]:
        return (Counted(total=(state.total if state else 0) + given.n),)

    def evolve(self, state: Meter | None, event: Given | Event) -> Meter:
        if isinstance(event, Counted):
            return Meter(event.total)
        return state or Meter()

    def due(self, state: Meter) -> datetime | None:
        return state.due_at

    def fired(self, at: datetime, held: bool) -> Given:
        raise AssertionError("nothing is due here")

    def recall(self, recorded: Sequence[Event], view: None) -> None:
        return view


def reader() -> OwnReader[Given]:
    return OwnReader(Source(LOG, Contract(Added), lambda _, event: Given(event.n), log=True))  # type: ignore[attr-defined]
