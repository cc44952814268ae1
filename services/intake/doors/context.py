"""What intake's HTTP doors share: stores, keys, and how a request becomes a press."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar, cast

import asyncpg
import msgspec
from fastapi import Depends, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError

from services.host.http import Problem
from services.host.tokens import Identity
from services.intake.core.cases import Case
from services.intake.core.inputs import Actor
from services.intake.core.places import Directory
from services.intake.doors.watch import Watch
from services.intake.store import lists
from services.intake.store.cases import CaseStore, UnknownCaseError
from services.intake.store.presses import Answer, Press
from services.intake.store.vault import Vault, digest
from services.kernel.clock import Clock
from services.kernel.database import Db
from services.kernel.telemetry import Logger

M = TypeVar("M", bound=BaseModel)
_LONGEST_KEY = 200


@dataclass(frozen=True, slots=True)
class Context:
    """What a request needs. kinds: family of each kind's code. unquarantine: reads a system again."""

    pool: asyncpg.Pool
    vault: Vault
    cases: CaseStore
    directory: Callable[[], Directory]
    watch: Watch
    kinds: Mapping[str, str]
    link_key: bytes
    clock: Clock
    log: Logger


async def context(request: Request) -> Context:
    """The context that the composition root put into the application."""
    return cast(Context, request.app.state.intake)


Ctx = Annotated[Context, Depends(context)]
CaseId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="case id")]


def actor(identity: Identity, directory: Directory) -> Actor:
    """The caller as the core knows them."""
    return Actor(
        staff=identity.staff,
        unit=identity.unit,
        post=identity.post,
        role=identity.role,
        street=directory.street_of(identity.unit),
    )


def described(model: type[BaseModel]) -> dict[str, object]:
    """A request body for the OpenAPI document: bodies are read by `body_of`, which FastAPI does not see.

    Definitions that the model refers to stand in place of the references, so that the document needs no others.
    """
    schema = model.model_json_schema(ref_template="{model}")
    inner = schema.pop("$defs", {})

    def inlined(part: object) -> object:
        if isinstance(part, dict):
            if "$ref" in part:
                return inlined(inner[part["$ref"]])
            return {name: inlined(value) for name, value in part.items()}
        return [inlined(value) for value in part] if isinstance(part, list) else part

    return {"requestBody": {"required": True, "content": {"application/json": {"schema": inlined(schema)}}}}


async def body_of(request: Request, model: type[M]) -> M:
    """The request's body, checked.

    Raises: RequestValidationError, which names fields and never values.
    """
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found]) from None


async def press_of(request: Request, staff: str, sent: bytes | None = None) -> Press:
    """The press behind a request: who, under which key, and a hash of what was sent.

    Args:
        sent: what counts as sent, if not the body: a form sent again stands between other boundaries.

    Raises: Problem 400, if the key is not printable or too long.
    """
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= _LONGEST_KEY and key.isascii() and key.isprintable()):
        detail = f"Idempotency-Key 要是 1 到 {_LONGEST_KEY} 个可见字符。One to {_LONGEST_KEY} printable characters."
        raise Problem(400, "idempotency_key", "请求头不对 Header not valid", detail)
    content = await request.body() if sent is None else sent
    return Press(staff, key, digest(request.method.encode(), request.url.path.encode(), content))


async def case_of(connection: Db, case: str) -> Case:
    """The case as it stands. Raises: UnknownCaseError."""
    state = await lists.one(connection, case)
    if state is None:
        raise UnknownCaseError
    return state


def json_response(value: object, status: int = 200) -> Response:
    """A typed value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def answer_response(answer: Answer) -> Response:
    """What a press answered, the first time or repeated."""
    return Response(answer.body, answer.status, media_type="application/json")
