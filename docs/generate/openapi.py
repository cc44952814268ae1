"""OpenAPI of each door, from the applications that the composition roots build. Nothing of them is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from fastapi import APIRouter, FastAPI

from services.escalation.doors.http import router as escalation_router
from services.host.http import Health, make_app
from services.intake.doors.context import Context
from services.intake.doors.http import application as intake_application
from services.notify.doors.http import router as notify_router
from services.oversight.doors.http import router as oversight_router
from services.routing.doors.http import router as routing_router
from tests.clock import ManualClock

_KEY = b""
_CLOCK = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))


class _Nothing:
    """Stands for what a door would use when it is called. `clock` is looked at when an application is made."""

    clock = _CLOCK


def _nothing() -> Any:  # every parameter of a door has its own type; none of them is used here
    return _Nothing()


def _made(router: Callable[..., APIRouter]) -> APIRouter:
    """A door's routes, whatever it needs to answer them."""
    return router(*(_nothing() for _ in inspect.signature(router).parameters))


def _app(service: str, router: APIRouter) -> FastAPI:
    app = make_app(service, Health(), _KEY, _CLOCK)
    app.include_router(router)
    return app


APPLICATIONS: Mapping[str, Callable[[], FastAPI]] = {
    "intake": lambda: intake_application(cast(Context, _nothing()), Health(), _KEY),
    "routing": lambda: _app("routing", _made(routing_router)),
    "escalation": lambda: _app("escalation", _made(escalation_router)),
    "notify": lambda: _app("notify", _made(notify_router)),
    "oversight": lambda: _app("oversight", _made(oversight_router)),
}


def openapi(service: str) -> dict[str, Any]:
    """The document of one door. Errors of every operation are problems as in RFC 9457."""
    document = APPLICATIONS[service]().openapi()
    document["info"]["version"] = "1"
    document["info"]["description"] = (
        "Errors are application/problem+json (RFC 9457). Every request but links and health carries a bearer token; "
        "the portal forwards /v1/, with its session's token or with the caller's own."
    )
    return document
