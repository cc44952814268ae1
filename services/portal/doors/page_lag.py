"""积压和暂存 Lag and parked, asked again every two seconds."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from services.portal.core import times
from services.portal.core.lagtable import lag_table
from services.portal.doors.session import SignedIn, identity
from services.portal.doors.shell import Page, render
from services.portal.doors.state import Here

router = APIRouter()
EVERY_MS = 2000


@router.get("/lag", include_in_schema=False)
async def page(request: Request, here: Here, session: SignedIn) -> Response:
    lag = await here.services.oversight.lag(identity(session))
    table = lag_table(lag, await here.alarms.alarms(), here.look.zone)
    template = "lag_parts.html" if "x-part" in request.headers else "lag.html"
    shell = Page(template, here="/lag", scripts=("echarts.js", "lag.js"), repaint="/lag", every_ms=EVERY_MS)
    return await render(
        here,
        session,
        shell,
        groups=table.groups,
        parked=table.parked,
        alarms=table.alarms,
        mark=table.mark,
        audited=table.audited,
        as_of=times.as_of(lag.as_of, here.look.zone),
        as_of_ms=int(lag.as_of.timestamp() * 1000),
        chart=here.assets.has("echarts.js"),
    )
