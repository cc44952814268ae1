"""Oversight's HTTP door: the one screen, lag, alarms. Everybody who is signed in may read them: they name no person."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from services.host.http import Caller, Problem
from services.kernel.clock import Clock
from services.oversight.doors.answers import (
    AlarmsAnswer,
    LagAnswer,
    ScreenAnswer,
    alarms_answer,
    lag_answer,
)
from services.oversight.doors.auditor import Auditor, MarkEar
from services.oversight.doors.lagwatch import LagWatch
from services.oversight.doors.screens import Screens
from services.oversight.store.questions import Questions


def router(
    screens: Screens, watch: LagWatch, auditor: Auditor, marks: MarkEar, questions: Questions, clock: Clock
) -> APIRouter:
    """The routes under /v1."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/screen")
    async def screen(_: Caller) -> ScreenAnswer:
        """One screen (一屏观全城), as of `as_of`."""
        return await screens.now()

    @routes.get("/screen/stream")
    async def stream(_: Caller) -> StreamingResponse:
        """The same, live: event `screen` when it changed, `as_of` at least every ten seconds."""
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(screens.live(), media_type="text/event-stream", headers=headers)

    @routes.get("/lag")
    async def lag(_: Caller) -> LagAnswer:
        """Lag of every consumer group, what is parked, the newest progress marks."""
        if (report := watch.report) is None:
            raise Problem(503, "not_yet", "还没看到消息系统 Not seen yet", "启动后几秒内就有；一直没有就看日志。")
        parked = await questions.parked()
        return lag_answer(report.as_of, report.partitions, report.groups, parked, marks.newest, clock.now())

    @routes.get("/alarms")
    async def alarms(_: Caller) -> AlarmsAnswer:
        """The alarms of the last audit; empty is good news only as of `as_of`."""
        return alarms_answer(auditor.as_of, auditor.alarms)

    return routes
