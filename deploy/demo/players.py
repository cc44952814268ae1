"""Signed-in persons over HTTP: the portal's POST /v1/session, then its /v1/. Nothing here knows more than they do."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Final, TypeVar

import httpx
import msgspec

from deploy.demo.expecting import Unexpected
from deploy.demo.views import Case, Lag, Logged, Moved, Receipt, Report
from services.portal.core.model import Unit

T = TypeVar("T")
Field = str | int | bool
_TRIES: Final = 20
AGAIN_S = 0.5
"""A process that dies is back within seconds; whoever pressed tries again, as people do."""

_NOT_NOW: Final = (500, 502, 503, 504)
_MOST_AT_ONCE: Final = 64


class _Token(msgspec.Struct):
    token: str


class _Pressed(msgspec.Struct):
    sequence: int


class _Events(msgspec.Struct):
    events: list[Logged]


class _Units(msgspec.Struct):
    units: list[Unit]


def client(portal: str) -> httpx.AsyncClient:
    """The HTTP client that all players share; `portal` is the portal's URL."""
    limits = httpx.Limits(max_connections=_MOST_AT_ONCE, max_keepalive_connections=_MOST_AT_ONCE)
    # The pool may be waited for: a thousand players press within seconds.
    return httpx.AsyncClient(base_url=portal, timeout=httpx.Timeout(20.0, pool=60.0), limits=limits, trust_env=False)


class Player:
    """One person with an account."""

    def __init__(self, http: httpx.AsyncClient, login: str, password: str, unit: str, staff: str) -> None:
        """`unit` and `staff` say who it is; signing in happens with the first step."""
        self.login, self.unit, self.staff = login, unit, staff
        self._http, self.password = http, password
        self._token: str | None = None
        self._signing = asyncio.Lock()

    async def register(self, report: Report) -> Receipt:
        """Register a case. Raises: Unexpected, where it is refused."""
        return await self._post("/v1/cases", msgspec.json.encode(report), Receipt)

    async def add_photo(self, case: str, content: bytes) -> None:
        """Add a photo to a case."""
        files = {"file": ("photo.png", content, "image/png")}
        answer = await self._send("POST", f"/v1/cases/{case}/photos", files=files, key=secrets.token_hex(16))
        self._check(answer, "add a photo")

    async def press(self, case: str, command: str, seen: int | None = None, **fields: Field) -> int:
        """Take a step.

        Args:
            case: which. command: the step. seen: number of the last event known; None: the case is read before.
            fields: what the step needs.

        Returns: the number of the case's last event.
        Raises: Unexpected, where it is refused.
        """
        shown = seen if seen is not None else (await self.case(case)).sequence
        body = msgspec.json.encode({"seen": shown, **fields})
        return (await self._post(f"/v1/cases/{case}/{command}", body, _Pressed)).sequence

    async def case(self, case: str) -> Case:
        """The case as this person sees it."""
        return await self._get(f"/v1/cases/{case}", Case)

    async def events(self, case: str) -> list[Logged]:
        """The case's log."""
        return (await self._get(f"/v1/cases/{case}/events", _Events)).events

    async def units(self) -> list[Unit]:
        """The directory."""
        return (await self._get("/v1/units", _Units)).units

    async def lag(self) -> Lag:
        """The lag page."""
        return await self._get("/v1/lag", Lag)

    @contextlib.asynccontextmanager
    async def live(self) -> AsyncIterator[AsyncIterator[Moved]]:
        """The live stream of all cases that change."""
        headers, timeout = await self._headers(), httpx.Timeout(20.0, read=60.0)
        async with self._http.stream("GET", "/v1/stream", headers=headers, timeout=timeout) as answer:
            if answer.status_code != 200:
                raise Unexpected(f"expected the live stream for {self.login}; the portal answered {answer.status_code}")
            yield _moves(answer)

    async def _get(self, path: str, type_: type[T]) -> T:
        return msgspec.json.decode(self._check(await self._send("GET", path), f"read {path}").content, type=type_)

    async def _post(self, path: str, body: bytes, type_: type[T]) -> T:
        answer = await self._send("POST", path, content=body, key=secrets.token_hex(16))
        return msgspec.json.decode(self._check(answer, path.rpartition("/")[2]).content, type=type_)

    async def _send(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        key: str | None = None,
    ) -> httpx.Response:
        """Send; again where no answer came: the key makes a repeat harmless."""
        headers = await self._headers()
        if key is not None:
            headers["Idempotency-Key"] = key
        if content is not None:
            headers["Content-Type"] = "application/json"
        for left in reversed(range(_TRIES)):
            try:
                answer = await self._http.request(method, path, content=content, files=files, headers=headers)
            except httpx.TransportError as error:
                if not left:
                    raise Unexpected(f"expected an answer to {method} {path}; saw {error!r}") from error
            else:
                if answer.status_code not in _NOT_NOW or not left:
                    return answer
            await asyncio.sleep(AGAIN_S)
        raise AssertionError("the last try returns or raises")

    async def _headers(self) -> dict[str, str]:
        async with self._signing:
            if self._token is None:
                body = {"login": self.login, "password": self.password}
                answer = self._check(await self._http.post("/v1/session", json=body), "sign in")
                self._token = msgspec.json.decode(answer.content, type=_Token).token
        return {"Authorization": f"Bearer {self._token}"}

    def _check(self, answer: httpx.Response, what: str) -> httpx.Response:
        if answer.is_success:
            return answer
        raise Unexpected(f"expected {self.login} to be let {what}; saw {answer.status_code} {answer.text[:300]}")


async def _moves(answer: httpx.Response) -> AsyncIterator[Moved]:
    """The messages of an event stream; heartbeats and requests to read everything anew are passed over."""
    kind = ""
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: ") and kind == "changed":
            yield msgspec.json.decode(line.removeprefix("data: "), type=Moved)
