"""A case as oversight (监督评价) sees it: references, codes and times."""

from __future__ import annotations

from datetime import datetime

import msgspec

OPEN_STATES = (
    "registered", "unroutable", "assigned", "accepted", "mediating", "agreed", "performed", "disposed", "verified",
)  # fmt: skip


class Limit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A limit (时限). set_at: when the log told of it. ended_at: when it was met or stopped, or its case was closed.

    A missed limit does not end by being missed: it is overdue until what it waited for is done.
    """

    limit: str
    step: str
    set_at: datetime
    start: datetime
    due_at: datetime
    near_at: datetime
    policy_version: int
    status: str = "running"
    reported_late: bool = False
    ended_at: datetime | None = None
    obligation: str | None = None
    rank: int | None = None


class Rank(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rank of a whistle. Each fact writes a field of its own, as they may come in any order."""

    rank: int
    unit: str = ""
    post: str = ""
    proposed: datetime | None = None
    withdrawn: datetime | None = None
    confirmed: datetime | None = None
    blown: datetime | None = None
    told: datetime | None = None
    undeliverable: datetime | None = None
    acknowledged: datetime | None = None
    attended: datetime | None = None


class Whistle(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whistle (吹哨). by_unit: empty where the timer began it."""

    obligation: str
    unit: str = ""
    by_unit: str = ""
    ranks: dict[int, Rank] = {}
    exhausted_at: datetime | None = None
    ended: str = ""
    ended_at: datetime | None = None

    @property
    def newest(self) -> Rank | None:
        """The highest rank that was not withdrawn."""
        standing = [number for number, rank in self.ranks.items() if rank.withdrawn is None or rank.blown is not None]
        return self.ranks[max(standing)] if standing else None

    @property
    def called(self) -> Rank | None:
        """The highest rank that was blown: whoever that is, is called now."""
        blown = [number for number, rank in self.ranks.items() if rank.blown is not None]
        return self.ranks[max(blown)] if blown else None

    @property
    def status(self) -> str:
        """How it stands: the ending, else attended, exhausted, proposed, acknowledged, told, blown, requested."""
        if self.ended:
            return self.ended
        ranks = self.ranks.values()
        if any(rank.attended for rank in ranks):
            return "attended"
        if self.exhausted_at is not None:
            return "exhausted"
        newest = self.newest
        if newest is None:
            return "requested" if self.by_unit else "withdrawn"
        if newest.blown is None:
            return "proposed" if newest.proposed and not newest.confirmed else "requested"
        return "acknowledged" if newest.acknowledged else "told" if newest.told else "blown"


class Awaited(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of another service and not answered yet: `assignment`, `whistle w1`, `told w1@2`, `revision`."""

    what: str
    since: datetime


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """系统暂存."""

    service: str
    topic: str
    reason: str
    since: datetime


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One case. Fields of the first part follow from its log alone, those of the second from the other topics alone.

    So the order in which topics are read makes no difference. state: empty until the log has told of the case.
    done: when each fact happened. counts: events of other topics by type.
    """

    number: str = ""
    family: str = ""
    kind: str = ""
    channel: str = ""
    system: str | None = None
    community: str = "unknown"
    street: str | None = None
    state: str = ""
    lead: str | None = None
    centre: str | None = None
    led_at: datetime | None = None
    unroutable: str | None = None
    opened_at: datetime | None = None
    begun_at: datetime | None = None  # registered, or reopened
    closed_at: datetime | None = None
    outcome: str | None = None
    reopened: int = 0
    reworked: int = 0
    done: dict[str, tuple[datetime, ...]] = {}
    limits: dict[str, Limit] = {}
    whistles: dict[str, Whistle] = {}
    awaiting: tuple[Awaited, ...] = ()
    held: tuple[Hold, ...] = ()

    needs: dict[str, tuple[str, ...]] = {}
    counts: dict[str, int] = {}

    @property
    def open(self) -> bool:
        return self.state not in ("", "closed")
