"""Who is signed in, by the cookie; and that a form came from our own page."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Request, Response
from starlette.datastructures import UploadFile

from services.host.tokens import Identity
from services.portal.core.signin import Account, Session
from services.portal.doors.state import Here, Portal

COOKIE = "maodiao"
PRE_COOKIE = "maodiao_pre"


class SignInNeeded(Exception):  # noqa: N818 - a state, not a fault
    """Nobody is signed in, or no post was chosen. `choose` tells which."""

    def __init__(self, choose: bool = False) -> None:
        super().__init__("choose" if choose else "sign in")
        self.choose = choose


class ForeignForm(Exception):  # noqa: N818 - a state, not a fault
    """A form that did not come from our page, or from one of a session that is over."""


def digest(cookie: str) -> bytes:
    """What is kept of a cookie: who reads the table can't sign in with it."""
    return sha256(cookie.encode()).digest()


async def begin(portal: Portal, response: Response, account: Account, now: datetime) -> None:
    """Sign somebody in; with one post it is chosen at once."""
    cookie = secrets.token_urlsafe(32)
    expires = now + portal.look.session_lasts
    ordinal = 0 if len(account.places) == 1 else None
    await portal.accounts.begin(digest(cookie), account.login, secrets.token_urlsafe(24), ordinal, expires)
    set_cookie(portal, response, COOKIE, cookie)


def set_cookie(
    portal: Portal, response: Response, name: str, value: str, path: str = "/", lasts_s: int | None = None
) -> None:
    """A cookie that scripts can't read and other sites can't make the browser send with a form."""
    response.set_cookie(
        name, value, path=path, max_age=lasts_s, httponly=True, samesite="lax", secure=portal.look.secure_cookies
    )


async def found(request: Request, here: Portal) -> Session | None:
    """The session of the request's cookie, chosen or not."""
    cookie = request.cookies.get(COOKIE)
    return await here.accounts.session(digest(cookie), here.clock.now()) if cookie else None


async def any_session(request: Request, here: Here) -> Session:
    """Raises: SignInNeeded."""
    session = await found(request, here)
    if session is None:
        raise SignInNeeded
    return session


async def chosen_session(session: Annotated[Session, Depends(any_session)]) -> Session:
    """Raises: SignInNeeded, also where a post is still to be chosen."""
    if session.place is None:
        raise SignInNeeded(choose=True)
    return session


SignedIn = Annotated[Session, Depends(chosen_session)]


def identity(session: Session) -> Identity:
    """As whom the services are called."""
    assert session.place is not None, "a post was chosen"
    place = session.place
    return Identity(staff=session.staff, unit=place.unit, post=place.post, role=place.role)


@dataclass(frozen=True, slots=True)
class Form:
    """A form's fields, and its file where it has one. `key` makes a repeat harmless."""

    fields: Mapping[str, str]
    photo: UploadFile | None = None

    @property
    def key(self) -> str:
        return self.fields.get("key") or secrets.token_hex(16)

    def field(self, name: str) -> str:
        return self.fields.get(name, "").strip()


async def read_form(request: Request) -> Form:
    """The fields of a form; a repeated one counts once, the last."""
    form = await request.form(max_files=4, max_fields=100)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    photo = form.get("photo")
    return Form(fields, photo if isinstance(photo, UploadFile) and photo.filename else None)


async def own_form(request: Request, session: Annotated[Session, Depends(any_session)]) -> Form:
    """A form of ours. Raises: ForeignForm."""
    form = await read_form(request)
    if not hmac.compare_digest(form.field("csrf").encode(), session.csrf.encode()):
        raise ForeignForm
    return form


OwnForm = Annotated[Form, Depends(own_form)]


def same_origin(request: Request) -> bool:
    """Whether the browser says that the request came from a page of ours; browsers always say it with a POST."""
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host", "")


def local(path: str, otherwise: str) -> str:
    """A path of ours to go on to; anything else, such as another site's address, is replaced."""
    good = path.startswith("/") and not path.startswith(("//", "/\\")) and "\r" not in path and "\n" not in path
    return path if good else otherwise
