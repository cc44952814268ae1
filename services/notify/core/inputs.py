"""What the core is given: translated by `doors/topics.py` from two topics, and by the sender from its channels.

`after`: number on case.intake of the last event that the asking event rests on; for an event of case.intake itself
its own number. `at`: the asking event's time on the log; the roster is read for that moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Registered:
    """A case begins. What messages say of it; codes alone, no person."""

    number: str
    kind: str
    community: str
    street: str | None


@dataclass(frozen=True, slots=True)
class Entrusted:
    """A unit has the case now: assigned, dispatched by hand, or handed up or down. centre: who supervises it."""

    at: datetime
    after: int
    unit: str
    centre: str | None = None


@dataclass(frozen=True, slots=True)
class Urged:
    """催办: the duty seat asks the unit to hurry."""

    at: datetime
    after: int
    unit: str


@dataclass(frozen=True, slots=True)
class Reopened:
    """重新办理: the last lead unit gets it again."""

    at: datetime
    after: int


@dataclass(frozen=True, slots=True)
class Requested:
    """Somebody asked for a whistle; their unit holds it (吹哨权) and will confirm its next ranks."""

    obligation: str
    by_unit: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The whole case (obligation None) or one whistle is over. by: staff id of who ended it; needs no word of it."""

    after: int
    by: str
    obligation: str | None = None


@dataclass(frozen=True, slots=True)
class SeatNeeded:
    """A duty seat has to look.

    purpose: proposed, unconfirmed, untold, unroutable, held, reminder. number: of the asking event on its topic.
    seat: the unit whose seat it is, where the event names it. about: the whistle or limit concerned.
    """

    at: datetime
    after: int
    number: int
    purpose: str
    seat: str | None = None
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Intake applied that nobody could be reached for this obligation: the duty seat telephones."""

    at: datetime
    after: int
    obligation: str
    rank: int


@dataclass(frozen=True, slots=True)
class Blown:
    """A rank of a whistle is blown: call whoever holds `post` in `unit`."""

    at: datetime
    after: int
    obligation: str
    rank: int
    unit: str
    post: str
    respond_within_s: int


@dataclass(frozen=True, slots=True)
class Key:
    """Names one call of a case."""

    purpose: str
    obligation: str
    rank: int

    def __str__(self) -> str:
        return f"{self.purpose}/{self.obligation}/{self.rank}"


@dataclass(frozen=True, slots=True)
class Delivered:
    """The sender's committed result: a channel took the message for this person, at the attempt of this number."""

    key: Key
    staff: str
    channel: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Failed:
    """The sender's committed result: no channel of this person took it. reason: no_contact, refused, unanswered."""

    key: Key
    staff: str
    reason: str


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The sender's committed result: it found that the call is over, and sent nothing."""

    key: Key


Given: TypeAlias = (
    Registered
    | Entrusted
    | Urged
    | Reopened
    | Requested
    | Ended
    | SeatNeeded
    | Undelivered
    | Blown
    | Delivered
    | Failed
    | Overtaken
)
