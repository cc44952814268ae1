"""What every door has in common: errors as RFC 9457 problems, a bound on bodies, health, metrics, who is calling."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.host.tokens import Identity, TokenError, check
from services.kernel.clock import Clock
from services.kernel.database import FAULTS

MOST_BODY = 10 * 1024 * 1024 + 64 * 1024  # a photo of 10 MB and what goes around it
_MOST_READ_OFF = 64 * 1024 * 1024  # bytes; who sends more than that is cut off after all


class Problem(Exception):  # noqa: N818 - the RFC's own word
    """An error that a caller can do something about (RFC 9457).

    Args:
        status: HTTP status. type_: a short code, stable: `stale`, `not_allowed`. title: what happened, Chinese first.
        detail: why, and what to do. more: further members, such as `changed`.
    """

    def __init__(self, status: int, type_: str, title: str, detail: str = "", **more: object) -> None:
        super().__init__(title)
        self.status, self.type, self.title, self.detail, self.more = status, type_, title, detail, more

    def response(self, instance: str) -> JSONResponse:
        body = {"type": f"/problems/{self.type}", "title": self.title, "status": self.status, "instance": instance}
        if self.detail:
            body["detail"] = self.detail
        return JSONResponse({**body, **self.more}, self.status, media_type="application/problem+json")


@dataclass(slots=True)
class Health:
    """Ready means: all of these hold. Each check says what is missing, or None."""

    checks: list[Callable[[], Awaitable[str | None]]] = field(default_factory=list)

    async def missing(self) -> list[str]:
        return [said for check_one in self.checks if (said := await check_one()) is not None]


def make_app(service: str, health: Health, token_key: bytes, clock: Clock, *, most_body: int = MOST_BODY) -> FastAPI:
    """An application with what every door has; the service adds its routers."""
    app = FastAPI(title=f"Maodiao 矛调: {service}", docs_url=None, redoc_url=None, openapi_url="/v1/openapi.json")
    app.state.token_key, app.state.clock = token_key, clock
    app.add_middleware(BodyLimit, most=most_body)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    for fault in FAULTS:
        app.add_exception_handler(fault, _database_away)

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        missing = await health.missing()
        return JSONResponse({"ready": not missing, "missing": missing}, 503 if missing else 200)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)

    return app


async def caller(request: Request) -> Identity:
    """Who is calling, by the bearer token. Raises: Problem 401."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem(401, "no_token", "没有登录 Not signed in", "请先登录，或在请求头 Authorization 里带上令牌。")
    try:
        return check(token, request.app.state.token_key, request.app.state.clock.now())
    except TokenError as error:
        title = "登录已过期 Signed out" if error.expired else "令牌不对 Token not valid"
        raise Problem(401, "token", title, "请重新登录后再试。Sign in again.") from error


Caller = Annotated[Identity, Depends(caller)]


def require(identity: Identity, roles: Sequence[str]) -> None:
    """Raises: Problem 403 unless the caller has one of these roles."""
    if identity.role not in roles:
        raise Problem(403, "role", "您的岗位不能做这一步 Not for your post", f"需要的岗位：{'、'.join(roles)}。")


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response(request.url.path)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return Problem(error.status_code, "http", str(error.detail)).response(request.url.path)


async def _invalid(request: Request, error: Exception) -> Response:
    """Names the fields and what is wrong with each, never the values: they may be personal."""
    assert isinstance(error, RequestValidationError)
    wrong = [{"field": ".".join(map(str, item["loc"])), "problem": item["type"]} for item in error.errors()]
    problem = Problem(
        422, "invalid", "填写有误 Not valid", "请改正下列各项后再发一次；没有存下任何内容。", errors=wrong
    )
    return problem.response(request.url.path)


async def _database_away(request: Request, _: Exception) -> Response:
    problem = Problem(503, "database", "数据库没有回答 No database", "没有丢什么，请稍等再试。Try again in a moment.")
    return problem.response(request.url.path)


class BodyLimit:
    """Refuses a body above the bound, also one that does not say its length.

    What is still coming of a refused body is read off first, up to a bound: the connection would be reset while its
    sender still sends, and it would see that and no 413. Nothing of it is kept.
    """

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app, self._most = app, most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, self._most)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 413:
                await body.read_off()
            await send(message)

        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self._most:
            refusal = body.too_large().response(scope["path"])
            await refusal(scope, receive, answer)
        else:
            await self._app(scope, body.receive, answer)


class _Body:
    """A body on its way in: counted, and known to be at its end or not."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most, self._seen, self._more = receive, most, 0, True

    async def receive(self) -> Message:
        message = await self._next()
        if self._seen > self._most:
            raise self.too_large()
        return message

    async def read_off(self) -> None:
        while self._more and self._seen < _MOST_READ_OFF:
            await self._next()

    def too_large(self) -> Problem:
        most = self._most // (1024 * 1024)
        return Problem(413, "too_large", f"内容超过 {most} MB Too large", "请缩小照片或分几次发。没有存下任何内容。")

    async def _next(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        self._more = message["type"] == "http.request" and bool(message.get("more_body"))
        return message
