"""Renders a page in the shell: bar, menu, strips, the server's clock."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from services.portal.core import menus, times, words
from services.portal.core.catalogue import Catalogue
from services.portal.core.overview import Alarms
from services.portal.core.signin import Session
from services.portal.doors.state import Portal

TEMPLATES = Path(__file__).parent.parent / "templates"
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": _POLICY,
    # With no-referrer a browser says "Origin: null" of its own forms, and they could not be told from others.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


def environment() -> Environment:
    """Templates; every value is escaped, a name that is not there is an error."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=select_autoescape(default=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"new_key": lambda: secrets.token_hex(16)}
    return made


_ENVIRONMENT = environment()


@dataclass(frozen=True, slots=True)
class Strip:
    tone: str
    words: str


@dataclass(frozen=True, slots=True)
class Page:
    """What a page needs of the shell. live: stream to follow. repaint: address of its parts, asked `every_ms`."""

    template: str
    here: str = ""
    style: str = "desk.css"
    scripts: tuple[str, ...] = ()
    live: str = ""
    repaint: str = ""
    every_ms: int = 0
    pace_ms: int = 0
    status: int = 200


async def render(portal: Portal, session: Session | None, page: Page, **view: object) -> HTMLResponse:
    """The page as HTML. Names of the view are those that its template uses."""
    now = portal.clock.now()
    names = await portal.names.current()
    strips = _strips(await portal.alarms.alarms(), portal.alarms.reachable) if session and session.place else ()
    context: dict[str, object] = {
        "asset": portal.assets.url,
        "session": session,
        "csrf": session.csrf if session else "",
        "menu": menus.menu(session.place.role) if session and session.place else (),
        "post_words": _post(session),
        "here": page.here,
        "style": page.style,
        "scripts": [name for name in ("htmx.js", "live.js", *page.scripts) if portal.assets.has(name)],
        "live": page.live,
        "repaint": page.repaint,
        "every": page.every_ms,
        "pace": page.pace_ms,
        "now_ms": int(now.timestamp() * 1000),
        "clock": times.as_of(now, portal.look.zone),
        "zone_name": portal.look.zone.key,
        "demo": portal.look.demo,
        "district": portal.look.district,
        "duty_telephone": portal.look.duty_telephone,
        "strips": strips,
        "names": names,
        "post": lambda code: words.say(words.POSTS, code),
        "channel": lambda code: words.say(words.CHANNELS, code),
    }
    html = _ENVIRONMENT.get_template(page.template).render({**context, **view})
    return HTMLResponse(html, page.status, HEADERS)


def _post(session: Session | None) -> str:
    return words.say(words.POSTS, session.place.post) if session and session.place else ""


def _strips(alarms: Alarms, reachable: bool) -> tuple[Strip, ...]:
    if not reachable:
        return (Strip("amber", "监督服务没有回答，计时器是否有声音没法确认"),)
    return (Strip("red", "计时器没有声音，请按钟点电话核实"),) if alarms.timer_silent else ()


async def names_of(portal: Portal) -> Catalogue:
    return await portal.names.current()
