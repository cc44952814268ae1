"""Routing's HTTP door: the directory and the kinds to read; new versions of units for those who run the platform."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from asyncpg import Pool
from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, StringConstraints

from services.host.http import Caller, Problem, require
from services.kernel.clock import Clock
from services.kernel.database import faults
from services.kernel.store import Unavailable
from services.routing.core.changes import NOT_YET, draft
from services.routing.core.directory import Unit
from services.routing.store.changes import Change, RefusedError, RepeatedError, apply_once, kinds_of
from services.routing.store.editions import Shelf, newest

_OPS: Final = ("ops",)
# Neither control characters nor marks that turn the direction of writing.
_PLAIN: Final = r"^[^\x00-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]*$"
Text = Annotated[str, StringConstraints(max_length=200, pattern=_PLAIN)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Staff = Annotated[str, StringConstraints(pattern=r"^u-[0-9]{4,12}$")]
Key = Annotated[str, StringConstraints(min_length=8, max_length=200, pattern=r"^[!-~]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ShiftBody(_Strict):
    """Who is on duty when: ISO weekdays of the start, local HH:MM; an end before its start runs past midnight."""

    staff: Staff
    weekdays: tuple[int, ...]
    start: Text
    end: Text


class PostBody(_Strict):
    """A post (岗位) and who holds it."""

    post: Id
    staff: tuple[Staff, ...] = ()
    shifts: tuple[ShiftBody, ...] = ()


class MediatorBody(_Strict):
    """A mediator or lawyer who may sit on panels; fields: kind prefixes, none for all; cap: open cases at most."""

    staff: Staff
    role: Id
    fields: tuple[Id, ...] = ()
    cap: int = 20
    level: Text = ""
    status: Id = "normal"


class UnitBody(_Strict):
    """A unit as it is to stand from now on. `valid_to` is exclusive; `successor`: who takes over, None: none known."""

    unit: Id
    name: Text
    name_en: Text
    kind: Id
    level: Id
    parent: Id | None = None
    code: Id | None = None
    street: Id | None = None
    valid_from: date
    valid_to: date | None = None
    successor: Id | None = None
    lon: float | None = None
    lat: float | None = None
    posts: tuple[PostBody, ...] = ()
    mediators: tuple[MediatorBody, ...] = ()


class UnitOut(UnitBody):
    """A version of a unit, as published."""

    version: int
    changed_at: datetime


class UnitsOut(_Strict):
    """edition: number of the directory's newest change."""

    edition: int
    units: list[UnitOut]


class UnitHistoryOut(_Strict):
    """unit: as it stands today; None: it has ended or not begun. versions: all, the newest first."""

    unit: UnitOut | None
    versions: list[UnitOut]


class KindOut(_Strict):
    family: str
    code: str
    class_code: str
    class_zh: str
    class_en: str
    name_zh: str
    name_en: str


class KindsOut(_Strict):
    kinds: list[KindOut]


@dataclass(frozen=True, slots=True)
class DirectoryDoor:
    """What the door stands on."""

    pool: Pool
    shelf: Shelf
    clock: Clock

    async def missing(self) -> str | None:
        """What a directory still lacks before cases can be routed; None: nothing."""
        try:
            async with faults(), self.pool.acquire() as connection:
                version = await newest(connection)
                await self.shelf.refresh(connection, version)
        except Unavailable:
            return "the database does not answer"
        return None if version and self.shelf.edition(version).tables else "no directory was imported yet"

    async def refreshed(self) -> int:
        """Read what is new. Returns: number of the newest edition. Raises: Problem 503 while there is none."""
        async with self.pool.acquire() as connection:
            version = await newest(connection)
            await self.shelf.refresh(connection, version)
        if version == 0:
            raise Problem(
                503, "no_directory", "通讯录还没有导入 No directory yet", "先运行 `maodiao directory import`。"
            )
        return version


def router(door: DirectoryDoor) -> APIRouter:
    """The routes under /v1."""
    routes = APIRouter(prefix="/v1")

    @routes.get("/units")
    async def units(
        _: Caller,
        kind: Annotated[Id | None, Query()] = None,
        level: Annotated[Id | None, Query()] = None,
        street: Annotated[Id | None, Query()] = None,
        parent: Annotated[Id | None, Query()] = None,
        day: Annotated[date | None, Query(description="today if left out")] = None,
    ) -> UnitsOut:
        """Units in force on a day, by id."""
        edition = door.shelf.edition(await door.refreshed())
        wanted = {"kind": kind, "level": level, "street": street, "parent": parent}
        asked = [(field, value) for field, value in wanted.items() if value is not None]
        found = edition.directory.all(day or edition.directory.day(door.clock.now()))
        kept = [unit for unit in found if all(getattr(unit, field) == value for field, value in asked)]
        return UnitsOut(edition=edition.version, units=[_out(unit) for unit in kept])

    @routes.get("/units/{unit}")
    async def unit(unit: Id, _: Caller) -> UnitHistoryOut:
        """One unit with all its versions."""
        directory = door.shelf.edition(await door.refreshed()).directory
        versions = directory.versions(unit)
        if not versions:
            raise Problem(404, "no_unit", "没有这个单位 No such unit", "请核对单位编号。")
        now = directory.unit(unit, directory.day(door.clock.now()))
        return UnitHistoryOut(unit=_out(now) if now is not None else None, versions=[_out(one) for one in versions])

    @routes.get("/kinds")
    async def kinds(_: Caller) -> KindsOut:
        """Kinds of disputes and incidents, by family and code."""
        found = await kinds_of(door.pool)
        return KindsOut(kinds=[KindOut(**msgspec.to_builtins(kind)) for kind in found])

    @routes.post("/units", status_code=201)
    async def publish(
        body: UnitBody, who: Caller, response: Response, idempotency_key: Annotated[Key, Header()]
    ) -> UnitOut:
        """A new version of a unit, or a new unit. 200 if it stands like this already."""
        require(who, _OPS)
        zone = str(door.shelf.edition(await door.refreshed()).directory.zone)
        wanted = msgspec.convert({**body.model_dump(), "version": 0, "changed_at": NOT_YET}, Unit)
        change = Change([wanted], zone, f"{who.staff}: {wanted.unit}")
        digest = sha256(msgspec.json.encode(draft(wanted))).digest()
        try:
            async with door.pool.acquire() as connection:
                made, fresh = await apply_once(connection, idempotency_key, digest, change)
        except RefusedError as refused:
            raise Problem(
                422, "directory", "通讯录不能这样改 Not a valid change", "没有存下任何内容。", faults=refused.faults
            ) from refused
        except RepeatedError as repeated:
            raise Problem(
                422, "idempotency_key", "同一个 Idempotency-Key 带了别的内容 Key used before with other content"
            ) from repeated
        response.status_code = 201 if fresh else 200
        return _out(made)

    return routes


def _out(unit: Unit) -> UnitOut:
    return UnitOut.model_validate(msgspec.to_builtins(unit))
