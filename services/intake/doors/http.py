"""Intake's HTTP application: the routers together, and what is asked of operators."""

from __future__ import annotations

import msgspec
from fastapi import APIRouter, FastAPI, Request, Response

from services.host.http import Caller, Health, make_app, require
from services.intake.core.inputs import Actor, OrderRevision
from services.intake.doors import errors, links, people, pressing, reading, registering, streams
from services.intake.doors.context import Context, Ctx, actor, body_of, json_response, press_of
from services.intake.doors.models import NothingIn, ReviseIn
from services.intake.store import lists, systems
from services.intake.store.cases import RefusedError, Step
from services.intake.store.presses import Press

router = APIRouter()
_PAGE = 200


class OrderedView(msgspec.Struct, kw_only=True):
    """How many open cases were told of the new policy or calendar."""

    cases: int


class LiftedView(msgspec.Struct, kw_only=True):
    lifted: bool


@router.post("/v1/revisions", response_model=None)
async def revise(request: Request, identity: Caller, ctx: Ctx) -> Response:
    """`revision ordered` for each open case, one small transaction each (marks wait for the oldest one)."""
    body = await body_of(request, ReviseIn)
    require(identity, ("ops", "service"))
    by, order = actor(identity, ctx.directory()), await press_of(request, identity.staff)
    after, told = "", 0
    while page := await _page(ctx, after):
        for case in page:
            told += await _order(ctx, case, body, by, order)
        after = page[-1]
    return json_response(OrderedView(cases=told))


async def _page(ctx: Context, after: str) -> list[str]:
    async with ctx.pool.acquire() as connection:
        return await lists.open_cases(connection, after, _PAGE)


async def _order(ctx: Context, case: str, body: ReviseIn, by: Actor, order: Press) -> int:
    step = Step(
        case,
        "revise",
        lambda _, at: OrderRevision(
            at=at, by=by, policy_version=body.policy_version, calendar_version=body.calendar_version
        ),
        None,
    )
    key = f"{order.key}/{case}" if order.key is not None else None
    try:
        await ctx.cases.press(step, Press(order.staff, key, order.digest), pressing.pressed)
    except RefusedError:  # closed since the page was read
        return 0
    return 1


@router.post("/v1/systems/{system}/lift", response_model=None)
async def lift(request: Request, system: str, identity: Caller, ctx: Ctx) -> Response:
    """Read a quarantined system again, from where it was stopped."""
    await body_of(request, NothingIn)
    require(identity, ("ops",))
    ctx.log.info("quarantine lifted", system=system[:40], by=identity.staff)
    return json_response(LiftedView(lifted=await systems.lift(ctx.pool, system)))


def application(context: Context, health: Health, token_key: bytes) -> FastAPI:
    """The application of one process."""
    app = make_app("intake", health, token_key, context.clock)
    app.state.intake = context
    errors.install(app)
    for part in (registering.router, reading.router, people.router, streams.router, links.router, router):
        app.include_router(part)
    app.include_router(pressing.make_router())
    return app
