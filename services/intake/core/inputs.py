"""What the core is given: presses of people, and what other services and systems said, as their doors translate it."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

import msgspec

from services.intake.events.mediation import SessionMode
from services.intake.events.reception import Family
from services.kernel.envelope import Event


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts: staff id, unit, post, role (see `powers.ROLES`), and the street that the unit serves, if one."""

    staff: str
    unit: str
    street: str | None = None
    post: str = ""
    role: str


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """What another service says has happened, in the words of our own log. Always applied."""

    event: Event


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What another service proposes. id, fact_at: its event; afterseq: the last event of our log that it had seen."""

    id: str
    afterseq: int
    fact_at: datetime
    event: Event


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all presses. at: the log's time, drawn under the case's lock."""

    NAME: ClassVar[str]
    at: datetime
    by: Actor


class Register(Command, frozen=True, kw_only=True):
    NAME = "register"
    number: str
    family: Family
    kind: str
    channel: str
    community: str
    street: str | None = None
    approximate: bool = False
    lon: float | None = None
    lat: float | None = None
    scale: str = "01"
    grade: str = "04"
    system: str | None = None
    parties: int = 0
    occurred_at: datetime | None = None
    confidential: bool = False


class Accept(Command, frozen=True, kw_only=True):
    NAME = "accept"


class Decline(Command, frozen=True, kw_only=True):
    NAME = "decline"
    reason: str


class Dispatch(Command, frozen=True, kw_only=True):
    NAME = "dispatch"
    unit: str
    reason: str = ""


class Attend(Command, frozen=True, kw_only=True):
    """Without an obligation it answers the open whistle that calls the unit, where there is one."""

    NAME = "attend"
    obligation: str | None = None
    rank: int | None = None
    occurred_at: datetime | None = None


class Dispose(Command, frozen=True, kw_only=True):
    NAME = "dispose"
    occurred_at: datetime | None = None


class AddPhoto(Command, frozen=True, kw_only=True):
    """photo: the reference under which it was kept."""

    NAME = "photo"
    photo: str


class Verify(Command, frozen=True, kw_only=True):
    NAME = "verify"
    passed: bool


class Close(Command, frozen=True, kw_only=True):
    NAME = "close"
    outcome: str


class Reopen(Command, frozen=True, kw_only=True):
    NAME = "reopen"
    reason: str


class Urge(Command, frozen=True, kw_only=True):
    NAME = "urge"


class Session(Command, frozen=True, kw_only=True):
    NAME = "session"
    mode: SessionMode
    present: int
    result: str = "continued"


class Agreement(Command, frozen=True, kw_only=True):
    NAME = "agreement"
    form: Literal["written", "oral"] = "written"
    instalments: int = 0


class Perform(Command, frozen=True, kw_only=True):
    NAME = "perform"
    complete: bool = True


class Blow(Command, frozen=True, kw_only=True):
    """吹哨: without a unit it calls the lead unit."""

    NAME = "whistle"
    unit: str | None = None
    kind: str
    reason: str = ""


class Confirm(Command, frozen=True, kw_only=True):
    NAME = "confirm"
    obligation: str
    rank: int


class Acknowledge(Command, frozen=True, kw_only=True):
    """`linked`: by a signed link, which stands for the person called, even before the whistle was applied here."""

    NAME = "acknowledge"
    obligation: str
    rank: int
    answer: str = "coming"
    linked: bool = False


class Answer(Command, frozen=True, kw_only=True):
    """四要素: which of accepted_at, contacted, measures, limit were given."""

    NAME = "answer"
    obligation: str
    elements: tuple[str, ...]


class Settle(Command, frozen=True, kw_only=True):
    NAME = "settle"
    obligation: str


class Withdraw(Command, frozen=True, kw_only=True):
    NAME = "withdraw"
    obligation: str
    reason: str


class OrderRevision(Command, frozen=True, kw_only=True):
    NAME = "revise"
    policy_version: int | None = None
    calendar_version: int | None = None


class ErasePerson(Command, frozen=True, kw_only=True):
    NAME = "erase"
    party: str


Given = Command | Fact | Proposal
