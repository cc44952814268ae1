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
    near_at: datetime | None = None


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
    zh: str = ""
    en: str = ""
    value: float | None = None
    numerator: int | None = None
    denominator: int | None = None
    unit: str = "count"
    note_zh: str = ""
    before: int | None = None


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """One screen (一屏). Lists are cut; the totals count all. `open` is None where it is not known."""

    as_of: datetime
    open: int | None = None
    by_street: tuple[StreetCount, ...] = ()
    whistles: tuple[ScreenWhistle, ...] = ()
    whistles_total: int = 0
    next_due: tuple[ScreenDue, ...] = ()
    due_total: int = 0
    figures: tuple[Figure, ...] = ()


class PartitionLag(msgspec.Struct, frozen=True, kw_only=True):
    """Lag of one partition of one consumer group, in records."""

    group: str
    topic: str = ""
    partition: int = 0
    lag: int = 0


class GroupLag(msgspec.Struct, frozen=True, kw_only=True):
    """One consumer group. seconds: age of what waits longest, None unknown. trend: records more than a while ago."""

    group: str
    members: int | None = None
    lag: int | None = None
    seconds: float | None = None
    state: str = "ok"
    trend: int = 0


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """A case that a service holds behind a record that it could not read."""

    service: str = ""
    subject: str = ""
    topic: str = ""
    reason: str = ""
    parked_at: datetime | None = None


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """The newest progress mark of one relay of intake; age in seconds."""

    service: str = ""
    upto: datetime | None = None
    age_s: float | None = None


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """groups: a line for each partition; services: a line for each group."""

    as_of: datetime
    groups: tuple[PartitionLag, ...] = ()
    services: tuple[GroupLag, ...] = ()
    parked: tuple[Parked, ...] = ()
    marks: tuple[Mark, ...] = ()


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm of oversight with its own words."""

    kind: str
    since: datetime | None = None
    count: int = 1
    text: str = ""


class Alarms(msgspec.Struct, frozen=True, kw_only=True):
    """The last audit. as_of: None before the first."""

    as_of: datetime | None = None
    timer_silent: bool = False
    alarms: tuple[Alarm, ...] = ()
