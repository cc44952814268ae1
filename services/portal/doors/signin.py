"""登录 Sign-in, for people by form and for programs by POST /v1/session."""

from __future__ import annotations

import hmac
import secrets
from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from services.host.http import Problem
from services.host.tokens import Identity, mint
from services.portal.core import menus, times
from services.portal.core.signin import Account, Place, plausible
from services.portal.doors import session as sessions
from services.portal.doors.session import COOKIE, PRE_COOKIE, OwnForm, SignInNeeded, local
from services.portal.doors.shell import Page, render
from services.portal.doors.state import Here, Portal

router = APIRouter()
WRONG = "工号或密码不对"


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """Not let in; the text says why and how long to wait."""


async def check(here: Portal, login: str, password: str) -> Account:
    """Look at a login and its password.

    Raises:
        Refused: wrong, or too many wrong tries before.
    """
    if not plausible(login):
        await here.passwords.right(None, password)
        raise Refused(WRONG)
    now = here.clock.now()
    until = await here.accounts.reserve(login, now)
    if until is not None:
        raise Refused(_wait(until, now, here))
    account = await here.accounts.find(login)
    if not await here.passwords.right(account.password if account else None, password) or account is None:
        raise Refused(WRONG)
    await here.accounts.forgive(login)
    if not account.places:
        raise Refused("这个工号还没有岗位，请找管理员")
    return account


def _wait(until: datetime, now: datetime, here: Portal) -> str:
    return f"试错 5 次，15 分钟后再试（{times.moment(until, now, here.look.zone)} 起）"


@router.get("/", include_in_schema=False)
async def home(request: Request, here: Here) -> Response:
    session = await sessions.found(request, here)
    if session is None:
        return RedirectResponse("/sign-in", 303)
    return RedirectResponse(menus.start(session.place.role) if session.place else "/sign-in/place", 303)


@router.get("/sign-in", include_in_schema=False)
async def form(request: Request, here: Here) -> Response:
    return await _form(here, local(request.query_params.get("next", "/"), "/"))


async def _form(here: Portal, goes_on: str, login: str = "", problem: str = "", status: int = 200) -> Response:
    pre = secrets.token_urlsafe(18)
    page = Page("signin.html", status=status)
    response = await render(here, None, page, pre=pre, next=goes_on, login=login, problem=problem)
    sessions.set_cookie(here, response, PRE_COOKIE, pre, path="/sign-in")
    return response


@router.post("/sign-in", include_in_schema=False)
async def sign_in(request: Request, here: Here) -> Response:
    given = await sessions.read_form(request)
    goes_on, login = local(given.field("next"), "/"), given.field("login")[:64]
    pre = request.cookies.get(PRE_COOKIE, "")
    if not pre or not hmac.compare_digest(pre.encode(), given.field("pre").encode()):
        return await _form(here, goes_on, login, "这一页放得太久了，请再试一次", 403)
    try:
        account = await check(here, login, given.fields.get("password", "")[:256])
    except Refused as refused:
        return await _form(here, goes_on, login, str(refused), 401)
    response = RedirectResponse(goes_on, 303)
    await sessions.begin(here, response, account, here.clock.now())
    return response


@router.get("/sign-in/place", include_in_schema=False)
async def places(request: Request, here: Here) -> Response:
    session = await sessions.found(request, here)
    if session is None:
        raise SignInNeeded
    return await render(here, session, Page("places.html"))


@router.post("/sign-in/place", include_in_schema=False)
async def choose(request: Request, here: Here, given: OwnForm) -> Response:
    session = await sessions.any_session(request, here)
    ordinal = given.field("ordinal")
    if not ordinal.isdigit() or int(ordinal) >= len(session.places):
        return RedirectResponse("/sign-in/place", 303)
    await here.accounts.choose(sessions.digest(request.cookies[COOKIE]), int(ordinal))
    return RedirectResponse(menus.start(session.places[int(ordinal)].role), 303)


@router.post("/sign-out", include_in_schema=False)
async def sign_out(request: Request, here: Here, _: OwnForm) -> Response:
    await here.accounts.end(sessions.digest(request.cookies[COOKIE]))
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(COOKIE, path="/")
    return response


class SignInBody(BaseModel):
    """Who asks for a token; unit and post where the login has several places."""

    model_config = ConfigDict(extra="forbid")
    login: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=256)
    unit: str | None = Field(default=None, max_length=64)
    post: str | None = Field(default=None, max_length=64)


class TokenView(BaseModel):
    """A bearer token for /v1/, and what it lets its bearer be."""

    token: str
    expires_at: datetime
    staff: str
    unit: str
    post: str
    role: str


@router.post("/v1/session")
async def token(body: SignInBody, here: Here) -> TokenView:
    """A token for programs. The rules of wrong tries are those of the page."""
    try:
        account = await check(here, body.login, body.password)
    except Refused as refused:
        status = 401 if str(refused) == WRONG else 429
        raise Problem(status, "sign_in", "没有登录 Not signed in", str(refused)) from refused
    place = _place(account, body)
    now = here.clock.now()
    who = Identity(staff=account.staff, unit=place.unit, post=place.post, role=place.role)
    return TokenView(
        token=mint(who, here.token_key, now, here.look.token_lasts),
        expires_at=now + here.look.token_lasts,
        staff=who.staff,
        unit=who.unit,
        post=who.post,
        role=who.role,
    )


def _place(account: Account, body: SignInBody) -> Place:
    fitting = [p for p in account.places if body.unit in (None, p.unit) and body.post in (None, p.post)]
    if len(fitting) != 1:
        known = [{"unit": place.unit, "post": place.post} for place in account.places]
        detail = "请写明 unit 和 post。Say which unit and post."
        raise Problem(422, "which_post", "单位与岗位不明 Which post?", detail, places=known)
    return fitting[0]
