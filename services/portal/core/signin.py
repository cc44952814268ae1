"""Rules of sign-in: five wrong tries, then a wait of fifteen minutes. Counted per login, whether it exists or not."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

TRIES = 5
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
WAIT = timedelta(minutes=15)


def plausible(login: str) -> bool:
    """Whether a login can exist at all: what can not is not looked up, not counted and not kept."""
    return _LOGIN.fullmatch(login) is not None


@dataclass(frozen=True, slots=True)
class Attempts:
    """Wrong tries in a row, and until when further ones are refused unread."""

    wrong: int = 0
    locked_until: datetime | None = None


def locked(attempts: Attempts, now: datetime) -> bool:
    return attempts.locked_until is not None and now < attempts.locked_until


def after_wrong(attempts: Attempts, now: datetime) -> Attempts:
    """Count a wrong try. Once a wait is over the count begins again."""
    before = 0 if attempts.locked_until is not None and now >= attempts.locked_until else attempts.wrong
    wrong = before + 1
    return Attempts(wrong, now + WAIT if wrong >= TRIES else None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody works, as what: a person may have several."""

    unit: str
    post: str
    role: str


@dataclass(frozen=True, slots=True)
class Account:
    """A person who may sign in. `password` is an argon2 hash."""

    login: str
    staff: str
    name: str
    password: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in. `place` is None until one of several was chosen. `csrf` stands in every form."""

    account: str
    staff: str
    name: str
    csrf: str
    expires_at: datetime
    places: tuple[Place, ...]
    place: Place | None = None
