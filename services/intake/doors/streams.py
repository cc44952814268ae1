"""Live pages by server-sent events: a case by its own log, lists by one message for each case that changed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse

from services.host.http import Caller
from services.intake.doors.context import CaseId, Context, Ctx, case_of
from services.intake.doors.watch import Changed
from services.intake.store import lists

router = APIRouter()
HEARTBEAT_S = 10.0
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}
_LastId = Annotated[str | None, Header(alias="Last-Event-ID", max_length=20)]


class Message(msgspec.Struct, kw_only=True):
    """One case changed. street, lead: as it stands now, so that a list knows whether it is concerned."""

    case: str
    sequence: int
    type: str
    street: str | None = None
    lead: str | None = None


def frame(event: str, data: bytes, id_: int | None = None) -> bytes:
    """One message of the event stream format (HTML standard, 9.2)."""
    head = f"id: {id_}\n".encode() if id_ is not None else b""
    return head + f"event: {event}\n".encode() + b"data: " + data + b"\n\n"


@router.get("/v1/cases/{case}/stream", response_model=None)
async def of_case(request: Request, case: CaseId, _: Caller, ctx: Ctx, last: _LastId = None) -> StreamingResponse:
    """`changed` for each new event of the case; id: its number. What came since Last-Event-ID is told first."""
    async with ctx.pool.acquire() as connection:
        state = await case_of(connection, case)
    seen = int(last) if last is not None and last.isdigit() else state.sequence
    return _stream(_case(request, ctx, case, seen))


async def _case(request: Request, ctx: Context, case: str, seen: int) -> AsyncIterator[bytes]:
    with ctx.watch.subscribed() as queue:
        while not await request.is_disconnected():
            async with ctx.pool.acquire() as connection:
                log = await lists.log_of(connection, case, seen)
            for message in log:
                seen = message.sequence
                told = Message(case=case, sequence=seen, type=message.type)
                yield frame("changed", msgspec.json.encode(told), seen)
            if not await _wait(queue, case):
                yield b": heartbeat\n\n"


async def _wait(queue: asyncio.Queue[Changed | None], case: str) -> bool:
    """Until this case changed, or it is time for a heartbeat. Returns: did it change?"""
    loop = asyncio.get_running_loop()
    until = loop.time() + HEARTBEAT_S
    while (left := until - loop.time()) > 0:
        with contextlib.suppress(TimeoutError):
            changed = await asyncio.wait_for(queue.get(), left)
            if changed is None or changed.case == case:
                return True
    return False


@router.get("/v1/stream", response_model=None)
async def of_lists(request: Request, _: Caller, ctx: Ctx, last: _LastId = None) -> StreamingResponse:
    """`changed` for each event of any case; `reload` where some were left out: read the list again."""
    return _stream(_lists(request, ctx, again=last is not None))


async def _lists(request: Request, ctx: Context, *, again: bool) -> AsyncIterator[bytes]:
    with ctx.watch.subscribed() as queue:
        if again:  # a list is read as a whole; what was missed is in it
            yield frame("reload", b"{}")
        yield b": open\n\n"
        while not await request.is_disconnected():
            try:
                first = await asyncio.wait_for(queue.get(), HEARTBEAT_S)
            except TimeoutError:
                yield b": heartbeat\n\n"
                continue
            waiting = [first, *_all_waiting(queue)]
            if None in waiting:
                yield frame("reload", b"{}")
            for told in await _messages(ctx, [one for one in waiting if one is not None]):
                yield told


def _all_waiting(queue: asyncio.Queue[Changed | None]) -> list[Changed | None]:
    return [queue.get_nowait() for _ in range(queue.qsize())]


async def _messages(ctx: Context, changes: list[Changed]) -> list[bytes]:
    async with ctx.pool.acquire() as connection:
        known = await lists.whereabouts(connection, sorted({one.case for one in changes}))
    made = []
    for one in changes:
        street, lead = known.get(one.case, (None, None))
        told = Message(case=one.case, sequence=one.sequence, type=one.type, street=street, lead=lead)
        made.append(frame("changed", msgspec.json.encode(told), one.sequence))
    return made


def _stream(frames: AsyncIterator[bytes]) -> StreamingResponse:
    return StreamingResponse(frames, media_type="text/event-stream", headers=_HEADERS)
