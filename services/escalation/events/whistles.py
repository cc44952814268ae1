"""The ladder of a whistle (吹哨报到)."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from services.kernel.envelope import Event


class WhistleProposed(Event, frozen=True, kw_only=True):
    """The rank is due. The whistle-holder confirms by one press (`case.whistle_confirmed`), or it stays proposed.

    obligation: the whistle; see intake's WhistleRequested. unit, post: who would be called.
    because: the limit that was missed.
    """

    TYPE: ClassVar[str] = "escalation.whistle_proposed.v1"
    obligation: str
    rank: int
    unit: str
    post: str
    because: str
    policy_version: int


class ProposalWithdrawn(Event, frozen=True, kw_only=True):
    """Attendance was in time after all (reported late) and nobody had confirmed yet."""

    TYPE: ClassVar[str] = "escalation.proposal_withdrawn.v1"
    obligation: str
    rank: int
    because: str


class WhistleBlown(Event, frozen=True, kw_only=True):
    """The rank is blown: notify calls whoever holds `post` in `unit`.

    respond_within_s: how long, from being told, until attendance is due. lead_unit: whose stalling it is about.
    because: `requested`, `confirmed`, or the limit that was missed.
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


class WhistleRefused(Event, frozen=True, kw_only=True):
    """Answer to a request that can't be followed: closed, no_policy, already_running, no_such_rank."""

    TYPE: ClassVar[str] = "escalation.whistle_refused.v1"
    obligation: str
    reason: str


class LadderExhausted(Event, frozen=True, kw_only=True):
    """The last rank was not answered in time either. Stays red; reminded daily."""

    TYPE: ClassVar[str] = "escalation.ladder_exhausted.v1"
    obligation: str
    rank: int
    policy_version: int
