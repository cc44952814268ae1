"""What the projection is told: the case's log, and what the other topics add, in its own words.

`at` is the log's time, or for a fact of another service the time of that fact.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Outcome = Literal["met", "missed", "stopped", "unconfirmed"]
RankStep = Literal["proposed", "withdrawn", "confirmed", "blown", "told", "undeliverable", "acknowledged"]


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all inputs."""

    at: datetime


class Registered(Given, frozen=True, kw_only=True):
    """受理登记. street: street code, None where no place is known."""

    number: str
    family: str
    kind: str
    channel: str
    community: str
    street: str | None = None
    system: str | None = None


class Led(Given, frozen=True, kw_only=True):
    """The case has a lead unit, by routing or by hand. centre: None where it stays as it was."""

    unit: str
    centre: str | None = None


class Stuck(Given, frozen=True, kw_only=True):
    """无处可派."""

    reason: str


class Done(Given, frozen=True, kw_only=True):
    """A step was done.

    fact: the wire type without its version (`case.accepted`). passed: False sends it back, or it is not complete.
    obligation, rank: the whistle that an attendance answers.
    """

    fact: str
    passed: bool = True
    obligation: str | None = None
    rank: int | None = None


class Closed(Given, frozen=True, kw_only=True):
    """结案."""

    outcome: str


class Reopened(Given, frozen=True, kw_only=True):
    """重新办理."""


class RevisionOrdered(Given, frozen=True, kw_only=True):
    """Escalation owes an answer, if any limit runs."""


class LimitBegan(Given, frozen=True, kw_only=True):
    """A limit runs. obligation, rank: the whistle whose wait it is."""

    limit: str
    step: str
    start: datetime
    due_at: datetime
    near_at: datetime
    policy_version: int
    obligation: str | None = None
    rank: int | None = None


class LimitEnded(Given, frozen=True, kw_only=True):
    """What became of a limit."""

    limit: str
    outcome: Outcome
    reported_late: bool = False


class LimitMoved(Given, frozen=True, kw_only=True):
    """A limit was revised. near_at: None where the event did not tell it."""

    limit: str
    due_at: datetime
    near_at: datetime | None = None
    policy_version: int


class WhistleRequested(Given, frozen=True, kw_only=True):
    """吹哨 by a centre or a street."""

    obligation: str
    unit: str
    by_unit: str


class Ranked(Given, frozen=True, kw_only=True):
    """Something happened to one rank of a whistle. unit, post: whom it calls, where the event tells."""

    obligation: str
    rank: int
    step: RankStep
    unit: str = ""
    post: str = ""


class WhistleRefused(Given, frozen=True, kw_only=True):
    """What was asked for or confirmed can't be blown."""

    obligation: str


class WhistleExhausted(Given, frozen=True, kw_only=True):
    """Nobody of the ladder came."""

    obligation: str


class WhistleEnded(Given, frozen=True, kw_only=True):
    """settled or withdrawn."""

    obligation: str
    how: str


class Held(Given, frozen=True, kw_only=True):
    """系统暂存: `service` holds the case behind a record of `topic`."""

    service: str
    topic: str
    reason: str


class Released(Given, frozen=True, kw_only=True):
    """It goes on."""

    service: str
    topic: str


class Elsewhere(Given, frozen=True, kw_only=True):
    """An event of another topic than the case's log: counted by type.

    limit, met_by: where it began a limit, the facts that meet it; the log does not tell them.
    """

    type: str
    limit: str | None = None
    met_by: tuple[str, ...] = ()


Input = (
    Registered
    | Led
    | Stuck
    | Done
    | Closed
    | Reopened
    | RevisionOrdered
    | LimitBegan
    | LimitEnded
    | LimitMoved
    | WhistleRequested
    | Ranked
    | WhistleRefused
    | WhistleExhausted
    | WhistleEnded
    | Held
    | Released
    | Elsewhere
)
