"""Steps on a case: one route for each, all alike."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import msgspec
from fastapi import APIRouter, Request, Response

from services.host.http import Caller
from services.intake.core import hygiene, inputs, numbers, steps
from services.intake.core.cases import Case
from services.intake.core.inputs import Actor, Command
from services.intake.doors import models
from services.intake.doors.context import CaseId, Context, Ctx, actor, answer_response, body_of, described, press_of
from services.intake.store.cases import Opened, RefusedError, Step
from services.intake.store.presses import Answer

B = TypeVar("B", bound=models.Request)
_CODE = re.compile(r"[a-z][a-z_]{0,39}")  # no digits: tel13912345678 is no code
STATED = "stated"  # the reason on the topic where somebody gave it in words: those stay in the vault


class PressedView(msgspec.Struct, kw_only=True):
    sequence: int


@dataclass(frozen=True, slots=True)
class Route:
    """One step's route."""

    name: str
    model: type[models.Request]
    endpoint: Callable[[Request, str, Caller, Ctx], Awaitable[Response]]


def reason_code(reason: str) -> str:
    """A reason as it may stand on a topic: itself if it is a code, else that one was stated."""
    return reason if not reason or _CODE.fullmatch(reason) else STATED


def _reason(reason: str) -> Mapping[str, str]:
    return {} if reason_code(reason) == reason else {"reason": reason}


def occurred(claimed: datetime | None, at: datetime) -> datetime | None:
    """What somebody claims of the time. Raises: RefusedError, where it can't be."""
    if claimed is not None and (why := hygiene.occurred(claimed, at)) is not None:
        raise RefusedError(why)
    return claimed


def _known(body: models.Request, at: datetime, ctx: Context) -> None:
    """Is there the unit that a press names? Else a mistyped one would become the lead, and nobody would be told.

    Raises: RefusedError. Under the case's lock and not before, so that a repeat of what was done gets its first answer
    also when the unit has ended since.
    """
    unit = body.unit if isinstance(body, models.DispatchIn | models.WhistleIn) else None
    if unit is not None and not ctx.directory().has(unit, at.astimezone(numbers.ZONE).date()):
        raise RefusedError("unknown_unit")


def answered(body: models.AnswerIn | models.LinkAnswerIn) -> Mapping[str, str]:
    """The four elements (四要素) that were given."""
    given = {name: str(getattr(body, name)) for name in steps.ELEMENTS}
    return {name: text for name, text in given.items() if text}


def pressed(opened: Opened) -> Answer:
    """What a step answers."""
    assert opened.state is not None
    return Answer(200, msgspec.json.encode(PressedView(sequence=opened.state.sequence)))


def _route(
    name: str,
    model: type[B],
    make: Callable[[B, datetime, Actor], Command],
    texts: Callable[[B], Mapping[str, str]] = lambda _: {},
) -> Route:
    """make: the command. texts: what of it is free text and stays in the vault."""

    async def press(request: Request, case: CaseId, identity: Caller, ctx: Ctx) -> Response:
        body = await body_of(request, model)
        by = actor(identity, ctx.directory())
        seen: int | None = getattr(body, "seen")  # noqa: B009 - both bases of these requests have it

        def command(_: Case, at: datetime) -> Command:
            _known(body, at, ctx)
            return make(body, at, by)

        step = Step(case, name, command, seen, texts(body))
        return answer_response(await ctx.cases.press(step, await press_of(request, by.staff), pressed))

    return Route(name, model, press)


ROUTES: tuple[Route, ...] = (
    _route("accept", models.Press, lambda _, at, by: inputs.Accept(at=at, by=by)),
    _route("urge", models.Press, lambda _, at, by: inputs.Urge(at=at, by=by)),
    _route(
        "decline",
        models.Reasoned,
        lambda b, at, by: inputs.Decline(at=at, by=by, reason=reason_code(b.reason)),
        lambda b: _reason(b.reason),
    ),
    _route(
        "dispatch",
        models.DispatchIn,
        lambda b, at, by: inputs.Dispatch(at=at, by=by, unit=b.unit, reason=reason_code(b.reason)),
        lambda b: _reason(b.reason),
    ),
    _route(
        "attend",
        models.AttendIn,
        lambda b, at, by: inputs.Attend(
            at=at, by=by, obligation=b.obligation, rank=b.rank, occurred_at=occurred(b.occurred_at, at)
        ),
    ),
    _route(
        "dispose",
        models.DisposeIn,
        lambda b, at, by: inputs.Dispose(at=at, by=by, occurred_at=occurred(b.occurred_at, at)),
    ),
    _route("verify", models.VerifyIn, lambda b, at, by: inputs.Verify(at=at, by=by, passed=b.passed)),
    _route("close", models.CloseIn, lambda b, at, by: inputs.Close(at=at, by=by, outcome=b.outcome)),
    _route(
        "reopen",
        models.Reasoned,
        lambda b, at, by: inputs.Reopen(at=at, by=by, reason=reason_code(b.reason)),
        lambda b: _reason(b.reason),
    ),
    _route(
        "session",
        models.SessionIn,
        lambda b, at, by: inputs.Session(at=at, by=by, mode=b.mode, present=b.present, result=b.result),
        lambda b: {"note": b.note},
    ),
    _route(
        "agreement",
        models.AgreementIn,
        lambda b, at, by: inputs.Agreement(at=at, by=by, form=b.form, instalments=b.instalments),
        lambda b: {"agreement": b.text},
    ),
    _route("perform", models.PerformIn, lambda b, at, by: inputs.Perform(at=at, by=by, complete=b.complete)),
    _route(
        "whistle",
        models.WhistleIn,
        lambda b, at, by: inputs.Blow(at=at, by=by, unit=b.unit, kind=b.kind, reason=reason_code(b.reason)),
        lambda b: _reason(b.reason),
    ),
    _route(
        "confirm",
        models.ConfirmIn,
        lambda b, at, by: inputs.Confirm(at=at, by=by, obligation=b.obligation, rank=b.rank),
    ),
    _route(
        "answer",
        models.AnswerIn,
        lambda b, at, by: inputs.Answer(at=at, by=by, obligation=b.obligation, elements=tuple(answered(b))),
        answered,
    ),
    _route("settle", models.SettleIn, lambda b, at, by: inputs.Settle(at=at, by=by, obligation=b.obligation)),
    _route(
        "withdraw",
        models.WithdrawIn,
        lambda b, at, by: inputs.Withdraw(at=at, by=by, obligation=b.obligation, reason=reason_code(b.reason)),
        lambda b: _reason(b.reason),
    ),
    _route(
        "acknowledge",
        models.AcknowledgeIn,
        lambda b, at, by: inputs.Acknowledge(at=at, by=by, obligation=b.obligation, rank=b.rank, answer=b.answer),
        lambda b: {"sent": b.name, "reason": b.reason},
    ),
)


def make_router() -> APIRouter:
    """The routes of all steps."""
    router = APIRouter()
    for route in ROUTES:
        router.add_api_route(
            f"/v1/cases/{{case}}/{route.name}",
            route.endpoint,
            methods=["POST"],
            name=route.name,
            response_model=None,
            openapi_extra=described(route.model),
        )
    return router
