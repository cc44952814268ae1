"""The ladder of a whistle (吹哨报到)."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from services.kernel.envelope import Event


class Rung(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rank of a ladder, as the policy wrote it.

    unit: `lead`, `centre`, or the id of a unit. post: whom of it. mode: `propose` or `blow`, once this rank is due.
    within: from told until attendance. settle: from attendance until settled. acknowledge: from told until read.
    All three as in `LimitSet.within`.
    """

    unit: str
    post: str
    mode: str
    within: str
    settle: str | None = None
    acknowledge: str | None = None


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """The policy's ladder, copied into the whistle when it begins: an edit never redirects one under way.

    patience: how long a rank may stay untold before the duty seat hears of it. remind: between reminders.
    calendar: its name, for waits in working time. near_share: 临期 begins at this share of a wait.
    """

    policy: str
    policy_version: int
    rungs: tuple[Rung, ...]
    patience: str
    remind: str
    calendar: str
    near_share: float


class WhistleProposed(Event, frozen=True, kw_only=True):
    """The rank is due. The whistle-holder confirms by one press (`case.whistle_confirmed`), or it stays proposed.

    obligation: the whistle; see intake's WhistleRequested. unit, post: who would be called.
    because: the limit that was missed. ladder: with the first event of a whistle alone.
    """

    TYPE: ClassVar[str] = "escalation.whistle_proposed.v1"
    obligation: str
    rank: int
    unit: str
    post: str
    because: str
    policy_version: int
    ladder: Ladder | None = None


class ProposalWithdrawn(Event, frozen=True, kw_only=True):
    """A proposal that nobody had confirmed yet no longer stands.

    because: reported_late (attendance or the step was in time after all), done (the step was done, late), reassigned,
    requested (a person blew first), settled, withdrawn, closed.
    """

    TYPE: ClassVar[str] = "escalation.proposal_withdrawn.v1"
    obligation: str
    rank: int
    because: str


class WhistleBlown(Event, frozen=True, kw_only=True):
    """The rank is blown: notify calls whoever holds `post` in `unit`.

    respond_within_s: how long, from being told, until attendance is due. lead_unit: whose stalling it is about.
    because: `requested`, `confirmed`, or the limit that was missed. ladder: with the first event of a whistle alone.
    """

    TYPE: ClassVar[str] = "escalation.whistle_blown.v1"
    obligation: str
    rank: int
    unit: str
    post: str
    lead_unit: str
    because: str
    respond_within_s: int
    blown_at: datetime
    policy_version: int
    ladder: Ladder | None = None


class WhistleRefused(Event, frozen=True, kw_only=True):
    """Answer to a request that can't be followed: closed, no_policy, already_running, no_such_rank."""

    TYPE: ClassVar[str] = "escalation.whistle_refused.v1"
    obligation: str
    reason: str


class LadderExhausted(Event, frozen=True, kw_only=True):
    """The last rank was not answered in time either. Stays red; reminded daily.

    because: the limit that was missed. remind_at: when the first reminder is due.
    """

    TYPE: ClassVar[str] = "escalation.ladder_exhausted.v1"
    obligation: str
    rank: int
    policy_version: int
    because: str = ""
    remind_at: datetime | None = None
