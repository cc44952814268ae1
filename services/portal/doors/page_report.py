"""网格上报 Grid report, outdoors, one hand; and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Response
from starlette.datastructures import UploadFile

from services.portal.core import times, words
from services.portal.core.forms import Checked, report
from services.portal.core.model import Registered
from services.portal.core.signin import Session
from services.portal.doors.api import Photo, Search, ServiceError, Unreachable
from services.portal.doors.page_register import NOT_STORED, communities, kinds_in_order, refused_fields, typed_of
from services.portal.doors.session import OwnForm, SignedIn, identity
from services.portal.doors.shell import Page, names_of, render
from services.portal.doors.state import Here, Portal

router = APIRouter()
FIELDS = ("kind", "community", "address", "text", "key")
_USUAL = ("05-01", "01-02", "05-07", "05-06", "01-03")
"""Kinds that come first where the telephone does not know what was used last."""


@router.get("/report", include_in_schema=False)
async def blank(here: Here, session: SignedIn) -> Response:
    return await _form(here, session, dict.fromkeys(FIELDS, ""), {})


async def _form(
    here: Portal,
    session: Session,
    typed: Mapping[str, str],
    errors: Mapping[str, str],
    done: Registered | None = None,
    photo_lost: bool = False,
    status: int = 200,
) -> Response:
    names = await names_of(here)
    kinds = sorted(
        kinds_in_order(names, "incident"),
        key=lambda kind: (_USUAL.index(kind.code) if kind.code in _USUAL else len(_USUAL), kind.code),
    )
    page = Page("report.html", here="/report", style="phone.css", scripts=("report.js",), status=status)
    return await render(
        here, session, page, typed=typed, errors=errors, kinds=kinds, communities=communities(names), done=done,
        photo_lost=photo_lost,
    )  # fmt: skip


@router.post("/report", include_in_schema=False)
async def send(here: Here, session: SignedIn, given: OwnForm) -> Response:
    """Register what was seen, then its photo: a report counts also where the photo did not get through."""
    names = await names_of(here)
    checked: Checked = report(given.fields, {kind.code: kind.family for kind in names.kinds.values()})
    typed = typed_of(given, FIELDS)
    if checked.registration is None:
        return await _form(here, session, typed, checked.errors, status=422)
    who = identity(session)
    try:
        done = await here.services.intake.register(who, checked.registration, given.key)
    except Unreachable:
        return await _form(here, session, typed, {"text": NOT_STORED}, status=503)
    except ServiceError as error:
        return await _form(here, session, typed, refused_fields(error.problem), status=422)
    lost = given.photo is not None and not await _photo(here, session, done.case, given.photo, given.key)
    return await _form(here, session, dict.fromkeys(FIELDS, ""), {}, done, lost)


async def _photo(here: Portal, session: Session, case: str, photo: UploadFile, key: str) -> bool:
    content = Photo("photo", photo.content_type or "application/octet-stream", await photo.read())
    try:
        await here.services.intake.add_photo(identity(session), case, content, f"{key}-photo")
    except (ServiceError, Unreachable):
        return False
    return True


@dataclass(frozen=True, slots=True)
class ReportedRow:
    when: str
    case: str
    title: str
    where: str
    state: str


@router.get("/reported", include_in_schema=False)
async def reported(here: Here, session: SignedIn) -> Response:
    names, zone = await names_of(here), here.look.zone
    who = identity(session)
    found = await here.services.intake.cases(who, Search(unit=who.unit))
    rows = [
        ReportedRow(
            when=times.clock(case.registered_at, zone) if case.registered_at else "",
            case=case.case,
            title=names.kind(case.kind),
            where=names.street(case.street),
            state=words.say(words.STATES, case.state),
        )
        for case in found.cases
        if case.channel == "grid"
    ]
    return await render(here, session, Page("reported.html", here="/reported", style="phone.css"), rows=rows)
