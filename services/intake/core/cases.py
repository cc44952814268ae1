"""A case as its log tells it: references, codes and times alone. People and their words stay in the vault."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from services.intake.events.reception import Family

State = Literal[
    "registered",  # 已登记, waits for a unit
    "unroutable",  # 无处可派, the duty seat decides
    "assigned",  # 已派
    "accepted",  # 已接
    "mediating",  # 调解中
    "agreed",  # 达成协议
    "performed",  # 已履行
    "disposed",  # 已处置
    "verified",  # 已核查
    "closed",  # 已结案
]
LimitStatus = Literal["running", "met", "missed", "stopped", "unconfirmed"]
Ending = Literal["settled", "withdrawn", "refused", "closed"]

DUTY_SEAT_AFTER_HOPS = 8  # a case passed on so often since the last human act goes in a circle


class Limit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A limit as escalation told of it. `obligation` and `rank` name the whistle whose wait it is."""

    limit: str
    step: str
    start: datetime
    due_at: datetime
    near_at: datetime
    policy_version: int
    status: LimitStatus = "running"
    reported_late: bool = False
    obligation: str | None = None
    rank: int | None = None


class Rank(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rank of a whistle, or one call (an assignment told to a unit): who is called and what they did."""

    rank: int
    unit: str = ""
    post: str = ""
    proposed_at: datetime | None = None
    withdrawn_at: datetime | None = None
    confirmed_at: datetime | None = None
    blown_at: datetime | None = None
    told_at: datetime | None = None
    told_staff: str | None = None
    told_role: str | None = None
    channel: str | None = None
    undeliverable_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    answer: str | None = None
    attended_at: datetime | None = None
    missed_at: datetime | None = None

    @property
    def waits_for_press(self) -> bool:
        """Proposed, and nobody has confirmed, withdrawn or blown it."""
        later = (self.blown_at, self.withdrawn_at, self.confirmed_at)
        return self.proposed_at is not None and not any(later)


class Whistle(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whistle (吹哨) with its ladder. `by_unit` is empty where the timer began it."""

    obligation: str
    unit: str = ""
    by_unit: str = ""
    kind: str = ""
    elements: tuple[str, ...] = ()
    exhausted_at: datetime | None = None
    ended: Ending | None = None
    ranks: dict[int, Rank] = {}

    @property
    def newest(self) -> Rank | None:
        """The highest rank, proposed or blown."""
        return self.ranks[max(self.ranks)] if self.ranks else None

    @property
    def blown(self) -> Rank | None:
        """The highest rank that was blown."""
        blown = [number for number, rank in self.ranks.items() if rank.blown_at is not None]
        return self.ranks[max(blown)] if blown else None

    @property
    def called(self) -> frozenset[str]:
        """Units that it calls."""
        return frozenset(rank.unit for rank in self.ranks.values() if rank.unit) | ({self.unit} if self.unit else set())

    @property
    def status(self) -> str:
        """settled, withdrawn, refused, closed, attended, exhausted, proposed, acknowledged, blown, requested."""
        if self.ended is not None:
            return self.ended
        ranks = self.ranks.values()
        if any(rank.attended_at for rank in ranks):
            return "attended"
        if self.exhausted_at is not None:
            return "exhausted"
        newest = self.newest
        if newest is None:
            return "requested"
        if newest.waits_for_press:
            return "proposed"
        if any(rank.acknowledged_at for rank in ranks):
            return "acknowledged"
        return "blown" if any(rank.blown_at for rank in ranks) else "requested"


class Panel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """调解组: staff ids."""

    mediator: str
    judicial_head: str | None = None
    lawyer: str | None = None

    def __contains__(self, staff: str) -> bool:
        return staff in (self.mediator, self.judicial_head, self.lawyer)


class Awaited(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of another service and not answered yet (等…已…秒). `what`: assignment, whistle w1, revision."""

    what: str
    since: datetime


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """系统暂存: `service` holds the case behind a record of `topic` that it can't apply."""

    service: str
    topic: str
    reason: str
    since: datetime


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that a decision about a case looks at.

    sequence: number of its last event. last: the same per event type. changed: per field, the number of the last
    event by which somebody other than routing's own proposals changed it: what a proposal rests on.
    now: the log's time of the command being applied. hops: units passed since the last human act.
    unfilled: why nobody could be found to mediate; None once there is a panel or another unit.
    outside: what the outside system that sent it was told, in order: `receipt`, or a status.
    """

    now: datetime
    sequence: int = 0
    last: dict[str, int] = {}
    changed: dict[str, int] = {}
    outside: tuple[str, ...] = ()

    number: str = ""
    family: Family = "dispute"
    kind: str = ""
    channel: str = ""
    community: str = "unknown"
    street: str | None = None
    approximate: bool = False
    lon: float | None = None
    lat: float | None = None
    scale: str = "01"
    grade: str = "04"
    system: str | None = None
    receiver: str | None = None
    receiver_unit: str | None = None
    registered_at: datetime | None = None
    occurred_at: datetime | None = None
    confidential: bool = False

    state: State = "registered"
    lead: str | None = None
    centre: str | None = None
    level: str | None = None
    assisting: tuple[str, ...] = ()
    panel: Panel | None = None
    unfilled: str | None = None
    declined: tuple[str, ...] = ()
    hops: int = 0
    seat: str | None = None
    unroutable: str | None = None
    outcome: str | None = None
    disposed_by: str | None = None
    attended_at: datetime | None = None
    sessions: int = 0
    photos: int = 0
    parties: int = 0

    limits: dict[str, Limit] = {}
    whistles: dict[str, Whistle] = {}
    calls: dict[str, Rank] = {}
    held: tuple[Hold, ...] = ()
    awaiting: tuple[Awaited, ...] = ()

    @property
    def open(self) -> bool:
        return self.state != "closed"

    @property
    def whistling(self) -> tuple[Whistle, ...]:
        """Whistles that have not ended."""
        return tuple(whistle for whistle in self.whistles.values() if whistle.ended is None)

    @property
    def called(self) -> frozenset[str]:
        """Units called by whistles that have not ended."""
        return frozenset(unit for whistle in self.whistling for unit in whistle.called)
