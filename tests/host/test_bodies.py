"""A refused body is read off before the answer, so that whoever sends it sees the answer."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from fastapi import FastAPI, Request
from starlette.types import Message

from services.host.http import Health, make_app
from services.kernel.clock import SystemClock

MB = 1024 * 1024
MOST = 2 * MB


def app() -> FastAPI:
    made = make_app("toy", Health(), b"key", SystemClock(), most_body=MOST)

    @made.post("/echo")
    async def echo(request: Request) -> int:
        return len(await request.body())

    return made


class Sending:
    """A client that sends chunks of 1 MB, as a server shows it to an application."""

    def __init__(self, chunks: int, declared: bool) -> None:
        self.chunks, self.taken, self.said = chunks, 0, list[Message]()
        self.taken_when_answered: int | None = None
        length = [(b"content-length", str(chunks * MB).encode())] if declared else []
        self.scope = {
            "type": "http", "method": "POST", "path": "/echo", "raw_path": b"/echo", "query_string": b"",
            "headers": length, "http_version": "1.1", "scheme": "http", "root_path": "",
        }  # fmt: skip

    async def receive(self) -> Message:
        assert self.taken < self.chunks, "asked for more than is sent"
        self.taken += 1
        return {"type": "http.request", "body": b"x" * MB, "more_body": self.taken < self.chunks}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.taken_when_answered = self.taken
        self.said.append(message)

    @property
    def status(self) -> int:
        return int(self.said[0]["status"])


async def sent(chunks: int, declared: bool) -> Sending:
    sending = Sending(chunks, declared)
    await app()(sending.scope, sending.receive, sending.send)
    return sending


def bodies() -> Iterator[tuple[int, bool, int, int]]:
    for declared in (True, False):
        yield 2, declared, 200, 2
        yield 11, declared, 413, 11
        yield 80, declared, 413, 64  # who sends more than 64 MB is cut off


@pytest.mark.parametrize(("chunks", "declared", "status", "read"), list(bodies()))
async def test_the_answer_comes_after_the_body(chunks: int, declared: bool, status: int, read: int) -> None:
    sending = await sent(chunks, declared)
    assert (sending.status, sending.taken_when_answered) == (status, read)
    if status == 413:
        headers = dict(sending.said[0]["headers"])
        assert headers[b"content-type"] == b"application/problem+json"
        assert msgspec.json.decode(sending.said[1]["body"])["type"] == "/problems/too_large"


async def test_a_length_that_is_no_number_is_refused() -> None:
    sending = Sending(1, declared=False)
    sending.scope["headers"] = [(b"content-length", b"-1")]
    await app()(sending.scope, sending.receive, sending.send)
    assert sending.status == 413
