"""积压 Lag in words: does every service keep up, and what is held?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from services.portal.core import numbers, times
from services.portal.core.overview import GroupLag, Lag, Mark

_WORDS = {"ok": "跟上", "behind": "落后", "stalled": "卡住", "stopped": "停了"}
_TONES = {"ok": "normal", "behind": "near", "stalled": "overdue", "stopped": "overdue"}
_WORST = ("stopped", "stalled", "behind", "ok")


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One consumer group: its partitions together, its state that of the worst one."""

    group: str
    words: str
    tone: str
    lag: str
    lag_number: str
    seconds: str
    members: str
    slowest: str
    mark: str


@dataclass(frozen=True, slots=True)
class ParkedRow:
    service: str
    subject: str
    reason: str
    topic: str
    partition: int
    offset: int
    since: str
    behind: str


@dataclass(frozen=True, slots=True)
class LagTable:
    groups: tuple[GroupRow, ...]
    parked: tuple[ParkedRow, ...]


def lag_table(lag: Lag, zone: tzinfo) -> LagTable:
    """Groups by name; what is not known is said, never 0."""
    groups: dict[str, list[GroupLag]] = {}
    for one in lag.groups:
        groups.setdefault(one.group, []).append(one)
    return LagTable(
        groups=tuple(_row(name, parts, lag.marks, zone) for name, parts in sorted(groups.items())),
        parked=tuple(
            ParkedRow(
                one.service,
                one.subject,
                one.reason,
                one.topic,
                one.partition,
                one.offset,
                times.moment(one.parked_at, lag.as_of, zone) if one.parked_at else "—",
                numbers.count(one.behind),
            )
            for one in lag.parked
        ),
    )


def _row(name: str, parts: Sequence[GroupLag], marks: Sequence[Mark], zone: tzinfo) -> GroupRow:
    known = [one.lag for one in parts if one.lag is not None]
    ages = [one.seconds for one in parts if one.seconds is not None]
    members = [one.members for one in parts if one.members is not None]
    state = min((one.state for one in parts), key=_rank)
    slowest = max(parts, key=lambda one: (one.lag or 0, one.seconds or 0.0))
    total = sum(known) if known else None
    return GroupRow(
        group=name,
        words=_WORDS.get(state, state),
        tone=_TONES.get(state, "held"),
        lag=numbers.count(total),
        lag_number="" if total is None else str(total),
        seconds=numbers.count(round(max(ages))) if ages else numbers.NO_DATA,
        members=numbers.count(max(members)) if members else numbers.NO_DATA,
        slowest=f"{slowest.topic}-{slowest.partition}" if slowest.lag and slowest.partition is not None else "—",
        mark=_mark(name, marks, zone),
    )


def _rank(state: str) -> int:
    return _WORST.index(state) if state in _WORST else -1


def _mark(name: str, marks: Sequence[Mark], zone: tzinfo) -> str:
    service = name.partition(".")[0].partition("-")[0]
    found = [mark.upto for mark in marks if mark.service == service and mark.upto is not None]
    return times.as_of(max(found), zone) if found else "—"
