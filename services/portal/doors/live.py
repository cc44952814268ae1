"""What is new, pushed to open pages: the services' streams, told on with the server's clock in each heartbeat."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from services.portal.doors import session as sessions
from services.portal.doors.api import Message, ServiceError, Unreachable
from services.portal.doors.session import SignedIn
from services.portal.doors.state import Here, Portal

router = APIRouter()
RETRY_MS = 2000
Stream = AbstractAsyncContextManager[AsyncIterator[Message]]


@router.get("/live/cases", include_in_schema=False)
async def all_cases(request: Request, here: Here, session: SignedIn) -> StreamingResponse:
    last = request.headers.get("last-event-id", "")
    return _answer(here, here.services.intake.stream(sessions.identity(session), "", last))


@router.get("/live/cases/{case}", include_in_schema=False)
async def one_case(case: str, request: Request, here: Here, session: SignedIn) -> StreamingResponse:
    last = request.headers.get("last-event-id", "")
    return _answer(here, here.services.intake.stream(sessions.identity(session), case, last))


@router.get("/live/screen", include_in_schema=False)
async def screen(here: Here, session: SignedIn) -> StreamingResponse:
    return _answer(here, here.services.oversight.stream(sessions.identity(session)))


def _answer(here: Portal, stream: Stream) -> StreamingResponse:
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(_tell(here, stream), media_type="text/event-stream", headers=headers)


async def _tell(here: Portal, stream: Stream) -> AsyncIterator[str]:
    """Heartbeats are told on only when the service's own arrive: a page must not look live when nothing comes."""
    yield f"retry: {RETRY_MS}\n\n"
    try:
        async with stream as messages:
            yield _beat(here)
            async for message in messages:
                yield _beat(here) if message.event in ("beat", "heartbeat") else _changed(message)
    except (ServiceError, Unreachable):
        return  # the browser asks again after RETRY_MS


def _beat(here: Portal) -> str:
    return f"event: beat\ndata: {int(here.clock.now().timestamp() * 1000)}\n\n"


def _changed(message: Message) -> str:
    data = "".join(f"data: {line}\n" for line in (message.data or "{}").splitlines())
    return (f"id: {message.id}\n" if message.id else "") + f"event: changed\n{data}\n"
