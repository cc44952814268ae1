"""What the core is told: the case's log, and the passing of time, in its own words.

Every input has `at`: the log's time (decision 4). `doors/topics.py` makes them of intake's wire types. A fact's name
is the wire type without its version (`case.accepted`), which is also the word that policies use.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

REGISTERED, ASSIGNED, PANEL_FORMED = "case.registered", "case.assigned", "case.panel_formed"
ACCEPTED, DECLINED, ATTENDED, DISPOSED = "case.accepted", "case.declined", "case.attended", "case.disposed"
VERIFIED, SESSION_HELD, AGREEMENT_REACHED = "case.verified", "case.session_held", "case.agreement_reached"
PERFORMED, CLOSED, REOPENED = "case.performed", "case.closed", "case.reopened"

FACTS = frozenset(
    {
        *(REGISTERED, ASSIGNED, PANEL_FORMED, ACCEPTED, DECLINED, ATTENDED, DISPOSED),
        *(VERIFIED, SESSION_HELD, AGREEMENT_REACHED, PERFORMED, CLOSED),
    }
)
"""The facts that a policy may name."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all inputs."""

    at: datetime


class Registered(Given, frozen=True, kw_only=True):
    """A case begins. seat: the unit whose duty seat hears of it while it has no centre."""

    family: str
    kind: str
    seat: str | None = None
    occurred_at: datetime | None = None


class Assigned(Given, frozen=True, kw_only=True):
    """The case has a lead unit: by routing, by hand, or handed up or down. centre: None where nothing says so."""

    unit: str
    centre: str | None = None


class Declined(Given, frozen=True, kw_only=True):
    """The lead unit sent it back."""

    unit: str


class Done(Given, frozen=True, kw_only=True):
    """Something was done that a step may wait for: accepted, panel formed, session held, disposed, performed …

    fact: its name. passed: False for a verification that sends the case back for rework.
    """

    fact: str
    passed: bool = True
    occurred_at: datetime | None = None


class Attended(Given, frozen=True, kw_only=True):
    """Somebody is on site. obligation, rank: which call it answers; None: not said."""

    unit: str
    obligation: str | None = None
    rank: int | None = None
    occurred_at: datetime | None = None


class Closed(Given, frozen=True, kw_only=True):
    """The case is over."""


class Reopened(Given, frozen=True, kw_only=True):
    """It is not over: new limits begin."""


class RevisionOrdered(Given, frozen=True, kw_only=True):
    """A newer policy or calendar is to govern the running limits. None: not that one."""

    policy_version: int | None = None
    calendar_version: int | None = None


class WhistleRequested(Given, frozen=True, kw_only=True):
    """A centre or street blows. number: of the request on the case's log; each is answered once."""

    number: int
    obligation: str
    unit: str


class WhistleConfirmed(Given, frozen=True, kw_only=True):
    """The whistle-holder wants the proposed rank blown. number: as above."""

    number: int
    obligation: str
    rank: int


class WhistleAcknowledged(Given, frozen=True, kw_only=True):
    """Whoever was called has read it."""

    obligation: str
    rank: int


class WhistleSettled(Given, frozen=True, kw_only=True):
    """The matter behind the whistle is settled."""

    obligation: str


class WhistleWithdrawn(Given, frozen=True, kw_only=True):
    """Whoever blew takes it back."""

    obligation: str


class BlownApplied(Given, frozen=True, kw_only=True):
    """Intake has applied that this rank was blown: from here patience counts."""

    obligation: str
    rank: int


class Told(Given, frozen=True, kw_only=True):
    """Somebody was told of this rank, or (reached False) nobody could be: from here the rank's wait counts."""

    obligation: str
    rank: int
    reached: bool = True


class Superseded(Given, frozen=True, kw_only=True):
    """Intake did not apply what was proposed for this whistle: what it rested on had changed. number: as above."""

    number: int
    obligation: str


class Passed(Given, frozen=True, kw_only=True):
    """The log went on, or a hold is over. What passed unconfirmed before now counts."""


class Due(Given, frozen=True, kw_only=True):
    """The log has passed `at`, when something was due. held: records of the case are parked, so nobody knows."""

    held: bool = False
