"""The same in memory: for tests and for looking at pages without a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.portal.core.signin import Account, Attempts, Session, after_wrong, locked


@dataclass(slots=True)
class _Kept:
    login: str
    csrf: str
    ordinal: int | None
    expires_at: datetime


class MemoryAccounts:
    """The port `Accounts` on dictionaries."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._attempts: dict[str, Attempts] = {}
        self._sessions: dict[bytes, _Kept] = {}

    async def find(self, login: str) -> Account | None:
        return self._accounts.get(login)

    async def reserve(self, login: str, now: datetime) -> datetime | None:
        before = self._attempts.get(login, Attempts())
        if locked(before, now):
            return before.locked_until
        self._attempts[login] = after_wrong(before, now)
        return None

    async def forgive(self, login: str) -> None:
        self._attempts.pop(login, None)

    async def begin(self, digest: bytes, login: str, csrf: str, ordinal: int | None, expires_at: datetime) -> None:
        self._sessions[digest] = _Kept(login, csrf, ordinal, expires_at)

    async def session(self, digest: bytes, now: datetime) -> Session | None:
        kept = self._sessions.get(digest)
        if kept is None or kept.expires_at <= now or kept.login not in self._accounts:
            return None
        account = self._accounts[kept.login]
        chosen = account.places[kept.ordinal] if kept.ordinal is not None else None
        return Session(account.login, account.staff, account.name, kept.csrf, kept.expires_at, account.places, chosen)

    async def choose(self, digest: bytes, ordinal: int) -> None:
        self._sessions[digest].ordinal = ordinal

    async def end(self, digest: bytes) -> None:
        self._sessions.pop(digest, None)

    async def names(self) -> Mapping[str, str]:
        return {account.staff: account.name for account in self._accounts.values()}

    async def put(self, accounts: Sequence[Account]) -> None:
        for account in accounts:
            before = self._accounts.get(account.login)
            if before is not None and before.password != account.password:
                self._sessions = {d: kept for d, kept in self._sessions.items() if kept.login != account.login}
            self._accounts[account.login] = account
