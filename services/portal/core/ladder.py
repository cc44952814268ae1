"""The ladder of a whistle in words: each rank sent, answered, on site; the next one dashed: not blown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo

from services.portal.core import words
from services.portal.core.catalogue import Catalogue
from services.portal.core.model import Case, Limit, Rank, Whistle
from services.portal.core.queue import running
from services.portal.core.times import moment


@dataclass(frozen=True, slots=True)
class Rung:
    """One rank. look: past, now, missed, next. mark: shape before the first line, or an empty string."""

    name: str
    whom: str
    look: str
    mark: str
    strong: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ladder:
    obligation: str
    rungs: tuple[Rung, ...]
    ended: str


def ladders(case: Case, catalogue: Catalogue, now: datetime, zone: tzinfo) -> tuple[Ladder, ...]:
    """The case's whistles, newest last; one whose request was not answered yet has no rung."""
    return tuple(_ladder(case, whistle, catalogue, now, zone) for whistle in case.whistles)


_ENDED = {"settled": "已解决", "withdrawn": "已撤哨", "refused": "没有吹成", "closed": "已结案，不再等"}


def _ladder(case: Case, whistle: Whistle, catalogue: Catalogue, now: datetime, zone: tzinfo) -> Ladder:
    rungs = [_rung(case, whistle, rank, catalogue, now, zone) for rank in whistle.ranks]
    last = whistle.ranks[-1] if whistle.ranks else None
    waits = last is not None and last.blown_at is not None and last.attended_at is None
    if last is not None and waits and running(whistle) and whistle.status != "exhausted":
        rungs.append(_next(case, whistle, last, now, zone))
    return Ladder(whistle.obligation, tuple(rungs), _ENDED.get(whistle.status, ""))


def limit_of(case: Case, obligation: str, rank: int | None) -> Limit | None:
    """The newest limit of a whistle's rank."""
    found = [limit for limit in case.known_limits if limit.obligation == obligation and rank in (None, limit.rank)]
    return max(found, key=lambda limit: limit.start) if found else None


def _rung(case: Case, whistle: Whistle, rank: Rank, catalogue: Catalogue, now: datetime, zone: tzinfo) -> Rung:
    whom = words.called(rank.post, catalogue.unit(rank.unit or whistle.unit or None))
    name = words.rank(rank.rank)
    look, mark, strong = _status(whistle, rank, now, zone)
    sent = _sent(rank, now, zone) + (f" {catalogue.person(rank.told_staff)}" if rank.told_staff else "")
    due = _due(limit_of(case, whistle.obligation, rank.rank), rank, now, zone)
    line = " · ".join(part for part in (sent, due) if part)
    return Rung(name, whom, look, mark, strong, (line,) if line else ())


def _status(whistle: Whistle, rank: Rank, now: datetime, zone: tzinfo) -> tuple[str, str, str]:
    if rank.attended_at is not None:
        return "past", "done", f"{moment(rank.attended_at, now, zone)} 到场"
    if rank.missed_at is not None:
        return "missed", "overdue", "没有到场"
    if rank.blown_at is None:
        return "now", "whistle", "等确认，还没吹"
    look = "now" if running(whistle) else "past"
    if rank.acknowledged_at is not None:
        answer = words.say(words.ANSWERS, rank.answer) if rank.answer else "收到"
        return look, "done", f"{moment(rank.acknowledged_at, now, zone)} 已答：{answer}"
    if rank.told_at is not None:
        return look, "", "等应答"
    return (look, "unreached", "通知不到，请打电话") if rank.undeliverable_at is not None else (look, "", "正在送达")


def _sent(rank: Rank, now: datetime, zone: tzinfo) -> str:
    if rank.told_at is not None:
        return f"{moment(rank.told_at, now, zone)} 送达"
    if rank.undeliverable_at is not None:
        return f"{moment(rank.undeliverable_at, now, zone)} 没送到"
    if rank.blown_at is not None:
        return f"{moment(rank.blown_at, now, zone)} 吹出，还没送达"
    return f"{moment(rank.proposed_at, now, zone)} 系统提议" if rank.proposed_at is not None else ""


def _due(limit: Limit | None, rank: Rank, now: datetime, zone: tzinfo) -> str:
    if limit is None or rank.attended_at is not None:
        return ""
    return f"{moment(limit.due_at, now, zone)} 到点"


def _next(case: Case, whistle: Whistle, last: Rank, now: datetime, zone: tzinfo) -> Rung:
    limit = limit_of(case, whistle.obligation, last.rank)
    until = f"到 {moment(limit.due_at, now, zone)} 仍没人到场，" if limit is not None and last.missed_at is None else ""
    line = f"{until}系统只提议，由值班坐席按一下才吹；政策写明“到点就吹”的除外。"
    return Rung("下一级", "", "next", "", "还没吹", (line,))
