"""Errors of intake as RFC 9457 problems: what happened, why, what to do; never what was sent."""

from __future__ import annotations

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError

from services.host.http import Problem
from services.intake.core import numbers
from services.intake.core.places import Directory
from services.intake.doors import words
from services.intake.store import photos
from services.intake.store.cases import RefusedError, StaleError, UnknownCaseError
from services.intake.store.lists import Happened
from services.intake.store.presses import KeyReusedError
from services.kernel.store import Moved, Unavailable

_POWER = ("role_may_not", "not_your_unit", "not_your_street")
_SENT = ("in_future", "too_early", "no_zone", "seen_ahead", "unknown_outcome", "unknown_unit")


def install(app: FastAPI) -> None:
    """Give the application intake's errors."""
    app.add_exception_handler(UnknownCaseError, _unknown)
    app.add_exception_handler(StaleError, _stale)
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(KeyReusedError, _key_reused)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(Moved, _unavailable)
    app.add_exception_handler(photos.TooManyError, _too_many)
    app.add_exception_handler(RequestValidationError, _invalid)


def _unknown(request: Request, _: Exception) -> Response:
    problem = Problem(404, "no_such_case", "没有这件案件 No such case", "请核对编号或查询码。Check the number.")
    return problem.response(request.url.path)


def _stale(request: Request, error: Exception) -> Response:
    """409: 10:41 u-0016 已改派给…，您的“催办”没有发出."""
    assert isinstance(error, StaleError)
    step, directory = words.step(request.url.path.rsplit("/", 1)[-1]), request.app.state.intake.directory()
    what = "；".join(_sentence(one, directory) for one in error.changed)
    detail = f"{what}。您的“{step}”没有发出，请看现在的情况再决定。Not done: look again, then decide."
    changed = [{**msgspec.to_builtins(one), "says": _sentence(one, directory)} for one in error.changed]
    return Problem(409, "stale", "情况已变 Changed meanwhile", detail, changed=changed).response(request.url.path)


def _sentence(one: Happened, directory: Directory) -> str:
    at = one.time.astimezone(numbers.ZONE).strftime("%H:%M")
    unit = f"（{directory.name_of(one.unit)}）" if one.unit else ""
    return f"{at} {one.by or '系统'}{words.CHANGED.get(one.type, one.type)}{unit}"


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    why, step = error.because, words.step(request.url.path.rsplit("/", 1)[-1])
    status = 403 if why in _POWER else 422 if why in _SENT else 409
    title = f"{step}：不行 Not allowed" if status == 403 else f"{step}还不行 Not possible now"
    return Problem(status, "not_allowed", title, words.reason(why), because=why).response(request.url.path)


def _key_reused(request: Request, _: Exception) -> Response:
    detail = "同一个 Idempotency-Key 已用于别的内容；请换一个再发。The key was used for other content: take a new one."
    return Problem(409, "key_reused", "重复的键 Key used before", detail).response(request.url.path)


def _unavailable(request: Request, _: Exception) -> Response:
    detail = "没有存上，您写的还在。再按一次不会重复登记。Not stored; pressing again does not store it twice."
    response = Problem(503, "database", "暂时存不上 Not available", detail).response(request.url.path)
    response.headers["retry-after"] = "1"
    return response


def _too_many(request: Request, _: Exception) -> Response:
    detail = f"一件案件最多 {photos.MOST_PER_CASE} 张照片。At most {photos.MOST_PER_CASE} photos."
    return Problem(409, "too_many_photos", "照片太多 Too many photos", detail).response(request.url.path)


def _invalid(request: Request, error: Exception) -> Response:
    """Field and what is wrong with it; for our own checks also a sentence. Values are never repeated."""
    assert isinstance(error, RequestValidationError)
    wrong = []
    for one in error.errors():
        code = str(one["type"])
        says = {"says": words.FIELDS[code]} if code in words.FIELDS else {}
        wrong.append({"field": ".".join(str(part) for part in one["loc"]), "problem": code, **says})
    detail = "请改正下列各项后再发一次；没有存下任何内容。Correct these and send again; nothing was stored."
    return Problem(422, "invalid", "填写有误 Not valid", detail, errors=wrong).response(request.url.path)
