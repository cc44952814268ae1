"""The portal's door: every page, sign-in, what is live, and /v1/ for programs."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse

from services.host.http import Health, make_app
from services.portal.core.words import chinese
from services.portal.doors import (
    live,
    page_case,
    page_duty,
    page_lag,
    page_lists,
    page_register,
    page_report,
    page_screen,
    page_whistle,
    session,
    signin,
)
from services.portal.doors.api import ServiceError, Unreachable
from services.portal.doors.forward import Forward
from services.portal.doors.session import ForeignForm, SignInNeeded
from services.portal.doors.shell import Page, render
from services.portal.doors.state import Portal

PAGES = (
    signin.router, live.router, page_register.router, page_duty.router, page_lists.router, page_whistle.router,
    page_screen.router, page_lag.router, page_report.router,
    # Last of the pages: its /cases/{case}/{command} would take what others own.
    page_case.router,
)  # fmt: skip


def build(portal: Portal, forward: Forward, health: Health) -> FastAPI:
    """The application."""
    app = make_app("portal", health, portal.token_key, portal.clock)
    app.state.portal = portal
    for router in PAGES:
        app.include_router(router)
    app.include_router(portal.assets.routes())
    app.include_router(forward.routes())
    app.add_exception_handler(SignInNeeded, _sign_in)
    app.add_exception_handler(ForeignForm, _foreign)
    app.add_exception_handler(ServiceError, _refused)
    app.add_exception_handler(Unreachable, _unreachable)
    return app


async def _sign_in(request: Request, error: Exception) -> Response:
    assert isinstance(error, SignInNeeded)
    if request.url.path.startswith("/live/"):
        return Response(status_code=401)
    if error.choose:
        return RedirectResponse("/sign-in/place", 303)
    goes_on = request.url.path if request.method == "GET" else "/"
    return RedirectResponse(f"/sign-in?next={goes_on}", 303)


async def _problem(request: Request, status: int, heading: str, why: str, advice: str) -> Response:
    portal: Portal = request.app.state.portal
    who = await session.found(request, portal)
    page = Page("problem.html", status=status)
    return await render(portal, who, page, heading=heading, why=why, advice=advice, back="/", back_words="回到我的页面")


async def _foreign(request: Request, _: Exception) -> Response:
    return await _problem(
        request, 403, "没有发出", "这一页太旧了，或不是从本系统的页面按的。", "请回到原来的页面，刷新后再按一次。"
    )


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ServiceError)
    problem = error.problem
    headings = {401: "请重新登录", 403: "您的岗位看不到这一页", 404: "没有找到"}
    heading = headings.get(problem.status, "没有办成")
    why = chinese(problem.detail) or chinese(problem.title) or "服务没有说明原因"
    status = problem.status if 400 <= problem.status < 500 else 502
    return await _problem(request, status, heading, why, "核对一下再试；还不行，请找值班运维。")


async def _unreachable(request: Request, error: Exception) -> Response:
    assert isinstance(error, Unreachable)
    return await _problem(
        request,
        503,
        "服务没有回答",
        f"{error.service} 没有回答，页面取不到数据。",
        "您没有做错。过一会儿刷新；再按一次不会重复。",
    )
