"""Limits (时限) of steps, of whole cases and of the ranks of a whistle."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from services.kernel.envelope import Event


class LimitSet(Event, frozen=True, kw_only=True):
    """A limit begins to run.

    limit: its name within the case: `<step>#<cycle>`, or `<obligation>@<rank>:<step>` for a rank of a whistle.
    start: the log's time from which it counts. near_at: from here on pages call it near (临期).
    within: the definition, as the policy wrote it (`30 minutes`, `2 working_days`).
    policy, policy_version, calendar_version: copied, so that an edit never moves a running limit.
    starts, met_by: the facts of the case's log that began it and that meet it (`case.accepted`); empty for ranks.
    whistle: what a miss does, `propose` or `blow` rank 1; empty: nothing.
    """

    TYPE: ClassVar[str] = "escalation.limit_set.v1"
    limit: str
    step: str
    start: datetime
    due_at: datetime
    near_at: datetime
    within: str
    policy: str
    policy_version: int
    calendar_version: int
    obligation: str | None = None
    rank: int | None = None
    starts: str = ""
    met_by: tuple[str, ...] = ()
    whistle: str = ""


class LimitMet(Event, frozen=True, kw_only=True):
    """What the limit waited for was done. reported_late: done in time by `occurredat`, told after the limit."""

    TYPE: ClassVar[str] = "escalation.limit_met.v1"
    limit: str
    step: str
    due_at: datetime
    met_at: datetime
    policy_version: int
    reported_late: bool = False
    obligation: str | None = None
    rank: int | None = None


class LimitMissed(Event, frozen=True, kw_only=True):
    """The log has passed the limit and what it waited for is not in it. The envelope's time is `due_at`."""

    TYPE: ClassVar[str] = "escalation.limit_missed.v1"
    limit: str
    step: str
    due_at: datetime
    policy_version: int
    obligation: str | None = None
    rank: int | None = None


class LimitStopped(Event, frozen=True, kw_only=True):
    """No longer awaited: closed, merged, withdrawn, settled, reassigned."""

    TYPE: ClassVar[str] = "escalation.limit_stopped.v1"
    limit: str
    step: str
    because: str


class LimitRevised(Event, frozen=True, kw_only=True):
    """Answer to `case.revision_ordered`: the same limit under a newer policy or calendar."""

    TYPE: ClassVar[str] = "escalation.limit_revised.v1"
    limit: str
    step: str
    old_due_at: datetime
    due_at: datetime
    near_at: datetime
    within: str
    policy_version: int
    calendar_version: int
    policy: str = ""


class LimitUnconfirmed(Event, frozen=True, kw_only=True):
    """The limit passed while the case was held: nobody knows whether it was met. Moves no ladder."""

    TYPE: ClassVar[str] = "escalation.limit_unconfirmed.v1"
    limit: str
    step: str
    due_at: datetime
    seat: str


class ReminderDue(Event, frozen=True, kw_only=True):
    """An exhausted ladder stays red: once a day the duty seat is reminded.

    limit, step: the limit whose miss exhausted it. remind_at: when the next reminder is due.
    """

    TYPE: ClassVar[str] = "escalation.reminder_due.v1"
    limit: str
    step: str
    obligation: str | None = None
    remind_at: datetime | None = None
