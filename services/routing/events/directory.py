"""The directory (通讯录): units, posts, rosters. Staff ids alone; names, mail and telephones stay elsewhere."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

import msgspec

from services.kernel.envelope import Event


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on duty when.

    weekdays: ISO 1 (Monday) … 7. start, end: local `HH:MM`; an end before its start runs past midnight.
    """

    staff: str
    weekdays: tuple[int, ...]
    start: str
    end: str


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """A post (岗位) and who holds it.

    post: `head` 负责人, `duty_seat` 值班坐席, `judicial_head` 司法所长, `lawyer`, `mediator`,
    `party_secretary` 区委书记, `district_head` 区长 (open string).
    shifts: who of them is on duty when; empty: nobody is.
    """

    post: str
    staff: tuple[str, ...] = ()
    shifts: tuple[Shift, ...] = ()


class Mediator(msgspec.Struct, frozen=True, kw_only=True):
    """A mediator or lawyer who may sit on panels.

    fields: kind prefixes, empty for all. cap: open cases at most. level: gold, senior …; status: normal, paused, leave.
    """

    staff: str
    role: str
    fields: tuple[str, ...] = ()
    cap: int = 20
    level: str = ""
    status: str = "normal"


class UnitPublished(Event, frozen=True, kw_only=True):
    """One unit as it stands from `version` on. Compacted by unit: the newest record is the unit.

    kind: district, street, community, centre, department, team, judicial_office, leadership (open string).
    level: district, street, community. street, community: the codes it serves, where it serves one.
    lon, lat: WGS 84 degrees of its label point, where one is known. successor: unit id, or None for none known.
    """

    TYPE: ClassVar[str] = "directory.unit_published.v1"
    unit: str
    version: int
    name: str
    name_en: str
    kind: str
    level: str
    parent: str | None = None
    code: str | None = None
    street: str | None = None
    valid_from: date
    valid_to: date | None = None
    successor: str | None = None
    lon: float | None = None
    lat: float | None = None
    posts: tuple[Post, ...] = ()
    mediators: tuple[Mediator, ...] = ()
    changed_at: datetime
