"""积压 Lag in words: does every service keep up, and what is held?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from services.portal.core import numbers, times
from services.portal.core.overview import Alarms, GroupLag, Lag

_WORDS = {"ok": "跟上", "behind": "落后", "stalled": "卡住", "stopped": "停了"}
_TONES = {"ok": "normal", "behind": "near", "stalled": "overdue", "stopped": "overdue"}


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One consumer group. lag_number: for the chart, empty where not known."""

    group: str
    words: str
    tone: str
    lag: str
    lag_number: str
    seconds: str
    members: str
    trend: str
    slowest: str


@dataclass(frozen=True, slots=True)
class ParkedRow:
    service: str
    subject: str
    reason: str
    topic: str
    since: str


@dataclass(frozen=True, slots=True)
class AlarmRow:
    text: str
    since: str
    count: int


@dataclass(frozen=True, slots=True)
class LagTable:
    groups: tuple[GroupRow, ...]
    parked: tuple[ParkedRow, ...]
    alarms: tuple[AlarmRow, ...]
    mark: str
    audited: str


def lag_table(lag: Lag, alarms: Alarms, zone: tzinfo) -> LagTable:
    """Groups by name; what is not known is said, never 0."""
    marks = [mark.upto for mark in lag.marks if mark.upto is not None]
    return LagTable(
        groups=tuple(_row(group, lag) for group in sorted(lag.services, key=lambda one: one.group)),
        parked=tuple(
            ParkedRow(
                service=one.service,
                subject=one.subject,
                reason=one.reason or "没有说明",
                topic=one.topic,
                since=times.moment(one.parked_at, lag.as_of, zone) if one.parked_at else "—",
            )
            for one in lag.parked
        ),
        alarms=tuple(
            AlarmRow(one.text, times.moment(one.since, lag.as_of, zone) if one.since else "—", one.count)
            for one in alarms.alarms
        ),
        mark=times.as_of(max(marks), zone) if marks else numbers.NO_DATA,
        audited=times.as_of(alarms.as_of, zone) if alarms.as_of else "还没有",
    )


def _row(group: GroupLag, lag: Lag) -> GroupRow:
    parts = [one for one in lag.groups if one.group == group.group and one.lag > 0]
    slowest = max(parts, key=lambda one: one.lag, default=None)
    return GroupRow(
        group=group.group,
        words=_WORDS.get(group.state, group.state),
        tone=_TONES.get(group.state, "held"),
        lag=numbers.count(group.lag),
        lag_number="" if group.lag is None else str(group.lag),
        seconds=numbers.count(None if group.seconds is None else round(group.seconds)),
        members="0 个进程" if group.members == 0 else numbers.count(group.members),
        trend=_trend(group),
        slowest=f"{slowest.topic}-{slowest.partition}（{slowest.lag:,} 条）" if slowest else "—",
    )


def _trend(group: GroupLag) -> str:
    if group.trend < 0:
        return "↓ 在追"
    return "↑ 在涨" if group.trend > 0 else "—"
