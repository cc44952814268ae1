"""The door of escalation: which policy is in force, and which ever was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from services.host.http import Caller
from services.kernel.clock import Clock


class Versioned(Protocol):
    """A stored version, as the store gives it."""

    @property
    def kind(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def since(self) -> datetime: ...
    @property
    def body(self) -> str: ...
    @property
    def applied_by(self) -> str: ...
    @property
    def applied_at(self) -> datetime: ...


class Shelf(Protocol):
    """Gives every stored version, the oldest first."""

    async def __call__(self) -> Sequence[Versioned]: ...


class Version(BaseModel):
    """One version; `body` is the YAML, as it was applied."""

    model_config = ConfigDict(extra="forbid")

    name: str
    version: int
    since: datetime
    in_force: bool
    applied_by: str
    applied_at: datetime
    body: str


class Policies(BaseModel):
    """Every version there has been, the newest last."""

    model_config = ConfigDict(extra="forbid")

    as_of: datetime
    policies: list[Version]
    calendars: list[Version]


def router(shelf: Shelf, clock: Clock) -> APIRouter:
    """`GET /v1/policy`, for whoever is signed in."""
    made = APIRouter(prefix="/v1")

    @made.get("/policy")
    async def policy(_caller: Caller) -> Policies:
        """Every version of policy and calendar, and which are in force."""
        now, versions = clock.now(), await shelf()
        return Policies(
            as_of=now, policies=_views(versions, "policy", now), calendars=_views(versions, "calendar", now)
        )

    return made


def _views(versions: Sequence[Versioned], kind: str, now: datetime) -> list[Version]:
    """A policy gives way to the next one of any name; a calendar to the next one of its own."""
    mine = sorted((v for v in versions if v.kind == kind), key=lambda v: v.since)
    last = {("" if kind == "policy" else v.name): v for v in mine if v.since <= now}
    return [
        Version(
            name=v.name,
            version=v.version,
            since=v.since,
            in_force=v in last.values(),
            applied_by=v.applied_by,
            applied_at=v.applied_at,
            body=v.body,
        )
        for v in mine
    ]
