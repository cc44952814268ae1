"""吹哨应答 Whistle answer: by signed link, without sign-in. Opening it acknowledges nothing."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from services.portal.core import whistlepage
from services.portal.core.model import LinkedWhistle
from services.portal.core.words import chinese
from services.portal.doors import session as sessions
from services.portal.doors.api import ServiceError, Unreachable
from services.portal.doors.session import ForeignForm
from services.portal.doors.shell import Page, names_of, render
from services.portal.doors.state import Here, Portal

router = APIRouter()
NOT_SENT = "没发出去，请再按一次；还不行就直接打电话"


@router.get("/w/{token}", include_in_schema=False)
async def page(token: str, here: Here) -> Response:
    return await _show(here, token)


async def _show(here: Portal, token: str, trouble: str = "", status: int = 200) -> Response:
    try:
        whistle = await here.services.intake.link(token)
    except ServiceError as error:
        return await _gone(here, error.problem.status)
    return await _page(here, whistle, trouble, status)


async def _page(here: Portal, whistle: LinkedWhistle, trouble: str, status: int) -> Response:
    view = whistlepage.view(whistle, await names_of(here), here.clock.now(), here.look.zone)
    page = Page("whistle.html", style="phone.css", status=status)
    return await render(
        here, None, page, whistle=whistle, trouble=trouble, rank=view.rank, want=view.want, caller=view.caller,
        limit=view.limit, due=view.due, sent=view.sent, said=view.said, title=view.title, where=view.where,
        blower=view.blower, why=view.why, stage=view.stage, over=view.over, accepted=view.accepted,
    )  # fmt: skip


async def _gone(here: Portal, status: int) -> Response:
    call = f"，请打值班电话 {here.look.duty_telephone}" if here.look.duty_telephone else "，请打值班电话"
    old = status in (401, 403, 410)
    return await render(
        here, None, Page("problem.html", status=status), heading="链接过期了" if old else "没有这条吹哨",
        why=("这条链接的时间过了，或不是我们发的" if old else "链接可能抄错了") + call, advice="打开链接不算“收到”。",
        back="/sign-in", back_words="去登录",
    )  # fmt: skip


@router.post("/w/{token}", include_in_schema=False)
async def press(token: str, request: Request, here: Here) -> Response:
    """One press: coming, sending somebody, returned; on site; the four elements; settled."""
    if not sessions.same_origin(request):
        raise ForeignForm
    given = await sessions.read_form(request)
    step = given.field("step")
    if step not in ("", "attend", "answer", "settle"):
        return RedirectResponse(f"/w/{token}", 303)
    now = here.clock.now()
    try:
        accepted = whistlepage.accepted(await here.services.intake.link(token), now, here.look.zone)
        fields = whistlepage.fields(step, given.fields, accepted)
        await here.services.intake.answer_link(token, step, fields, given.key)
    except Unreachable:
        return await _lost(here)
    except ServiceError as error:
        detail = chinese(error.problem.detail) or chinese(error.problem.title)
        return await _show(here, token, f"没有记上：{detail}", error.problem.status)
    return RedirectResponse(f"/w/{token}", 303)


async def _lost(here: Portal) -> Response:
    return await render(
        here, None, Page("problem.html", status=503), heading=NOT_SENT, why="服务没有回答。",
        advice="回到上一页再按一次；再按不会重复。", back="", back_words="再试一次",
    )  # fmt: skip
