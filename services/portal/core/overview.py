"""What oversight says: the one screen, lag, alarms. Frozen, typed, unknown fields ignored."""

from __future__ import annotations

from datetime import datetime

import msgspec


class StreetCount(msgspec.Struct, frozen=True, kw_only=True):
    street: str
    name: str = ""
    open: int = 0
    near: int = 0
    overdue: int = 0
    whistles: int = 0


class ScreenWhistle(msgspec.Struct, frozen=True, kw_only=True):
    case: str = ""
    kind: str = ""
    street: str | None = None
    obligation: str = ""
    rank: int = 1
    unit: str = ""
    post: str = ""
    status: str = ""
    due_at: datetime | None = None


class ScreenDue(msgspec.Struct, frozen=True, kw_only=True):
    case: str = ""
    kind: str = ""
    street: str | None = None
    step: str = ""
    lead: str | None = None
    due_at: datetime
    near_at: datetime | None = None
    status: str = "running"


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A figure with what it was made of. `value` is None where there are no data; `unit` is count or share."""

    name: str
    value: float | None = None
    numerator: int | None = None
    denominator: int | None = None
    unit: str = ""


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """One screen (一屏) as oversight counts it. `open` is None where it is not known."""

    as_of: datetime
    open: int | None = None
    by_street: tuple[StreetCount, ...] = ()
    whistles: tuple[ScreenWhistle, ...] = ()
    next_due: tuple[ScreenDue, ...] = ()
    figures: tuple[Figure, ...] = ()


class GroupLag(msgspec.Struct, frozen=True, kw_only=True):
    """Lag of one partition of one consumer group. seconds: age of the oldest record not yet handled; None unknown."""

    group: str
    topic: str
    partition: int | None = None
    current: int | None = None
    end: int | None = None
    lag: int | None = None
    seconds: float | None = None
    members: int | None = None
    state: str = "ok"


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """A parked record and how many later ones of the subject wait behind it."""

    service: str = ""
    subject: str = ""
    topic: str = ""
    partition: int = 0
    offset: int = 0
    reason: str = ""
    parked_at: datetime | None = None
    behind: int = 0


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """The newest progress mark that one service has passed."""

    service: str = ""
    upto: datetime | None = None
    age_s: float | None = None


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    as_of: datetime
    groups: tuple[GroupLag, ...] = ()
    parked: tuple[Parked, ...] = ()
    marks: tuple[Mark, ...] = ()


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm of oversight. kind: timer_silent, stale … (open string)."""

    kind: str
    since: datetime | None = None
    text: str = ""


class Alarms(msgspec.Struct, frozen=True, kw_only=True):
    alarms: tuple[Alarm, ...] = ()
