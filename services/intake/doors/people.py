"""Parties and photos of a case: masked by default; shown in full for a purpose, and noted."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import uuid4

import msgspec
from fastapi import APIRouter, Path, Request, Response, UploadFile

from services.host.http import Caller, Problem
from services.intake.core import powers
from services.intake.core.cases import Case
from services.intake.core.inputs import Actor, AddPhoto, ErasePerson
from services.intake.doors.context import (
    CaseId,
    Ctx,
    actor,
    answer_response,
    body_of,
    case_of,
    json_response,
    press_of,
)  # fmt: skip
from services.intake.doors.models import NothingIn, RevealIn
from services.intake.doors.pressing import pressed
from services.intake.store import people, photos
from services.intake.store.cases import Opened, RefusedError, Step
from services.intake.store.people import Party, Reading
from services.intake.store.photos import Photo
from services.intake.store.presses import Answer
from services.kernel.database import Db

router = APIRouter()
Reference = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


class PartyView(msgspec.Struct, kw_only=True):
    """A party. masked: names and numbers are shown in part only; erased: nothing is left to show."""

    party: str
    role: str
    kind: str
    name: str
    telephone: str
    id_number: str
    address: str
    masked: bool
    erased: bool = False


class PartiesView(msgspec.Struct, kw_only=True):
    parties: list[PartyView]


class PhotoView(msgspec.Struct, kw_only=True):
    photo: str


def masked(party: Party) -> PartyView:
    """王**, 138****1234, 1201**********402X; of an address the first six characters."""
    person = party.person
    if person is None:
        return _view(party, "", "", "", "", masked=True)
    name = person.name if party.kind == "organisation" else person.name[:1] + "**"
    telephone = f"{person.telephone[:3]}****{person.telephone[-4:]}" if person.telephone else ""
    number = f"{person.id_number[:4]}{'*' * 10}{person.id_number[-4:]}" if person.id_number else ""
    address = f"{person.address[:6]}…" if person.address else ""
    return _view(party, name, telephone, number, address, masked=True)


def _view(party: Party, name: str, telephone: str, number: str, address: str, *, masked: bool) -> PartyView:
    return PartyView(
        party=party.party, role=party.role, kind=party.kind, name=name, telephone=telephone, id_number=number,
        address=address, masked=masked, erased=party.person is None,
    )  # fmt: skip


@router.get("/v1/cases/{case}/parties", response_model=None)
async def parties(case: CaseId, identity: Caller, ctx: Ctx) -> Response:
    """Who is concerned, masked."""
    async with ctx.pool.acquire() as connection:
        await _readable(connection, case, actor(identity, ctx.directory()))
        found = await people.parties_of(connection, ctx.vault, case)
    return json_response(PartiesView(parties=[masked(one) for one in found]))


@router.post("/v1/cases/{case}/parties/{party}/reveal", response_model=None)
async def reveal(request: Request, case: CaseId, party: Reference, identity: Caller, ctx: Ctx) -> Response:
    """A party in full, for a stated purpose; noted before it is shown."""
    body = await body_of(request, RevealIn)
    async with ctx.pool.acquire() as connection:
        await _readable(connection, case, actor(identity, ctx.directory()))
        found = [one for one in await people.parties_of(connection, ctx.vault, case) if one.party == party]
        if not found:
            raise Problem(404, "no_such_party", "没有这个人 No such party")
        await people.note(connection, Reading(identity.staff, "party", case, party, body.purpose))
    person = found[0].person
    if person is None:
        raise Problem(410, "erased", "个人信息已删除 Erased", "依申请删除，无法恢复。Deleted on request.")
    view = _view(found[0], person.name, person.telephone, person.id_number, person.address, masked=False)
    return json_response(view)


@router.post("/v1/cases/{case}/parties/{party}/erase", response_model=None)
async def erase(request: Request, case: CaseId, party: Reference, identity: Caller, ctx: Ctx) -> Response:
    """Delete a party's personal data; the log says that it was done, by reference."""
    await body_of(request, NothingIn)
    by = actor(identity, ctx.directory())

    async def delete(connection: Db) -> None:
        if not await people.erase(connection, case, party, by.staff):
            raise Problem(404, "no_such_party", "没有可删除的 Nothing to erase")

    step = Step(case, "erase", lambda _, at: ErasePerson(at=at, by=by, party=party), None, also=delete)
    return answer_response(await ctx.cases.press(step, await press_of(request, by.staff), pressed))


async def _readable(connection: Db, case: str, by: Actor) -> None:
    """Raises: UnknownCaseError, RefusedError."""
    if not powers.may_read_text(await case_of(connection, case), by):
        raise RefusedError("not_your_unit")


@router.post("/v1/cases/{case}/photos", status_code=201, response_model=None)
async def add_photo(request: Request, case: CaseId, file: UploadFile, identity: Caller, ctx: Ctx) -> Response:
    """Add a photo (JPEG, PNG, WebP, HEIC; at most 10 MB). Sent again under its key it is kept once."""
    content = await file.read(photos.MOST_BYTES + 1)
    added = Photo(uuid4().hex, _media_type(content), len(content))
    by = actor(identity, ctx.directory())

    def command(state: Case, at: datetime) -> AddPhoto:
        if by.role == "service" or (not powers.may_read_text(state, by) and by.role not in ("grid", "clerk")):
            raise RefusedError("not_your_unit")
        return AddPhoto(at=at, by=by, photo=added.photo)

    async def keep(connection: Db) -> None:
        await photos.add(connection, ctx.vault, case, by.staff, added, content)

    def answer(_: Opened) -> Answer:
        return Answer(201, msgspec.json.encode(PhotoView(photo=added.photo)))

    step = Step(case, "photo", command, None, also=keep)
    return answer_response(await ctx.cases.press(step, await press_of(request, by.staff, content), answer))


def _media_type(content: bytes) -> str:
    """Raises: Problem 413 or 415, if it is too large or not a photo."""
    if len(content) > photos.MOST_BYTES:
        raise Problem(413, "too_large", "照片超过 10 MB Too large", "请缩小照片再发。Make it smaller.")
    media_type = photos.media_type_of(content)
    if media_type is None:
        raise Problem(415, "not_a_photo", "不是照片 Not a photo", "请发 JPEG、PNG、WebP 或 HEIC。")
    return media_type


@router.get("/v1/cases/{case}/photos/{photo}", response_model=None)
async def photo(case: CaseId, photo: Reference, identity: Caller, ctx: Ctx) -> Response:
    """A photo; noted as a reading."""
    async with ctx.pool.acquire() as connection:
        await _readable(connection, case, actor(identity, ctx.directory()))
        found = await photos.content(connection, ctx.vault, case, photo)
        if found is None:
            raise Problem(404, "no_such_photo", "没有这张照片 No such photo")
        await people.note(connection, Reading(identity.staff, "photo", case))
    media_type, content = found
    # Never sniffed, never run: what somebody sent is shown as the picture that its first bytes say.
    headers = {"x-content-type-options": "nosniff", "content-security-policy": "sandbox", "cache-control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)
