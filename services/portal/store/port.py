"""What the portal keeps, as its doors see it. PostgreSQL in use; memory in tests. One suite holds both to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from services.portal.core.signin import Account, Session


class Accounts(Protocol):
    """Accounts, tries and sessions. All times are UTC and come from the caller's clock."""

    async def find(self, login: str) -> Account | None: ...

    async def reserve(self, login: str, now: datetime) -> datetime | None:
        """Count a try before the password is looked at, so that tries side by side can't outrun the rule.

        Returns: None, or until when further tries are refused.
        """
        ...

    async def forgive(self, login: str) -> None:
        """The password was right: the count begins again."""
        ...

    async def begin(self, digest: bytes, login: str, csrf: str, ordinal: int | None, expires_at: datetime) -> None:
        """Somebody has signed in. `digest` is of the cookie; `ordinal` counts in the account's places."""
        ...

    async def session(self, digest: bytes, now: datetime) -> Session | None: ...

    async def choose(self, digest: bytes, ordinal: int) -> None: ...

    async def end(self, digest: bytes) -> None: ...

    async def names(self) -> Mapping[str, str]:
        """Name by staff id."""
        ...

    async def put(self, accounts: Sequence[Account]) -> None:
        """Add accounts or replace them, in one step. A replaced account's sessions end if its password changed."""
        ...
