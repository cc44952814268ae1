"""Facts and proposals of the other services, as intake applied them to the case's log.

Facts are always applied. A proposal whose ground has moved is answered by `Superseded`. `fact_at` is the time of
the fact on its own topic; the envelope's causationid names it.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from services.kernel.envelope import Event


class Assigned(Event, frozen=True, kw_only=True):
    """The case has a lead unit (主办), and perhaps assisting (协办) and informed (知会) ones.

    `centre` supervises it.
    """

    TYPE: ClassVar[str] = "case.assigned.v1"
    fact_at: datetime
    unit: str
    centre: str
    level: str
    assisting: tuple[str, ...] = ()
    hops: int = 0
    reason: str = ""
    informed: tuple[str, ...] = ()


class PanelFormed(Event, frozen=True, kw_only=True):
    """The panel (调解组): staff ids of mediator, judicial head and lawyer, where there is one."""

    TYPE: ClassVar[str] = "case.panel_formed.v1"
    fact_at: datetime
    mediator: str
    judicial_head: str | None = None
    lawyer: str | None = None


class PanelUnfilled(Event, frozen=True, kw_only=True):
    """无人可调: nobody can sit as mediator; the duty seat `seat` finds somebody. The lead unit stays.

    reason: no_mediator, loop (open string).
    """

    TYPE: ClassVar[str] = "case.panel_unfilled.v1"
    fact_at: datetime
    reason: str
    seat: str


class Unroutable(Event, frozen=True, kw_only=True):
    """无处可派: the duty seat has to decide. reason: no_place, no_route, unit_ended, loop … (open string)."""

    TYPE: ClassVar[str] = "case.unroutable.v1"
    fact_at: datetime
    reason: str
    seat: str
    candidates: tuple[str, ...] = ()


class HandedOver(Event, frozen=True, kw_only=True):
    """上下联动: the case goes up a level or down one."""

    TYPE: ClassVar[str] = "case.handed_over.v1"
    fact_at: datetime
    direction: str
    from_unit: str
    unit: str
    reason: str


class Superseded(Event, frozen=True, kw_only=True):
    """A proposal came too late: what it rests on has changed since. The proposer decides again."""

    TYPE: ClassVar[str] = "case.superseded.v1"
    fact_at: datetime
    proposal: str
    because: str


class LimitSet(Event, frozen=True, kw_only=True):
    """A limit runs. `obligation` and `rank`: the whistle whose wait it is."""

    TYPE: ClassVar[str] = "case.limit_set.v1"
    fact_at: datetime
    limit: str
    step: str
    start: datetime
    due_at: datetime
    near_at: datetime
    policy_version: int
    calendar_version: int
    obligation: str | None = None
    rank: int | None = None


class LimitMet(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "case.limit_met.v1"
    fact_at: datetime
    limit: str
    step: str
    reported_late: bool = False


class LimitMissed(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "case.limit_missed.v1"
    fact_at: datetime
    limit: str
    step: str
    due_at: datetime
    obligation: str | None = None
    rank: int | None = None


class LimitStopped(Event, frozen=True, kw_only=True):
    """The limit no longer applies (closed, merged, withdrawn): neither met nor missed."""

    TYPE: ClassVar[str] = "case.limit_stopped.v1"
    fact_at: datetime
    limit: str
    step: str
    because: str


class LimitRevised(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "case.limit_revised.v1"
    fact_at: datetime
    limit: str
    step: str
    old_due_at: datetime
    due_at: datetime
    policy_version: int
    near_at: datetime | None = None


class LimitUnconfirmed(Event, frozen=True, kw_only=True):
    """A limit passed while escalation held the case: nobody knows whether it was met."""

    TYPE: ClassVar[str] = "case.limit_unconfirmed.v1"
    fact_at: datetime
    limit: str
    step: str
    due_at: datetime


class WhistleProposed(Event, frozen=True, kw_only=True):
    """The next rank is due; the whistle-holder decides by one press."""

    TYPE: ClassVar[str] = "case.whistle_proposed.v1"
    fact_at: datetime
    obligation: str
    rank: int
    unit: str
    post: str


class ProposalWithdrawn(Event, frozen=True, kw_only=True):
    """Attendance turned out to have been in time before anybody confirmed."""

    TYPE: ClassVar[str] = "case.proposal_withdrawn.v1"
    fact_at: datetime
    obligation: str
    rank: int


class WhistleBlown(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "case.whistle_blown.v1"
    fact_at: datetime
    obligation: str
    rank: int
    unit: str
    post: str


class WhistleRefused(Event, frozen=True, kw_only=True):
    """A whistle that was asked for or confirmed can't be blown: closed, no_policy, already_running, no_such_rank."""

    TYPE: ClassVar[str] = "case.whistle_refused.v1"
    fact_at: datetime
    obligation: str
    reason: str


class LadderExhausted(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "case.ladder_exhausted.v1"
    fact_at: datetime
    obligation: str


class ReminderDue(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "case.reminder_due.v1"
    fact_at: datetime
    limit: str
    step: str


class Told(Event, frozen=True, kw_only=True):
    """A human was reached.

    role: on_duty, head, duty_seat. obligation: the whistle, or `a<sequence of case.assigned>` for an assignment.
    purpose: whistle, assignment, unconfirmed, undelivered, reminder.
    """

    TYPE: ClassVar[str] = "case.told.v1"
    fact_at: datetime
    obligation: str
    rank: int
    staff: str
    unit: str
    post: str
    role: str
    channel: str
    purpose: str = "whistle"


class Undeliverable(Event, frozen=True, kw_only=True):
    """通知不到: nobody of the chain could be reached. The duty seat telephones."""

    TYPE: ClassVar[str] = "case.undeliverable.v1"
    fact_at: datetime
    obligation: str
    rank: int
    unit: str
    reason: str
    purpose: str = "whistle"


class StoodDown(Event, frozen=True, kw_only=True):
    """Whoever was called was told that it is over."""

    TYPE: ClassVar[str] = "case.stood_down.v1"
    fact_at: datetime
    obligation: str
    staff: str


class Held(Event, frozen=True, kw_only=True):
    """系统暂存: a service holds the case behind a record that it could not read."""

    TYPE: ClassVar[str] = "case.held.v1"
    fact_at: datetime
    service: str
    topic: str
    reason: str


class Released(Event, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "case.released.v1"
    fact_at: datetime
    service: str
    topic: str
