"""值班 Duty seat: what do I do next?"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.portal.core import timeline
from services.portal.core.casefile import CaseFile, at_the_seat, casefile
from services.portal.core.queue import Duty, duty
from services.portal.core.signin import Session
from services.portal.doors.api import ServiceError
from services.portal.doors.session import SignedIn, identity
from services.portal.doors.shell import Page, names_of, render
from services.portal.doors.state import Here, Portal

router = APIRouter()
LAST = 6


@router.get("/duty", include_in_schema=False)
async def page(request: Request, here: Here, session: SignedIn) -> Response:
    chosen = request.query_params.get("f", "open")
    laid = await _duty(here, session, chosen)
    rows = (*laid.needs_you.rows, *laid.on_the_clock.rows)
    case = request.query_params.get("chosen", "") or (rows[0].case.case if rows else "")
    shell = Page("duty.html", here="/duty", scripts=("duty.js",), live="/live/cases", pace_ms=1000)
    file, recent = await _file(here, session, case) if case else (None, ())
    return await render(
        here,
        session,
        shell,
        duty=laid,
        chosen=chosen,
        file=file,
        recent=recent,
        steps=at_the_seat(file) if file is not None else (),
    )


async def _duty(here: Portal, session: Session, chosen: str) -> Duty:
    who = identity(session)
    names = await names_of(here)
    # The district's seat sees the whole district; a street's what its units have to do with.
    unit = names.units.get(who.unit)
    queue = await here.services.intake.queue(who, "" if unit is None or unit.level == "district" else who.unit)
    return duty(queue, chosen, names, here.clock.now(), here.look.zone)


async def _file(here: Portal, session: Session, case: str) -> tuple[CaseFile | None, tuple[timeline.Entry, ...]]:
    who, names, zone = identity(session), await names_of(here), here.look.zone
    try:
        found = await here.services.intake.case(who, case)
        events = await here.services.intake.events(who, case)
    except ServiceError as error:
        if error.problem.status in (403, 404):
            return None, ()
        raise
    told = timeline.timeline(events.events, "all", names, zone, LAST)
    recent = tuple(entry for day in told.days for entry in day.entries)
    return casefile(found, names, here.clock.now(), zone), recent


@router.get("/duty/rows", include_in_schema=False)
async def rows(request: Request, here: Here, session: SignedIn) -> Response:
    chosen = request.query_params.get("f", "open")
    laid = await _duty(here, session, chosen)
    return await render(here, session, Page("duty_rows.html"), duty=laid, chosen=chosen, file=None)


@router.get("/duty/case/{case}", include_in_schema=False)
async def detail(case: str, here: Here, session: SignedIn) -> Response:
    file, recent = await _file(here, session, case)
    if file is None:
        return Response(
            "<div class='body'><div class='empty'><b>这件案件看不到了</b></div></div>", media_type="text/html"
        )
    return await render(here, session, Page("duty_case.html"), file=file, recent=recent, steps=at_the_seat(file))
