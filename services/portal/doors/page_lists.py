"""案件 and 我办的: lists of cases."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from services.portal.core import words
from services.portal.core.queue import row
from services.portal.core.signin import Session
from services.portal.doors.api import Search
from services.portal.doors.session import SignedIn, identity
from services.portal.doors.shell import Page, names_of, render
from services.portal.doors.state import Here, Portal

router = APIRouter()


@router.get("/cases", include_in_schema=False)
async def cases(request: Request, here: Here, session: SignedIn) -> Response:
    asked = request.query_params
    search = Search(
        state=asked.get("state", "")[:40],
        street=asked.get("street", "")[:40],
        q=asked.get("q", "").strip()[:60],
        after=asked.get("after", "")[:200],
    )
    return await _list(here, session, search, "/cases", "案件", "Cases", searching=True)


@router.get("/mine", include_in_schema=False)
async def mine(request: Request, here: Here, session: SignedIn) -> Response:
    search = Search(unit=identity(session).unit, after=request.query_params.get("after", "")[:200])
    return await _list(here, session, search, "/mine", "本单位在办的", "With us", searching=False)


async def _list(
    here: Portal, session: Session, search: Search, path: str, heading: str, english: str, *, searching: bool
) -> Response:
    names, now, zone = await names_of(here), here.clock.now(), here.look.zone
    found = await here.services.intake.cases(identity(session), search)
    rows = [row(case, names, now, zone) for case in found.cases]
    kept = {name: value for name in ("state", "street", "q") if (value := getattr(search, name))}
    more = f"{path}?{urlencode({**kept, 'after': found.next})}" if found.next else ""
    page = Page("cases.html", here=path)
    filtered = bool(kept)
    return await render(
        here, session, page, heading=heading, heading_en=english, rows=rows, more=more, search=search,
        searching=searching, states=list(words.STATES.items()),
        streets=[(place.code, place.name) for place in names.streets],
        none="没有找到" if filtered else "还没有案件",
        none_more="换个词，或去掉筛选" if filtered else "登记或上报以后，案件会在这里",
    )  # fmt: skip
