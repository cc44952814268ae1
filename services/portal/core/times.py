"""How times and limits are written. The server's clock decides; the browser only counts down by the same rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import Enum

from services.portal.core.model import Limit

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEKDAYS = "一二三四五六日"


class Light(Enum):
    """The state of a limit; each has a shape, words and a colour of its own."""

    NORMAL = "normal"
    NEAR = "near"
    OVERDUE = "overdue"
    PAUSED = "paused"
    UNKNOWN = "unknown"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Countdown:
    """A limit in words. used: share of the limit gone by, 0 to 1. near: share at which near begins, None if unknown."""

    light: Light
    words: str
    english: str
    due_at: datetime
    due_words: str
    used: float
    near: float | None


def left(due_at: datetime, now: datetime, zone: tzinfo) -> tuple[str, str]:
    """Time left or gone by, Chinese and English.

    Args:
        due_at, now: moments with a zone. zone: the zone in which the district lives.

    Returns: under a minute seconds, under an hour minutes, the same day its clock time, under a day hours, else days.
    """
    span = due_at - now
    if span < timedelta(0):
        number, unit, short = _size(-span)
        return f"超时 {number} {unit}", f"{number} {short} over"
    if span >= HOUR and due_at.astimezone(zone).date() == now.astimezone(zone).date():
        clock = due_at.astimezone(zone).strftime("%H:%M")
        return f"今天 {clock} 前", f"by {clock} today"
    number, unit, short = _size(span)
    return f"还剩 {number} {unit}", f"{number} {short} left"


def _size(span: timedelta) -> tuple[int, str, str]:
    if span < MINUTE:
        return max(int(span.total_seconds()), 0), "秒", "s"
    if span < HOUR:
        return span // MINUTE, "分钟", "min"
    if span < DAY:
        return span // HOUR, "小时", "h"
    return span // DAY, "天", "days"


def countdown(limit: Limit, now: datetime, zone: tzinfo) -> Countdown:
    """A limit as it stands at `now`."""
    words, english = left(limit.due_at, now, zone)
    light = Light.NORMAL
    if limit.status == "unconfirmed":
        light, words, english = Light.UNKNOWN, "时限没法确认", "not confirmed"
    elif limit.status == "met":
        light, words, english = Light.DONE, "按时做到", "met"
    elif limit.status == "stopped":
        light, words, english = Light.DONE, "不再计时", "stopped"
    elif limit.status == "missed" or now > limit.due_at:
        light = Light.OVERDUE
    elif now >= limit.near_at:
        light = Light.NEAR
    return Countdown(
        light=light,
        words=words,
        english=english,
        due_at=limit.due_at,
        due_words=f"{moment(limit.due_at, now, zone)} 到点",
        used=_share(now, limit),
        near=_near(limit),
    )


def _share(now: datetime, limit: Limit) -> float:
    whole = limit.due_at - limit.start
    if whole <= timedelta(0):
        return 1.0
    return min(max((now - limit.start) / whole, 0.0), 1.0)


def _near(limit: Limit) -> float | None:
    whole = limit.due_at - limit.start
    if whole <= timedelta(0) or not limit.start <= limit.near_at <= limit.due_at:
        return None
    return (limit.near_at - limit.start) / whole


def moment(at: datetime, now: datetime, zone: tzinfo) -> str:
    """A moment as people say it: `10:46` today, `11 月 30 日 17:30` this year, with the year otherwise."""
    here, today = at.astimezone(zone), now.astimezone(zone)
    clock = here.strftime("%H:%M")
    if here.date() == today.date():
        return clock
    date = f"{here.month} 月 {here.day} 日 {clock}"
    return date if here.year == today.year else f"{here.year} 年 {date}"


def day(at: datetime, zone: tzinfo) -> str:
    """`11 月 23 日 周一`."""
    here = at.astimezone(zone)
    return f"{here.month} 月 {here.day} 日 周{WEEKDAYS[here.weekday()]}"


def as_of(at: datetime, zone: tzinfo) -> str:
    """`10:42:18`, to the second: pages say it after 截至, never 刚刚."""
    return at.astimezone(zone).strftime("%H:%M:%S")


def clock(at: datetime, zone: tzinfo) -> str:
    """`10:42`."""
    return at.astimezone(zone).strftime("%H:%M")


def waited(since: datetime, now: datetime) -> str:
    """How long something has been waiting: `12 秒`, `1 分 40 秒`, `2 小时 5 分`, `3 天`."""
    span = max(now - since, timedelta(0))
    seconds = int(span.total_seconds())
    if span < MINUTE:
        return f"{seconds} 秒"
    if span < HOUR:
        minutes, rest = divmod(seconds, 60)
        return f"{minutes} 分 {rest} 秒" if rest else f"{minutes} 分钟"
    if span < DAY:
        hours, rest = divmod(seconds // 60, 60)
        return f"{hours} 小时 {rest} 分" if rest else f"{hours} 小时"
    return f"{span // DAY} 天"


def length(span: timedelta) -> str:
    """The length of a limit: `40 秒`, `30 分钟`, `30 天`; one of working days does not come out even: `约 23 小时`."""
    seconds = round(span.total_seconds())
    for size, unit, most in ((86_400, "天", 10_000), (3_600, "小时", 72), (60, "分钟", 180)):
        if seconds % size == 0 and 1 <= seconds // size <= most:
            return f"{seconds // size} {unit}"
    if seconds >= 2 * 86_400:
        return f"约 {round(seconds / 86_400)} 天"
    if seconds >= 3 * 3_600:
        return f"约 {round(seconds / 3_600)} 小时"
    if seconds >= 120:
        return f"{round(seconds / 60)} 分钟"
    return f"{seconds} 秒"
