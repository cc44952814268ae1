"""案件 Case: where it stands, what may be done, and what happened."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from services.portal.core import commands, masks, times, words
from services.portal.core.casefile import casefile
from services.portal.core.catalogue import Catalogue
from services.portal.core.model import Party, Problem
from services.portal.core.signin import Session
from services.portal.core.timeline import FILTERS, FIRST, timeline
from services.portal.doors.api import ServiceError, Unreachable
from services.portal.doors.session import OwnForm, SignedIn, identity, local
from services.portal.doors.shell import HEADERS, Page, names_of, render
from services.portal.doors.state import Here, Portal

router = APIRouter()
MOST = 5000


@dataclass(frozen=True, slots=True)
class Notice:
    """What stands above the case after a press that did not go through."""

    heading: str
    words: str


@dataclass(frozen=True, slots=True)
class PartyView:
    """A party in words; `full` shows what was masked, for sixty seconds."""

    party: str
    name: str
    role: str
    lines: tuple[str, ...]
    full: bool = False


def party_view(party: Party, full: bool = False) -> PartyView:
    """Intake masks already; what is masked here again stays as it is."""
    person = party.kind != "organisation"
    telephone = party.telephone or ""
    id_number = party.id_number or ""
    lines = (
        telephone if full else masks.telephone(telephone),
        id_number if full else masks.id_number(id_number),
        (party.address or "") if full else masks.address(party.address or ""),
    )
    return PartyView(
        party=party.party,
        name=party.name if full or not person else masks.name(party.name),
        role=words.say(words.PARTY_ROLES, party.role),
        lines=tuple(line for line in lines if line),
        full=full,
    )


@router.get("/cases/{case}", include_in_schema=False)
async def page(case: str, request: Request, here: Here, session: SignedIn) -> Response:
    return await show(here, session, case, request)


async def show(
    here: Portal,
    session: Session,
    case: str,
    request: Request,
    conflict: Notice | None = None,
    refused: Notice | None = None,
    status: int = 200,
) -> Response:
    """The page of a case, above it what went wrong with a press."""
    query = request.query_params
    log, most = query.get("log", "all"), query.get("most", "")
    who, names = identity(session), await names_of(here)
    found = await here.services.intake.case(who, case)
    events = await here.services.intake.events(who, case)
    now, zone = here.clock.now(), here.look.zone
    shown = min(int(most), MOST) if most.isdigit() else FIRST
    again = f"/cases/{case}?log={log}" + (f"&most={shown}" if most else "")
    part = Page(
        "case_parts.html" if "x-part" in request.headers else "case.html",
        here="/cases", live=f"/live/cases/{case}", repaint=again, status=status,
    )  # fmt: skip
    return await render(
        here, session, part, file=casefile(found, names, now, zone),
        told=timeline(events.events, log, names, zone, shown), filters=FILTERS, log=log,
        parties=await _parties(here, session, case), units=_units(names), open=query.get("open", ""),
        conflict=conflict, refused=refused,
    )  # fmt: skip


async def _parties(here: Portal, session: Session, case: str) -> tuple[PartyView, ...] | None:
    try:
        found = await here.services.intake.parties(identity(session), case)
    except (ServiceError, Unreachable):
        return None
    return tuple(party_view(party) for party in found.parties)


def _units(names: Catalogue) -> list[tuple[str, str]]:
    """Units that can be given work, for lists to pick from."""
    working = ("centre", "team", "department", "judicial_office", "grid", "station")
    return sorted(
        ((unit.unit, unit.name) for unit in names.units.values() if unit.kind in working), key=lambda one: one[1]
    )


@router.get("/cases/{case}/photos/{photo}", include_in_schema=False)
async def photo(case: str, photo: str, here: Here, session: SignedIn) -> Response:
    found = await here.services.intake.photo(identity(session), case, photo)
    safe = found.type if found.type in ("image/jpeg", "image/png", "image/webp") else "application/octet-stream"
    return Response(found.content, media_type=safe, headers={**HEADERS, "cache-control": "private, max-age=600"})


@router.get("/cases/{case}/parties/{party}", include_in_schema=False)
async def masked(case: str, party: str, here: Here, session: SignedIn) -> Response:
    """One party masked again, when its sixty seconds are over."""
    found = await here.services.intake.parties(identity(session), case)
    for one in found.parties:
        if one.party == party:
            return await _party(here, session, case, party_view(one))
    return Response("", headers=HEADERS)


@router.post("/cases/{case}/parties/{party}", include_in_schema=False)
async def reveal(case: str, party: str, request: Request, here: Here, session: SignedIn, given: OwnForm) -> Response:
    """Show what is masked, for a purpose; intake logs it. Without script the whole page comes back."""
    purpose = given.field("purpose")
    if len(purpose) < 2:
        notice = Notice("没有显示", "请写用途，至少两个字；会留记录")
        return await show(here, session, case, request, refused=notice, status=422)
    full = await here.services.intake.reveal(identity(session), case, party, purpose)
    return await _party(here, session, case, party_view(full, full=True))


async def _party(here: Portal, session: Session, case: str, view: PartyView) -> Response:
    found = await here.services.intake.case(identity(session), case)
    file = casefile(found, await names_of(here), here.clock.now(), here.look.zone)
    return await render(here, session, Page("party.html"), party=view, file=file)


@router.post("/cases/{case}/{command}", include_in_schema=False)
async def press(case: str, command: str, request: Request, here: Here, session: SignedIn, given: OwnForm) -> Response:
    """Take a step. Stale or refused: the case as it is now, above it what happened and that nothing was sent."""
    if command not in words.COMMANDS:
        return RedirectResponse(f"/cases/{case}", 303)
    try:
        fields = commands.fields(command, given.fields)
    except ValueError as error:
        notice = Notice("没有发出", str(error))
        return await show(here, session, case, request, refused=notice, status=422)
    try:
        await here.services.intake.act(identity(session), case, command, fields, given.key)
    except ServiceError as error:
        if error.problem.status == 409 and error.problem.changed:
            conflict = _conflict(command, error.problem, here)
            return await show(here, session, case, request, conflict=conflict, status=409)
        if error.problem.status in (403, 409, 422):
            refused = Notice(f"“{words.command(command)}”没有发出", _why(error.problem))
            return await show(here, session, case, request, refused=refused, status=error.problem.status)
        raise
    return RedirectResponse(local(given.field("next"), f"/cases/{case}"), 303)


def _conflict(command: str, problem: Problem, here: Portal) -> Notice:
    changed = "、".join(change.says or change.type for change in problem.changed)
    now = times.as_of(here.clock.now(), here.look.zone)
    said = f"{changed}。您的“{words.command(command)}”没有发出。下面是 {now} 的样子，要办请再按一次。"
    return Notice("您看的不是最新的样子", said)


def _why(problem: Problem) -> str:
    first = "；".join(one.says or one.field for one in problem.errors)
    return first or words.chinese(problem.detail) or words.chinese(problem.title) or "服务没有说明原因"
