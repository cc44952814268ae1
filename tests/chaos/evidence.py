"""What the ledger looks at: what clients, the broker, the databases and the sinks say, each read on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

import msgspec

ACKNOWLEDGED, REFUSED, UNKNOWN = "acknowledged", "refused", "unknown"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one press, for its client. key: its Idempotency-Key. at: seconds of the client's clock.

    outcome: acknowledged; refused (a clear no); unknown (no answer, or one that says nothing about what was done).
    sequence: of the last event that the press wrote, as the answer says it.
    """

    at: float
    key: str
    staff: str
    command: str
    door: str
    outcome: str
    status: int = 0
    case: str = ""
    sequence: int = 0


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A record that the outside system published. content: names what it says, so that a repeat is seen as one."""

    at: float
    event_id: str
    content: str
    outcome: str


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A message that a sink took. id: the same for every repeat. to: staff id."""

    at: float
    id: str
    channel: str
    to: str
    case: str
    obligation: str
    rank: int
    purpose: str


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was done to processes. until: when they were whole again. touches: services that it stopped."""

    at: float
    until: float
    what: str
    target: str
    pending: str
    touches: tuple[str, ...]


class Zombie(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that was frozen past its session: the database sessions that it had, when it woke, and when it ended;
    None where it joined its group again instead.

    sends: the process also sends messages. What came of one is a fact from outside, which it may write
    (`outlets.zombies`).
    """

    application: str
    sends: bool = False
    backends: tuple[int, ...]
    woke: float
    ended: float | None


class Entry(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A record as it lies on a topic."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    id: str
    type: str
    sequence: int
    time: datetime
    afterseq: int | None = None
    cause: str | None = None

    @cached_property
    def data(self) -> Mapping[str, object]:
        """The event's own fields."""
        read: dict[str, dict[str, object]] = msgspec.json.decode(self.value)
        return read["data"]

    def text(self, name: str) -> str:
        """A field of the data as text; empty where it is not there."""
        return str(self.data.get(name) or "")


class Archived(msgspec.Struct, frozen=True, kw_only=True):
    """An event as its publisher's table has it."""

    topic: str
    key: str
    sequence: int
    id: str
    body: bytes


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What a service has applied of one subject."""

    seen: Mapping[str, int]
    held: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Schema:
    """One service's schema at the end. positions: next offset by (topic, partition). fresh: due deliveries."""

    events: Sequence[Archived] = ()
    states: Mapping[str, State] = field(default_factory=dict)
    positions: Mapping[tuple[str, int], int] = field(default_factory=dict)
    parked: int = 0
    unpublished: int = 0


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A write to a position, as a trigger saw it. `before` is None for a partition never claimed."""

    at: float
    application: str
    backend: int
    schema: str
    topic: str
    partition: int
    epoch_before: int | None
    epoch: int
    before: int | None
    next_offset: int


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that wrote events or states, as a trigger saw it.

    causes: of notify's events, each one's `causationid`; empty for states and for the events of others.
    """

    at: float
    application: str
    backend: int
    table: str
    rows: int
    transaction: int = 0
    causes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Everything. committed: idempotency keys that intake's table holds with an answer. ends: of every partition."""

    answers: Sequence[Answer] = ()
    sent: Sequence[Sent] = ()
    topics: Mapping[str, Sequence[Entry]] = field(default_factory=dict)
    ends: Mapping[tuple[str, int], int] = field(default_factory=dict)
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    committed: frozenset[str] = frozenset()
    arrivals: Sequence[Arrival] = ()
    faults: Sequence[Fault] = ()
    zombies: Sequence[Zombie] = ()
    moved: Sequence[Moved] = ()
    written: Sequence[Written] = ()

    @cached_property
    def once(self) -> Mapping[str, Sequence[Entry]]:
        """The topics without repeats: of each key and number the first record."""
        return {topic: first_of_each(entries) for topic, entries in self.topics.items()}

    @cached_property
    def log(self) -> Mapping[str, Sequence[Entry]]:
        """`case.intake` by case, in order, without repeats."""
        return by_key(self.once.get("case.intake", ()))


def first_of_each(entries: Sequence[Entry]) -> list[Entry]:
    seen: set[tuple[str, int]] = set()
    kept = []
    for entry in sorted(entries, key=lambda e: (e.partition, e.offset)):
        if (entry.key, entry.sequence) not in seen:
            seen.add((entry.key, entry.sequence))
            kept.append(entry)
    return kept


def by_key(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.key, []).append(entry)
    return found
