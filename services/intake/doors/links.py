"""The link in a message to whoever was called: it shows the whistle, and a press answers it. No sign-in, no names.

Opening the link (GET) acknowledges nothing: mail scanners and previews open links too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

import msgspec
from fastapi import APIRouter, Request, Response

from services.host.http import Problem
from services.host.tokens import Link, TokenError, check_link
from services.intake.core import inputs
from services.intake.core.cases import Case, Rank, Whistle
from services.intake.core.inputs import Actor, Command
from services.intake.doors import models
from services.intake.doors.context import Context, Ctx, answer_response, body_of, case_of, json_response, press_of
from services.intake.doors.pressing import answered, occurred, pressed
from services.intake.store.cases import Step

router = APIRouter()
M = TypeVar("M", bound=models.Request)


class LinkView(msgspec.Struct, kw_only=True):
    """一哨：请到场: what, where, who calls, by when; nothing of the parties, nothing of the report."""

    case: str
    number: str
    family: str
    kind: str
    community_name: str | None
    street_name: str | None
    lon: float | None
    lat: float | None
    obligation: str
    rank: int
    unit: str
    unit_name: str
    by_unit: str
    by_unit_name: str
    whistle_kind: str
    status: str
    blown_at: datetime | None
    due_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    yours: bool
    answer: str | None
    attended_at: datetime | None
    elements: tuple[str, ...]
    next_rank: int
    as_of: datetime


@router.get("/v1/links/{token}", response_model=None)
async def show(token: str, ctx: Ctx) -> Response:
    """The whistle of a link. Nothing is recorded."""
    link = _open(token, ctx)
    async with ctx.pool.acquire() as connection:
        state = await case_of(connection, link.case)
    return json_response(_view(link, state, ctx))


def _open(token: str, ctx: Context) -> Link:
    try:
        return check_link(token, ctx.link_key, ctx.clock.now())
    except TokenError as error:
        if error.expired:
            raise Problem(410, "link_expired", "链接过期 Link expired", "请打值班电话。Call the duty seat.") from None
        raise Problem(404, "link", "链接不对 Link not valid", "请用短信里的完整链接，或打值班电话。") from None


def _view(link: Link, state: Case, ctx: Context) -> LinkView:
    directory = ctx.directory()
    whistle = state.whistles.get(link.obligation) or Whistle(obligation=link.obligation)
    rank = whistle.ranks.get(link.rank) or Rank(rank=link.rank, unit=link.unit)
    due = [
        one.due_at
        for one in state.limits.values()
        if (one.obligation, one.rank, one.status) == (link.obligation, link.rank, "running")
    ]
    return LinkView(
        case=link.case, number=state.number, family=state.family, kind=state.kind,
        community_name=directory.name_of(state.community) if state.community != "unknown" else None,
        street_name=directory.name_of(state.street) if state.street else None,
        lon=state.lon, lat=state.lat,
        obligation=link.obligation, rank=link.rank, unit=link.unit, unit_name=directory.name_of(link.unit),
        by_unit=whistle.by_unit, by_unit_name=directory.name_of(whistle.by_unit), whistle_kind=whistle.kind,
        status=whistle.status if state.open or whistle.ended else "closed",
        blown_at=rank.blown_at, due_at=min(due, default=None),
        acknowledged_at=rank.acknowledged_at, acknowledged_by=rank.acknowledged_by,
        yours=rank.acknowledged_by == link.staff, answer=rank.answer, attended_at=rank.attended_at,
        elements=whistle.elements, next_rank=link.rank + 1, as_of=ctx.clock.now(),
    )  # fmt: skip


def _actor(link: Link, ctx: Context) -> Actor:
    """Whoever holds the link stands for the person called: a unit that was called, whatever its post."""
    street = ctx.directory().street_of(link.unit)
    return Actor(staff=link.staff, unit=link.unit, role="department", street=street)


async def _press(request: Request, ctx: Context, link: Link, step: Step) -> Response:
    return answer_response(await ctx.cases.press(step, await press_of(request, link.staff), pressed))


def _step(link: Link, name: str, command: Command, said: Mapping[str, str] | None = None) -> Step:
    def make(_: Case, at: datetime) -> Command:
        return msgspec.structs.replace(command, at=at)

    return Step(link.case, name, make, None, said or {})


@router.post("/v1/links/{token}", response_model=None)
async def acknowledge(request: Request, token: str, ctx: Ctx) -> Response:
    """收到: recorded even if this whistle has not reached the case yet."""
    link, body = _open(token, ctx), await body_of(request, models.LinkAcknowledgeIn)
    command = inputs.Acknowledge(
        at=ctx.clock.now(), by=_actor(link, ctx), obligation=link.obligation, rank=link.rank, answer=body.answer,
        linked=True,
    )  # fmt: skip
    said = {"sent": body.name, "reason": body.reason}
    return await _press(request, ctx, link, _step(link, "acknowledge", command, said))


@router.post("/v1/links/{token}/attend", response_model=None)
async def attend(request: Request, token: str, ctx: Ctx) -> Response:
    """我到场了."""
    link, body = _open(token, ctx), await body_of(request, models.LinkAttendIn)
    by = _actor(link, ctx)

    def make(_: Case, at: datetime) -> Command:
        claimed = occurred(body.occurred_at, at)
        return inputs.Attend(at=at, by=by, obligation=link.obligation, rank=link.rank, occurred_at=claimed)

    return await _press(request, ctx, link, Step(link.case, "attend", make, None))


@router.post("/v1/links/{token}/answer", response_model=None)
async def answer(request: Request, token: str, ctx: Ctx) -> Response:
    """填四项."""
    link, body = _open(token, ctx), await body_of(request, models.LinkAnswerIn)
    given = answered(body)
    command = inputs.Answer(at=ctx.clock.now(), by=_actor(link, ctx), obligation=link.obligation, elements=tuple(given))
    return await _press(request, ctx, link, _step(link, "answer", command, given))


@router.post("/v1/links/{token}/settle", response_model=None)
async def settle(request: Request, token: str, ctx: Ctx) -> Response:
    """解决了."""
    link = _open(token, ctx)
    await body_of(request, models.NothingIn)
    command = inputs.Settle(at=ctx.clock.now(), by=_actor(link, ctx), obligation=link.obligation)
    return await _press(request, ctx, link, _step(link, "settle", command))
