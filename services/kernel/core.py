"""What a service gives to the processor: two pure functions, and how to read what comes in.

A core decides and evolves (decision 5); it knows no clock, no database, no topic. The kernel says *subject* for
what a log is about; for most services it is a case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import msgspec

from services.kernel.envelope import Envelope, Event

S = TypeVar("S")  # a subject's state: a frozen msgspec.Struct
I = TypeVar("I")  # noqa: E741 - what a core is given: the service's own input types
V = TypeVar("V")  # what a decision may look at beyond its subject: policies, the directory, loads


class Core(Protocol[S, I, V]):
    """The rules of one service for one subject. All three functions are pure."""

    @property
    def rules(self) -> int:
        """Version of the rules, raised whenever `decide` changes; written into every own event."""

    def decide(self, state: S | None, given: I, view: V) -> Sequence[Event]:
        """What `given` makes true: own events, in order. Deciding again once they are applied says nothing more."""

    def evolve(self, state: S | None, event: I | Event) -> S | None:
        """Apply what is true: an input, or an own event. Never refuses, never decides; rebuild uses it alone."""

    def due(self, state: S) -> datetime | None:
        """When the earliest limit of this subject is due; None while nothing is awaited."""

    def fired(self, at: datetime, held: bool) -> I:
        """The input that says: the log has passed `at`, a time that `due` gave. held: records of it are parked."""

    def recall(self, recorded: Sequence[Event], view: V) -> V:
        """For verify: the view in which `recorded` was decided, out of their basis. Often just `view`."""


class Row(msgspec.Struct, Generic[S], frozen=True, kw_only=True, omit_defaults=True):
    """All that a store keeps of one subject.

    seen: number of the last event applied, per topic. own: number of the last own event.
    after: number of the last event of the subject's log. at: the log's time of that event.
    held: topics on which records of this subject are parked.
    """

    seen: dict[str, int] = {}
    own: int = 0
    after: int = 0
    at: datetime | None = None
    held: tuple[str, ...] = ()
    state: S | None = None


class Record(msgspec.Struct, frozen=True):  # a struct, like Incoming: one is made for every record
    """A record as a transport hands it over. `timestamp_ms` is the broker's, for the display of lag alone."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int = 0


class Incoming(msgspec.Struct, Generic[I], frozen=True):
    """A record that could be read. `given` is None where the core has no use for it: only its number is kept.

    subject: whose state it concerns. sequence: its number on its topic per key, None where the topic has no numbers
    (an outside system). logged: it is of the subject's log, so its number is the `afterseq` of what follows.
    at: its time on the log; limits due before it fire first. unknown: its type, or "<type> fields", where this release
    does not know that type or all of its fields.
    """

    record: Record
    subject: str
    id: str
    sequence: int | None
    at: datetime
    after: int
    logged: bool
    given: I | None
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Bad:
    """A record that can't be read: it holds `subject`, or without one the subject that its key names. `reason` is a
    code with the name of a field, never a value."""

    record: Record
    subject: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class Said:
    """An own event for another topic than the service's main one. `key` decides the partition.

    lane: the partition whose epoch guards it, where that is not the one of `key`.
    """

    topic: str
    key: str
    message: Envelope
    lane: int | None = None


class Reader(Protocol[I]):
    """A service's door to its topics: translates wire types to inputs, once."""

    def read(self, record: Record) -> Incoming[I] | Bad:
        """Never raises: what can't be read is `Bad`."""
