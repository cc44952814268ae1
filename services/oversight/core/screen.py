"""The one screen's figures (一屏观全城): each with its numerator, its denominator and its definition. Pure.

No denominator, no percentage; under twenty cases no percentage either: one case more would move it by five points.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

FEWEST_FOR_PERCENT = 20
RESOLUTION_DAYS = 30
RESOLVED = ("settled", "disposed")
"""Outcomes that count as resolved (化解)."""
COUNTED = ("settled", "disposed", "not_settled")
"""Outcomes that the rate is about. Refused, withdrawn and merged cases are nobody's success or failure."""


@dataclass(frozen=True, slots=True)
class Street:
    """Open cases of one street. near: of those, with a limit near and none past. whistles: under way."""

    street: str | None
    open: int
    near: int
    overdue: int
    whistles: int


@dataclass(frozen=True, slots=True)
class WhistleOut:
    """A whistle under way (吹哨在途). due_at: the wait of its present rank, where one runs."""

    case: str
    kind: str
    street: str | None
    obligation: str
    rank: int
    status: str
    unit: str
    post: str
    begun_at: datetime | None
    due_at: datetime | None
    near_at: datetime | None


@dataclass(frozen=True, slots=True)
class NextDue:
    """A case's earliest limit that is still waited for (最先到点)."""

    case: str
    kind: str
    street: str | None
    lead: str | None
    state: str
    limit: str
    step: str
    due_at: datetime
    near_at: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted, now and at the same time a day before.

    closed, resolved: of the last thirty days, as the definition of the rate says.
    """

    today: int
    yesterday: int
    open: int
    unroutable: int
    near: int
    overdue: int
    overdue_before: int
    whistles: int
    by_rank: dict[int, int] = field(default_factory=dict)
    due: int = 0
    closed: int = 0
    resolved: int = 0


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    value: the count, or for `unit` "share" a share of 0 to 1, None where it would mislead.
    before: the same a day before, where it is compared.
    """

    name: str
    zh: str
    en: str
    value: float | None
    numerator: int
    denominator: int | None
    unit: str
    note_zh: str
    note_en: str
    before: int | None = None


@dataclass(frozen=True, slots=True)
class Screen:
    """The one screen as of a time (截至)."""

    as_of: datetime
    counts: Counts
    by_street: tuple[Street, ...]
    whistles: tuple[WhistleOut, ...]
    next_due: tuple[NextDue, ...]
    figures: tuple[Figure, ...]


def status(now: datetime, near_at: datetime, due_at: datetime) -> str:
    """normal, near (临期) or overdue (超时) at `now`; due on the second is not yet overdue."""
    return "overdue" if due_at < now else "near" if near_at <= now else "normal"


def share(numerator: int, denominator: int) -> float | None:
    """0 to 1, to a tenth of a percent; None under twenty cases."""
    return None if denominator < FEWEST_FOR_PERCENT else round(numerator / denominator, 3)


def day_begin(now: datetime, offset: timedelta) -> datetime:
    """Local midnight before `now`. offset: of the local time from UTC; China has one all year."""
    return (now + offset).replace(hour=0, minute=0, second=0, microsecond=0) - offset


def figures(counts: Counts) -> tuple[Figure, ...]:
    """The six figures of the wall, in its order."""
    ranks = "，".join(f"{_RANKS.get(rank, rank)}哨 {n}" for rank, n in sorted(counts.by_rank.items()))
    ranks_en = ", ".join(f"rank {rank}: {n}" for rank, n in sorted(counts.by_rank.items()))
    return (
        _count("today", "今天受理", "Today", counts.today, None, "零点以来登记的", "registered since midnight",
               counts.yesterday),
        _count("open", "在办", "Open", counts.open, None, f"其中无处可派 {counts.unroutable}",
               f"of these, nowhere to send: {counts.unroutable}"),
        _count("overdue", "超时", "Overdue", counts.overdue, counts.open, "有一项时限已过、事还没办的在办案件",
               "open cases with a limit passed and its step not done", counts.overdue_before),
        _count("near", "临期", "Near", counts.near, counts.open, "没有超时、有一项时限将到的在办案件",
               "open cases with a limit near and none passed"),
        _count("whistles", "吹哨在途", "Whistles out", counts.whistles, None, ranks or "没有", ranks_en or "none"),
        Figure("resolved", f"近 {RESOLUTION_DAYS} 天化解率", f"Resolved, {RESOLUTION_DAYS} days",
               share(counts.resolved, counts.closed), counts.resolved, counts.closed, "share",
               "近 30 天结案（化解、处置、未化解）与重开的案件中，化解或处置且从未重开、返工的；不足 20 件不算比率",
               "of cases closed (settled, disposed, not settled) or reopened in 30 days, those settled or disposed "
               "and never reopened or sent back; no rate under 20 cases"),
    )  # fmt: skip


_RANKS = {1: "一", 2: "二", 3: "三", 4: "四", 5: "五"}


def _count(
    name: str, zh: str, en: str, value: int, of: int | None, note_zh: str, note_en: str, before: int | None = None
) -> Figure:
    return Figure(name, zh, en, value, value, of, "count", note_zh, note_en, before)


def screen(
    as_of: datetime,
    counts: Counts,
    by_street: tuple[Street, ...],
    whistles: tuple[WhistleOut, ...],
    next_due: tuple[NextDue, ...],
) -> Screen:
    """Put the screen together: streets by code (no league table), whistles by wait, limits by due time."""
    far = datetime.max.replace(tzinfo=as_of.tzinfo)
    return Screen(
        as_of,
        counts,
        tuple(sorted(by_street, key=lambda s: s.street or "~")),
        tuple(sorted(whistles, key=lambda w: (w.due_at or far, w.case, w.obligation))),
        tuple(sorted(next_due, key=lambda n: (n.due_at, n.case))),
        figures(counts),
    )
