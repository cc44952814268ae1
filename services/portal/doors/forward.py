"""/v1/ goes on to the service that answers it, so that an integrator can do all that a page can."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Mapping
from urllib.parse import unquote

import httpx
from fastapi import APIRouter, Request, Response
from starlette.background import BackgroundTask
from starlette.responses import StreamingResponse

from services.host.http import Problem
from services.host.tokens import mint
from services.portal.doors import session as sessions
from services.portal.doors.state import Here, Portal

_HOP = frozenset(
    {
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
        "upgrade",
    }
)  # fmt: skip
# RFC 9110, 7.6.1: of one hop only. The rest is the portal's own business, not the service's.
_NOT_SENT = _HOP | {"host", "cookie", "x-csrf", "content-length", "expect"}
_NOT_BACK = _HOP | {"set-cookie", "server", "date"}
_METHODS = ["GET", "POST", "PUT", "DELETE"]
_WITHOUT_TOKEN = ("links", "progress")
STREAM_READ_S = 60.0


class Forward:
    """Which service answers which path.

    Args:
        http: the client for all calls. bases: base address by the first part of the path behind /v1/.
    """

    def __init__(self, http: httpx.AsyncClient, bases: Mapping[str, str]) -> None:
        self._http, self._bases = http, {first: base.rstrip("/") for first, base in bases.items()}

    def routes(self) -> APIRouter:
        router = APIRouter()
        router.add_api_route("/v1/{path:path}", self.forward, methods=_METHODS, include_in_schema=False)
        return router

    async def forward(self, request: Request, here: Here) -> Response:
        path = request.scope.get("raw_path", request.url.path.encode()).decode("ascii").partition("?")[0]
        parts = path.removeprefix("/v1/").split("/")
        base = self._bases.get(parts[0])
        if base is None or any(_leads_elsewhere(part) for part in parts):
            raise Problem(404, "no_such_path", "没有这个地址 No such path", "地址见 OpenAPI。See the OpenAPI.")
        headers = [(name, value) for name, value in request.headers.raw if name.decode("latin-1") not in _NOT_SENT]
        if "authorization" not in request.headers and parts[0] not in _WITHOUT_TOKEN:
            headers.append((b"authorization", f"Bearer {await _own_token(request, here)}".encode()))
        query = f"?{request.url.query}" if request.url.query else ""
        return await self._send(request, base + path + query, headers)

    async def _send(self, request: Request, url: str, headers: list[tuple[bytes, bytes]]) -> Response:
        has_body = request.method in ("POST", "PUT")
        sent = self._http.build_request(
            request.method,
            url,
            headers=headers,
            content=request.stream() if has_body else None,
            timeout=httpx.Timeout(10.0, read=STREAM_READ_S),
        )
        try:
            answer = await self._http.send(sent, stream=True)
        except httpx.HTTPError as error:
            raise unreachable() from error
        back = {name: value for name, value in answer.headers.items() if name not in _NOT_BACK}
        return StreamingResponse(_content(answer), answer.status_code, back, background=BackgroundTask(answer.aclose))


def _leads_elsewhere(part: str) -> bool:
    """A part that a server may read as another path; encoded slashes and dots count as what they stand for."""
    plain = unquote(part)
    return plain in ("", ".", "..") or "/" in plain or "\\" in plain


async def _content(answer: httpx.Response) -> AsyncIterator[bytes]:
    """The body as it comes. One that breaks off ends short of its content-length, so that nobody takes it for whole; an
    event stream, which has none, just ends: its client asks again from the last id."""
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    except httpx.HTTPError:
        return
    finally:
        await answer.aclose()


async def _own_token(request: Request, here: Portal) -> str:
    """A token for whoever is signed in; what changes something must also show that it came from a page of ours."""
    session = await sessions.found(request, here)
    if session is None or session.place is None:
        detail = "请带上令牌，或先登录。Send a bearer token, or sign in."
        raise Problem(401, "no_token", "没有登录 Not signed in", detail)
    shown = request.headers.get("x-csrf", "")
    if request.method != "GET" and not hmac.compare_digest(shown.encode(), session.csrf.encode()):
        raise Problem(403, "csrf", "不是本页发来的 Not from our page", "请在请求头 X-CSRF 里带上本页的值。")
    return mint(sessions.identity(session), here.token_key, here.clock.now())


def unreachable() -> Problem:
    return Problem(
        502, "unreachable", "服务没有回答 The service did not answer", "没有存上，请再试；再按一次不会重复。Try again."
    )
