"""/v1/ goes on to the services: as it came, as somebody, as it streams."""

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, StreamingResponse

from services.host.http import MOST_BODY
from services.host.tokens import check
from tests.clock import ManualClock
from tests.portal import town
from tests.portal.fakes import FakeIntake, FakeOversight, accounts, app, portal
from tests.portal.test_signin import Browser

NOW = datetime(2026, 11, 24, 2, 42, 18, tzinfo=UTC)
KEY = b"k" * 32


def echo() -> FastAPI:
    """A service that says what reached it."""
    made = FastAPI()

    @made.get("/v1/stream")
    async def stream() -> StreamingResponse:
        async def say() -> AsyncIterator[bytes]:
            yield b"event: changed\ndata: {}\n\n"
            await asyncio.sleep(30)
            yield b"event: never\n\n"

        return StreamingResponse(say(), media_type="text/event-stream")

    @made.get("/v1/cases/broken")
    async def broken() -> StreamingResponse:
        async def say() -> AsyncIterator[bytes]:
            yield b"{"

        return StreamingResponse(say(), headers={"content-length": "100"})

    @made.api_route("/{path:path}", methods=["GET", "POST"])
    async def all_(request: Request) -> JSONResponse:
        body = await request.body()
        said = {"path": request.scope["raw_path"].decode(), "query": request.url.query, "size": len(body),
                "headers": dict(request.headers)}  # fmt: skip
        return JSONResponse(said, 201 if request.method == "POST" else 200, {"set-cookie": "theirs=1", "x-theirs": "1"})

    return made


def free_socket() -> socket.socket:
    """A socket on a free port of this machine."""
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    return made


class Server:
    """An application on a free port of this machine, until stopped."""

    def __init__(self, made: FastAPI) -> None:
        self._socket = free_socket()
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(made, log_level="error", timeout_graceful_shutdown=1))

    async def __aenter__(self) -> "Server":
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        async with asyncio.timeout(10):
            while not self._server.started:  # noqa: ASYNC110 - uvicorn offers no event
                await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.should_exit = True
        await self._task


@pytest.fixture
async def both() -> AsyncIterator[Browser]:
    clock = ManualClock(NOW)
    intake = FakeIntake(clock)
    town.fill(intake, NOW)
    oversight = FakeOversight(intake, town.screen(NOW), town.lag(NOW))
    async with Server(echo()) as service:
        bases = {"cases": service.url, "stream": service.url, "links": service.url, "lag": "http://127.0.0.1:9"}
        made = app(portal(clock, intake, oversight, await accounts()), bases)
        async with Server(made) as front, httpx.AsyncClient(base_url=front.url, timeout=10) as client:
            yield Browser(client, clock)


async def test_a_request_goes_on_as_it_came_with_the_callers_own_token(both: Browser) -> None:
    headers = {"authorization": "Bearer theirs", "idempotency-key": "k-1", "cookie": "maodiao=x", "connection": "close"}
    answer = await both.client.post("/v1/cases/a%20b/photos?x=1&x=2", content=b"p" * 1000, headers=headers)
    said = answer.json()
    assert (answer.status_code, said["path"], said["query"], said["size"]) == (
        201,
        "/v1/cases/a%20b/photos",
        "x=1&x=2",
        1000,
    )
    assert said["headers"]["authorization"] == "Bearer theirs" and said["headers"]["idempotency-key"] == "k-1"
    assert "cookie" not in said["headers"]
    assert answer.headers["x-theirs"] == "1" and "set-cookie" not in answer.headers


async def test_whoever_is_signed_in_is_named_by_a_short_token(both: Browser) -> None:
    await both.sign_in("duty")
    said = (await both.client.get("/v1/cases?state=open")).json()
    who = check(said["headers"]["authorization"].removeprefix("Bearer "), KEY, NOW)
    assert (who.staff, who.role) == ("u-0005", "seat")


async def test_a_cookie_alone_changes_nothing(both: Browser) -> None:
    await both.sign_in("duty")
    assert (await both.client.post("/v1/cases", json={})).status_code == 403
    csrf = await both.csrf("/duty")
    assert (await both.client.post("/v1/cases", json={}, headers={"x-csrf": csrf})).status_code == 201


async def test_without_token_and_session_only_links_go_on(both: Browser) -> None:
    answer = await both.client.get("/v1/cases")
    assert answer.status_code == 401 and answer.headers["content-type"] == "application/problem+json"
    assert (await both.client.get("/v1/links/token")).status_code == 200


@pytest.mark.parametrize("path", ["/v1/secrets", "/v1/cases/../metrics", "/v1/cases//x", "/v1/cases/%2e%2e"])
async def test_only_known_paths_go_on(both: Browser, path: str) -> None:
    request = both.client.build_request("GET", "/", headers={"authorization": "Bearer theirs"})
    request.url = request.url.copy_with(raw_path=path.encode())
    answer = await both.client.send(request)
    assert answer.status_code == 404


async def test_eleven_megabytes_are_refused(both: Browser) -> None:
    async def sent() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 1024 * 1024

    headers = {"authorization": "Bearer theirs"}
    answer = await both.client.post("/v1/cases/a/photos", content=b"x" * (MOST_BODY + 1), headers=headers)
    assert answer.status_code == 413
    answer = await both.client.post("/v1/cases/a/photos", content=sent(), headers=headers)
    assert answer.status_code == 413


async def test_a_stream_comes_through_while_it_runs(both: Browser) -> None:
    headers = {"authorization": "Bearer theirs"}
    async with asyncio.timeout(5), both.client.stream("GET", "/v1/stream", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        first = await anext(answer.aiter_bytes())
    assert first.startswith(b"event: changed")


async def test_an_answer_that_breaks_off_is_not_taken_for_whole(both: Browser) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await both.client.get("/v1/cases/broken", headers={"authorization": "Bearer theirs"})


async def test_a_service_that_is_down_is_a_problem_with_a_sentence(both: Browser) -> None:
    answer = await both.client.get("/v1/lag", headers={"authorization": "Bearer theirs"})
    assert answer.status_code == 502 and "没有回答" in answer.json()["title"]


async def test_live_pages_hear_of_a_change_with_the_servers_clock(both: Browser) -> None:
    await both.sign_in("duty")
    heard = b""
    async with asyncio.timeout(10), both.client.stream("GET", "/live/cases") as answer:
        async for chunk in answer.aiter_bytes():
            heard += chunk
            if heard.count(b"event: beat") >= 2:
                break
    assert b"retry: 2000" in heard and str(int(NOW.timestamp() * 1000)).encode() in heard
