"""一屏 One screen: is anything stuck with nobody on it?"""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.portal.core import times
from services.portal.core.wall import wall
from services.portal.doors.session import SignedIn, identity
from services.portal.doors.shell import Page, names_of, render
from services.portal.doors.state import Here

router = APIRouter()


@router.get("/screen", include_in_schema=False)
async def page(request: Request, here: Here, session: SignedIn) -> Response:
    screen = await here.services.oversight.screen(identity(session))
    now, zone = here.clock.now(), here.look.zone
    laid = wall(screen, here.outline, await names_of(here), now, zone)
    template = "screen_parts.html" if "x-part" in request.headers else "screen.html"
    shell = Page(template, here="/screen", style="wall.css", live="/live/screen", repaint="/screen")
    return await render(
        here, session, shell, today=times.day(screen.as_of, zone), as_of=times.as_of(screen.as_of, zone),
        drawing=laid.drawing, spots=laid.spots, beside=laid.beside, whistles=laid.whistles,
        whistles_words=laid.whistles_words, due=laid.due, due_words=laid.due_words, figures=laid.figures,
        map_words=laid.map_words,
    )  # fmt: skip
