"""一门受理: register a dispute or a street incident, by any channel."""

from __future__ import annotations

import secrets
from datetime import datetime

import msgspec
from fastapi import APIRouter, Request, Response

from services.host.http import Caller, Problem
from services.intake.core import hygiene, numbers, places, powers, search
from services.intake.core.cases import Case
from services.intake.core.inputs import Actor, Register
from services.intake.core.places import Found, Place
from services.intake.doors.context import Context, Ctx, actor, answer_response, body_of, described, press_of
from services.intake.doors.models import PartyIn, RegisterIn
from services.intake.store.cases import Draft, Opened, RefusedError
from services.intake.store.people import NewParty, Person
from services.intake.store.presses import Answer

router = APIRouter()
# Without 0 O 1 I L: it is read out over the telephone. 31 signs, 10 places: 49 bits, and guesses are slow.
_CODE_SIGNS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
_CODE_LENGTH = 10


class RegisteredView(msgspec.Struct, kw_only=True):
    """The receipt. code: 查询码, shown once; only its hash is kept."""

    case: str
    number: str
    code: str
    sequence: int
    community: str
    street: str | None
    approximate: bool


@router.post("/v1/cases", status_code=201, response_model=None, openapi_extra=described(RegisterIn))
async def register(request: Request, identity: Caller, ctx: Ctx) -> Response:
    """Register a case. 201 with number and code; 422 names what is wrong; 409 for a key used for other content."""
    body = await body_of(request, RegisterIn)
    by = actor(identity, ctx.directory())
    if (why := powers.may(None, "register", by)) is not None:
        raise RefusedError(why)
    found = _place(body, ctx)
    code = "".join(secrets.choice(_CODE_SIGNS) for _ in range(_CODE_LENGTH))
    draft = _draft(body, found, by, ctx, code)

    def answer(opened: Opened) -> Answer:
        state = opened.state
        assert state is not None
        return Answer(201, msgspec.json.encode(_view(opened.work.subject, state, code)))

    return answer_response(await ctx.cases.register(draft, await press_of(request, by.staff), answer))


def _view(case: str, state: Case, code: str) -> RegisteredView:
    return RegisteredView(
        case=case,
        number=state.number,
        code=code,
        sequence=state.sequence,
        community=state.community,
        street=state.street,
        approximate=state.approximate,
    )


def _place(body: RegisterIn, ctx: Context) -> Found:
    if ctx.kinds.get(body.kind) != body.family:
        detail = "请从类别表里选；类别要与“纠纷”或“事件”一致。Choose a kind of this family: GET /v1/kinds."
        raise Problem(422, "unknown_kind", "没有这个类别 No such kind", detail)
    place = Place(body.place.community, body.place.lon, body.place.lat, body.place.address)
    try:
        return ctx.directory().resolve(place, ctx.clock.now().astimezone(numbers.ZONE).date())
    except KeyError:
        detail = "请从名录里选社区；不知道就留空。Choose one of the directory, or leave it out."
        raise Problem(422, "unknown_community", "没有这个社区 No such community", detail) from None


def _draft(body: RegisterIn, found: Found, by: Actor, ctx: Context, code: str) -> Draft:
    lon, lat = body.place.lon, body.place.lat
    shown = body.family == "incident" and lon is not None and lat is not None

    def make(number: str, at: datetime) -> Register:
        if body.occurred_at is not None and (why := hygiene.occurred(body.occurred_at, at)) is not None:
            raise RefusedError(why)
        return Register(
            at=at, by=by, number=number, family=body.family, kind=body.kind, channel=body.channel,
            community=found.community, street=found.street, approximate=found.approximate,
            lon=places.rounded(lon) if shown and lon is not None else None,
            lat=places.rounded(lat) if shown and lat is not None else None,
            scale=body.scale, grade=body.grade, parties=len(body.parties), occurred_at=body.occurred_at,
            confidential=body.confidential,
        )  # fmt: skip

    said = {"report": body.text, "address": body.place.address}
    if body.amount_fen is not None:
        said["amount_fen"] = str(body.amount_fen)
    if lon is not None and lat is not None:
        said["point"] = f"{lon:.6f},{lat:.6f}"
    return Draft(
        family=body.family,
        series=numbers.series_of(ctx.directory().series_of(found.street), body.family),
        make=make,
        parties=[_party(one) for one in body.parties],
        words=said,
        terms=frozenset(search.of_text(body.text)),
        code=code,
    )


def _party(one: PartyIn) -> NewParty:
    person = Person(name=one.name, telephone=one.telephone, id_number=one.id_number, address=one.address)
    return NewParty(one.role, one.kind, person)
