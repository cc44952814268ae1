"""The services over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import httpx
import msgspec

from services.host.tokens import Identity, mint
from services.kernel.clock import Clock
from services.portal.core.forms import PartyInput, Registration
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
from services.portal.core.queue import LISTED
from services.portal.doors.api import Fields, Message, Photo, Search, ServiceError, Unreachable

T = TypeVar("T")
STREAM_TIMEOUT_S = 30.0
"""A stream that says nothing for so long, not even a heartbeat, is taken for dead."""


class Caller:
    """Calls one service as somebody, with a short token of theirs."""

    def __init__(self, service: str, http: httpx.AsyncClient, base: str, key: bytes, clock: Clock) -> None:
        self._service, self._http, self._base = service, http, base.rstrip("/")
        self._key, self._clock = key, clock

    def headers(self, who: Identity | None, key: str = "") -> dict[str, str]:
        made = {"authorization": f"Bearer {mint(who, self._key, self._clock.now())}"} if who else {}
        return {**made, "idempotency-key": key} if key else made

    async def get(self, type_: type[T], who: Identity | None, path: str, **query: str | int) -> T:
        params = {name: value for name, value in query.items() if value != ""}
        return self._read(type_, await self._send("GET", path, headers=self.headers(who), params=params))

    async def post(self, type_: type[T], who: Identity | None, path: str, fields: Fields, key: str = "") -> T:
        headers = {**self.headers(who, key), "content-type": "application/json"}
        return self._read(type_, await self._send("POST", path, headers=headers, content=msgspec.json.encode(fields)))

    async def upload(self, who: Identity, path: str, photo: Photo, key: str) -> None:
        files = {"file": (photo.name, photo.content, photo.type)}
        self._refused(await self._send("POST", path, headers=self.headers(who, key), files=files))

    async def download(self, who: Identity, path: str, name: str) -> Photo:
        response = self._refused(await self._send("GET", path, headers=self.headers(who)))
        return Photo(name, response.headers.get("content-type", "application/octet-stream"), response.content)

    async def _send(self, method: str, path: str, **parts: object) -> httpx.Response:
        try:
            return await self._http.request(method, self._base + path, **parts)  # type: ignore[arg-type] # httpx's own words
        except httpx.HTTPError as error:
            raise Unreachable(self._service) from error

    def _refused(self, response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        raise ServiceError(self._service, _problem(response.status_code, response.content))

    def _read(self, type_: type[T], response: httpx.Response) -> T:
        content = self._refused(response).content or b"{}"
        try:
            return msgspec.json.decode(content, type=type_)
        except msgspec.DecodeError as error:  # names the field, not its value
            raise ServiceError(self._service, Problem(title="答复读不懂", status=502, detail=str(error))) from error

    @asynccontextmanager
    async def stream(self, who: Identity, path: str, last: str = "") -> AsyncIterator[AsyncIterator[Message]]:
        headers = {**self.headers(who), "accept": "text/event-stream"}
        if last:
            headers["last-event-id"] = last
        timeout = httpx.Timeout(5.0, read=STREAM_TIMEOUT_S)
        try:
            async with self._http.stream("GET", self._base + path, headers=headers, timeout=timeout) as response:
                if not response.is_success:
                    raise ServiceError(self._service, _problem(response.status_code, await response.aread()))
                yield messages(response.aiter_lines())
        except httpx.HTTPError as error:
            raise Unreachable(self._service) from error


async def messages(lines: AsyncIterator[str]) -> AsyncIterator[Message]:
    """Read server-sent events; a comment is a heartbeat too."""
    event, id_ = "message", ""
    data: list[str] = []
    async for line in lines:
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data or event != "message":
                yield Message(event, "\n".join(data), id_)
            event, data = "message", []
        elif field == "":
            yield Message("beat", "")
        elif field == "event":
            event = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            id_ = value


def _problem(status: int, content: bytes) -> Problem:
    try:
        read = msgspec.json.decode(content, type=Problem)
    except msgspec.DecodeError:
        return Problem(title="服务没有说明原因", status=status)
    return msgspec.structs.replace(read, status=status)


class HttpIntake:
    """The port `Intake` over HTTP."""

    def __init__(self, caller: Caller) -> None:
        self._call = caller

    async def register(self, who: Identity, registration: Registration, key: str) -> Registered:
        return await self._call.post(Registered, who, "/v1/cases", registration_fields(registration), key)

    async def add_photo(self, who: Identity, case: str, photo: Photo, key: str) -> None:
        await self._call.upload(who, f"/v1/cases/{case}/photos", photo, key)

    async def photo(self, who: Identity, case: str, photo: str) -> Photo:
        return await self._call.download(who, f"/v1/cases/{case}/photos/{photo}", photo)

    async def act(self, who: Identity, case: str, command: str, fields: Fields, key: str) -> Done:
        return await self._call.post(Done, who, f"/v1/cases/{case}/{command}", fields, key)

    async def cases(self, who: Identity, search: Search) -> Cases:
        return await self._call.get(Cases, who, "/v1/cases", **_query(search))

    async def case(self, who: Identity, case: str) -> Case:
        return await self._call.get(Case, who, f"/v1/cases/{case}")

    async def events(self, who: Identity, case: str) -> Events:
        return await self._call.get(Events, who, f"/v1/cases/{case}/events")

    async def parties(self, who: Identity, case: str) -> Parties:
        return await self._call.get(Parties, who, f"/v1/cases/{case}/parties")

    async def reveal(self, who: Identity, case: str, party: str, purpose: str) -> Party:
        path = f"/v1/cases/{case}/parties/{party}/reveal"
        return await self._call.post(Party, who, path, {"purpose": purpose})

    async def queue(self, who: Identity, unit: str) -> Queue:
        return await self._call.get(Queue, who, "/v1/queue", unit=unit, limit=LISTED)

    async def link(self, token: str) -> LinkedWhistle:
        return await self._call.get(LinkedWhistle, None, f"/v1/links/{token}")

    async def answer_link(self, token: str, step: str, fields: Fields, key: str) -> None:
        path = f"/v1/links/{token}/{step}" if step else f"/v1/links/{token}"
        await self._call.post(Done, None, path, fields, key)

    @asynccontextmanager
    async def stream(self, who: Identity, case: str, last: str) -> AsyncIterator[AsyncIterator[Message]]:
        path = f"/v1/cases/{case}/stream" if case else "/v1/stream"
        async with self._call.stream(who, path, last) as heard:
            yield heard


def _query(search: Search) -> dict[str, str | int]:
    return {
        "state": search.state,
        "unit": search.unit,
        "street": search.street,
        "q": search.q,
        "limit": search.limit,
        "after": search.after,
    }


def registration_fields(registration: Registration) -> Mapping[str, object]:
    """A registration as intake's command; fields without a value are left out."""
    place = {
        name: value
        for name in ("community", "lon", "lat", "address")
        if (value := getattr(registration, name)) is not None
    }
    made: dict[str, object] = {
        "family": registration.family,
        "kind": registration.kind,
        "channel": registration.channel,
        "place": place,
        "text": registration.text,
        "parties": [_party(party) for party in registration.parties],
    }
    if registration.amount_fen is not None:
        made["amount_fen"] = registration.amount_fen
    if registration.confidential:
        made["confidential"] = True
    return made


def _party(party: PartyInput) -> Mapping[str, object]:
    said = {"role": party.role, "name": party.name, "kind": party.kind}
    if party.telephone:
        said["telephone"] = party.telephone
    if party.id_number:
        said["id_number"] = party.id_number
    return said


class HttpOversight:
    """The port `Oversight` over HTTP."""

    def __init__(self, caller: Caller) -> None:
        self._call = caller

    async def screen(self, who: Identity) -> Screen:
        return await self._call.get(Screen, who, "/v1/screen")

    async def lag(self, who: Identity) -> Lag:
        return await self._call.get(Lag, who, "/v1/lag")

    async def alarms(self, who: Identity) -> Alarms:
        return await self._call.get(Alarms, who, "/v1/alarms")

    @asynccontextmanager
    async def stream(self, who: Identity) -> AsyncIterator[AsyncIterator[Message]]:
        async with self._call.stream(who, "/v1/screen/stream") as heard:
            yield heard


class HttpRouting:
    """The port `Routing` over HTTP."""

    def __init__(self, caller: Caller) -> None:
        self._call = caller

    async def units(self, who: Identity) -> Units:
        return await self._call.get(Units, who, "/v1/units")
