"""What escalation keeps of a case: its limits and its whistles. Only `evolution.py` makes new ones."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from services.escalation.events.whistles import Ladder, Rung

Status = Literal["running", "unconfirmed", "missed"]
"""unconfirmed: it passed while the case was held. missed: kept, as it may still be reported late. Met: gone."""

Phase = Literal["proposed", "blown", "told", "attended", "exhausted"]
"""Of a whistle's present rank. attended: somebody came in time, or was reported late; it waits to be settled."""

# The steps of a rank
TOLD, ACKNOWLEDGE, ATTEND, SETTLE = "told", "acknowledge", "attend", "settle"


class Limit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A limit with all that governs it, copied from its `LimitSet`."""

    limit: str
    step: str
    start: datetime
    due_at: datetime
    within: str
    policy: str
    policy_version: int
    calendar_version: int
    starts: str = ""
    met_by: tuple[str, ...] = ()
    whistle: str = ""
    obligation: str | None = None
    rank: int | None = None
    status: Status = "running"


class Whistle(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whistle that is not settled: the rank that it has reached.

    called: the unit of each rank so far. because: the limit whose miss exhausted it. acknowledged: the highest rank
    that was read. remind_at: when an exhausted one is due again. untold: somebody came before word reached the one
    called; the wait to settle begins with that word.
    """

    obligation: str
    ladder: Ladder
    rank: int
    phase: Phase
    called: tuple[str, ...]
    because: str = ""
    acknowledged: int = 0
    remind_at: datetime | None = None
    untold: bool = False

    def rung(self, rank: int) -> Rung | None:
        """The definition of a rank; None above the last."""
        return self.ladder.rungs[rank - 1] if 0 < rank <= len(self.ladder.rungs) else None


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One case.

    seen: names of the facts since it was registered, reopened or sent back for rework.
    cycles: how often each step has begun. answered: number of the last request that was answered.
    """

    family: str
    kind: str
    seat: str | None = None
    lead: str | None = None
    centre: str | None = None
    open: bool = True
    seen: tuple[str, ...] = ()
    cycles: dict[str, int] = {}
    limits: tuple[Limit, ...] = ()
    whistles: tuple[Whistle, ...] = ()
    answered: int = 0

    def whistle(self, obligation: str) -> Whistle | None:
        """The whistle of this name, if it is not over."""
        return next((w for w in self.whistles if w.obligation == obligation), None)

    def find(self, limit: str) -> Limit | None:
        """The limit of this name, if it is still kept."""
        return next((kept for kept in self.limits if kept.limit == limit), None)
