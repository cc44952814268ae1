"""Which limit of a case speaks: of this step, and of the whole matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from services.portal.core import words
from services.portal.core.model import Case, Limit
from services.portal.core.times import Countdown, countdown, length, moment

WHOLE = {"incident": "dispose", "dispute": "mediate"}
"""The step whose limit is about the whole matter, by family."""

DONE_FROM: Mapping[str, frozenset[str]] = {
    "accept": frozenset({"accepted", "mediating", "agreed", "performed", "disposed", "verified", "closed"}),
    "convene": frozenset({"mediating", "agreed", "performed", "closed"}),
    "mediate": frozenset({"agreed", "performed", "closed"}),
    "perform": frozenset({"performed", "closed"}),
    "dispose": frozenset({"disposed", "verified", "closed"}),
    "verify": frozenset({"verified", "closed"}),
}
"""States in which a step is behind the case, so that its missed limit is history and no longer a call to act."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A limit in words: what it waits for, how long it is, which policy set it."""

    limit: Limit
    step: str
    count: Countdown
    basis: str


def _pending(limit: Limit, case: Case) -> bool:
    if limit.status in ("running", "unconfirmed"):
        return True
    if limit.status != "missed" or limit.obligation is not None:
        return False
    return case.state not in DONE_FROM.get(limit.step, frozenset({"closed"}))


def step_limit(case: Case) -> Limit | None:
    """The limit to act on now: of a whistle, else what has passed and still waits, else what is due first."""
    pending = [limit for limit in case.known_limits if _pending(limit, case)]
    missed = [limit for limit in pending if limit.status == "missed"]
    running = [limit for limit in pending if limit.status == "running"]
    whistle = [limit for limit in running if limit.obligation is not None]
    for group in (whistle, missed, running, pending):
        if group:
            return min(group, key=lambda limit: limit.due_at)
    return None


def whole_limit(case: Case) -> Limit | None:
    """The limit of the whole matter; where none is set, the last one due that is not a whistle's."""
    pending = [limit for limit in case.known_limits if _pending(limit, case) and limit.obligation is None]
    whole = [limit for limit in pending if limit.step == WHOLE.get(case.family)]
    return max(whole or pending, key=lambda limit: limit.due_at, default=None)


def spoken(limit: Limit, now: datetime, zone: tzinfo) -> Spoken:
    """A limit in words, with its reason: 处置 30 分钟，从 10:16 算起."""
    step = words.say(words.STEPS, limit.step)
    basis = f"{step} {length(limit.due_at - limit.start)}，从 {moment(limit.start, now, zone)} 算起"
    return Spoken(limit=limit, step=step, count=countdown(limit, now, zone), basis=basis)


def speak(limit: Limit | None, now: datetime, zone: tzinfo) -> Spoken | None:
    return None if limit is None else spoken(limit, now, zone)
