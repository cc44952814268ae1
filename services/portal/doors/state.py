"""What the pages share: made once by the composition root, found on the request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from fastapi import Depends, Request

from services.kernel.clock import Clock
from services.portal.core.outline import Ring
from services.portal.core.overview import Alarms
from services.portal.doors.api import ServiceError, Services, Unreachable
from services.portal.doors.assets import Assets
from services.portal.doors.naming import PORTAL, Names
from services.portal.store.port import Accounts


@dataclass(frozen=True, slots=True)
class Look:
    """What the installation is called and how it shows itself."""

    district: str
    demo: bool
    zone: ZoneInfo
    duty_telephone: str
    secure_cookies: bool
    session_lasts: timedelta
    token_lasts: timedelta


class Passwords:
    """Argon2 in a thread, few at a time: each takes 64 MB and some tens of milliseconds, by design."""

    def __init__(self, hasher: PasswordHasher | None = None, at_once: int = 2) -> None:
        self._hasher = hasher or PasswordHasher()
        self._room = asyncio.Semaphore(at_once)
        # Looked at where there is no such login, so that both answers take as long.
        self._nobody = self._hasher.hash("nobody")

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    async def right(self, kept: str | None, password: str) -> bool:
        async with self._room:
            return await asyncio.to_thread(self._check, kept, password)

    def _check(self, kept: str | None, password: str) -> bool:
        try:
            self._hasher.verify(kept or self._nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return kept is not None


class AlarmWatch:
    """Oversight's alarms, asked for at most every three seconds however many pages are open."""

    EVERY = timedelta(seconds=3)

    def __init__(self, services: Services, clock: Clock) -> None:
        self._services, self._clock = services, clock
        self._asked_at: datetime | None = None
        self._alarms = Alarms()
        self.reachable = True

    async def alarms(self) -> Alarms:
        now = self._clock.now()
        if self._asked_at is None or now - self._asked_at > self.EVERY:
            self._asked_at = now
            try:
                self._alarms = await self._services.oversight.alarms(PORTAL)
                self.reachable = True
            except (ServiceError, Unreachable):
                self.reachable = False
        return self._alarms


@dataclass(slots=True)
class Portal:
    """Everything a page needs."""

    services: Services
    accounts: Accounts
    passwords: Passwords
    names: Names
    assets: Assets
    outline: Ring
    look: Look
    clock: Clock
    token_key: bytes
    alarms: AlarmWatch = field(init=False)

    def __post_init__(self) -> None:
        self.alarms = AlarmWatch(self.services, self.clock)


async def portal(request: Request) -> Portal:
    found = request.app.state.portal
    assert isinstance(found, Portal)
    return found


Here = Annotated[Portal, Depends(portal)]
