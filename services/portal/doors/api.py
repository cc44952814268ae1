"""The other services as the portal calls them: typed answers, or an error that says why not.

The protocols are what pages see, so that pages can be shown with services that only pretend.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from services.host.tokens import Identity
from services.portal.core.forms import Registration
from services.portal.core.model import (
    Case,
    Cases,
    Done,
    Events,
    LinkedWhistle,
    Parties,
    Party,
    Problem,
    Queue,
    Registered,
    Units,
)
from services.portal.core.overview import Alarms, Lag, Screen

Fields = Mapping[str, object]
"""The fields of a command as they go out as JSON."""


class ServiceError(Exception):
    """A service refused: `problem` says why."""

    def __init__(self, service: str, problem: Problem) -> None:
        super().__init__(f"{service} answered {problem.status}")
        self.service, self.problem = service, problem


class Unreachable(Exception):  # noqa: N818 - a state, not a fault of ours
    """A service did not answer."""

    def __init__(self, service: str) -> None:
        super().__init__(f"{service} did not answer")
        self.service = service


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a stream; a heartbeat has the event `beat`."""

    event: str
    data: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """What a list of cases is asked for; empty means any."""

    state: str = ""
    unit: str = ""
    street: str = ""
    q: str = ""
    limit: int = 50
    after: str = ""


@dataclass(frozen=True, slots=True)
class Photo:
    name: str
    type: str
    content: bytes


class Intake(Protocol):
    """Cases. Every call is made as somebody; commands carry a key that makes repeating them harmless."""

    async def register(self, who: Identity, registration: Registration, key: str) -> Registered: ...

    async def add_photo(self, who: Identity, case: str, photo: Photo, key: str) -> None: ...

    async def photo(self, who: Identity, case: str, photo: str) -> Photo: ...

    async def act(self, who: Identity, case: str, command: str, fields: Fields, key: str) -> Done: ...

    async def cases(self, who: Identity, search: Search) -> Cases: ...

    async def case(self, who: Identity, case: str) -> Case: ...

    async def events(self, who: Identity, case: str) -> Events: ...

    async def parties(self, who: Identity, case: str) -> Parties: ...

    async def reveal(self, who: Identity, case: str, party: str, purpose: str) -> Party: ...

    async def queue(self, who: Identity, unit: str) -> Queue: ...

    async def link(self, token: str) -> LinkedWhistle: ...

    async def answer_link(self, token: str, step: str, fields: Fields, key: str) -> None:
        """step: empty for the first answer, else attend, answer, settle."""
        ...

    def stream(self, who: Identity, case: str, last: str) -> AbstractAsyncContextManager[AsyncIterator[Message]]:
        """case: one case's changes, or empty for all. last: id of the last message seen, or empty."""
        ...


class Oversight(Protocol):
    async def screen(self, who: Identity) -> Screen: ...

    async def lag(self, who: Identity) -> Lag: ...

    async def alarms(self, who: Identity) -> Alarms: ...

    def stream(self, who: Identity) -> AbstractAsyncContextManager[AsyncIterator[Message]]: ...


class Routing(Protocol):
    async def units(self, who: Identity) -> Units: ...


@dataclass(frozen=True, slots=True)
class Services:
    """The doors that the portal calls."""

    intake: Intake
    oversight: Oversight
    routing: Routing
