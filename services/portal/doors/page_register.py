"""窗口登记 Register at the window, and the receipt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from services.portal.core import forms, times
from services.portal.core.catalogue import Catalogue, Kind, Place
from services.portal.core.model import Problem
from services.portal.core.signin import Session
from services.portal.doors.api import ServiceError, Unreachable
from services.portal.doors.session import Form, OwnForm, SignedIn, identity, set_cookie
from services.portal.doors.shell import Page, names_of, render
from services.portal.doors.state import Here, Portal

router = APIRouter()
FIELDS = (
    "telephone", "name", "id_number", "text", "kind", "others", "amount", "community", "address", "channel",
    "confidential", "key",
)  # fmt: skip
_FIELD_OF = {
    "id_number": "id_number", "telephone": "telephone", "name": "name", "text": "text", "community": "community",
    "address": "address", "kind": "kind", "amount_fen": "amount",
}  # fmt: skip
_USUAL = ("0402", "0203", "0201", "0303", "0102", "0704", "0804")
"""Kinds that come first while nothing was written yet: those that windows hear most of."""
NOT_STORED = "没有存上，您写的还在。再按一次不会重复登记"


def kinds_in_order(names: Catalogue, family: str) -> Sequence[Kind]:
    return [kind for kind in names.kinds.values() if kind.family == family]


def communities(names: Catalogue) -> Sequence[tuple[str, Sequence[Place]]]:
    """Communities by street, for a list to pick from."""
    return [
        (street.name, [place for place in names.communities if place.street == street.code]) for street in names.streets
    ]


@router.get("/register", include_in_schema=False)
async def blank(here: Here, session: SignedIn) -> Response:
    return await _form(here, session, dict.fromkeys(FIELDS, ""), {})


async def _form(
    here: Portal,
    session: Session,
    typed: Mapping[str, str],
    errors: Mapping[str, str],
    trouble: str = "",
    status: int = 200,
) -> Response:
    names = await names_of(here)
    every = sorted(
        (*kinds_in_order(names, "dispute"), *kinds_in_order(names, "incident")),
        key=lambda kind: _USUAL.index(kind.code) if kind.code in _USUAL else len(_USUAL),
    )
    page = Page("register.html", here="/register", scripts=("register.js",), status=status)
    foreseen = foresee_for(names, typed.get("kind", ""), typed.get("community", ""))
    return await render(
        here, session, page, typed=typed, errors=errors, trouble=trouble, kinds=every, communities=communities(names),
        foreseen=foreseen,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Foreseen:
    to: str
    because: str
    family: str


def foresee_for(names: Catalogue, kind: str, community: str) -> Foreseen | None:
    """Where a case will go, as far as place and kind tell. The rules themselves are routing's."""
    if kind not in names.kinds:
        return None
    place = names.places.get(community)
    known = names.kinds[kind]
    if place is None:
        return Foreseen("区矛调中心", f"社区不清楚，先由区里看；类别是{known.name_zh}", known.family)
    street = names.street(place.street)
    centre = f"{street}街道矛调中心" if known.family == "dispute" else f"{street}街道的承办队伍或区里主管部门"
    return Foreseen(centre, f"因为地点在{street}，类别是{known.name_zh}", known.family)


@router.get("/register/foresee", include_in_schema=False)
async def foresee(here: Here, session: SignedIn, kind: str = "", community: str = "") -> Response:
    foreseen = foresee_for(await names_of(here), kind, community)
    return await render(here, session, Page("foresee.html"), foreseen=foreseen)


@router.post("/register", include_in_schema=False)
async def register(here: Here, session: SignedIn, given: OwnForm) -> Response:
    names = await names_of(here)
    typed = {name: given.field(name) for name in FIELDS}
    checked = forms.register(typed, {kind.code: kind.family for kind in names.kinds.values()})
    if checked.registration is None:
        return await _form(here, session, typed, checked.errors, status=422)
    try:
        done = await here.services.intake.register(identity(session), checked.registration, given.key)
    except Unreachable:
        return await _form(here, session, typed, {"text": "登记服务没有回答"}, NOT_STORED, 503)
    except ServiceError as error:
        return await _form(here, session, typed, refused_fields(error.problem), status=422)
    response = RedirectResponse(f"/cases/{done.case}/receipt", 303)
    # The code is shown once: it travels in a cookie of the receipt's page alone, never in an address.
    set_cookie(here, response, "receipt", done.code, path=f"/cases/{done.case}/receipt", lasts_s=900)
    return response


def refused_fields(problem: Problem) -> Mapping[str, str]:
    """What intake did not accept, by the field of the form; what belongs to none stands with the text."""
    found: dict[str, str] = {}
    for one in problem.errors:
        last = [part for part in one.field.split(".") if part in _FIELD_OF]
        found[_FIELD_OF[last[-1]] if last else "text"] = one.says or f"{one.field}：{one.problem}"
    return found or {"text": problem.detail or problem.title}


@router.get("/cases/{case}/receipt", include_in_schema=False)
async def receipt(case: str, request: Request, here: Here, session: SignedIn) -> Response:
    found = await here.services.intake.case(identity(session), case)
    now, zone = here.clock.now(), here.look.zone
    registered = times.moment(found.registered_at, now, zone) if found.registered_at else times.moment(now, now, zone)
    page = Page("receipt.html")
    return await render(
        here, session, page, case=found, code=request.cookies.get("receipt", ""),
        registered=f"{times.day(found.registered_at or now, zone)} {registered[-5:]}",
        printed=f"{times.day(now, zone)} {times.clock(now, zone)}",
    )  # fmt: skip


def typed_of(given: Form, fields: Sequence[str]) -> dict[str, str]:
    return {name: given.field(name) for name in fields}
