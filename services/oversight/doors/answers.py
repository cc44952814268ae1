"""What the HTTP door answers, and how it is made of the core's types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TypeVar

import asyncpg
from pydantic import BaseModel, ConfigDict

from services.oversight.core import audit, lag, screen
from services.oversight.core.lag import State
from services.oversight.doors.streets import Named
from services.oversight.doors.words import WORDS

A = TypeVar("A", bound="Answer")
UNKNOWN_STREET = "unknown"


class Answer(BaseModel):
    """Base: nothing beyond what is declared."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StreetAnswer(Answer):
    street: str
    name: str
    name_en: str
    lon: float | None
    lat: float | None
    open: int
    near: int
    overdue: int
    whistles: int


class WhistleAnswer(Answer):
    case: str
    kind: str
    street: str | None
    obligation: str
    rank: int
    status: str
    unit: str
    post: str
    begun_at: datetime | None
    due_at: datetime | None
    near_at: datetime | None


class DueAnswer(Answer):
    """status: normal, near, overdue at `as_of`."""

    case: str
    kind: str
    street: str | None
    lead: str | None
    state: str
    limit: str
    step: str
    due_at: datetime
    near_at: datetime
    status: str


class FigureAnswer(Answer):
    name: str
    zh: str
    en: str
    value: float | None
    numerator: int
    denominator: int | None
    unit: str
    note_zh: str
    note_en: str
    before: int | None


class ScreenAnswer(Answer):
    """One screen. Lists are cut; `whistles_total` and `due_total` count all."""

    as_of: datetime
    open: int
    by_street: list[StreetAnswer]
    whistles: list[WhistleAnswer]
    whistles_total: int
    next_due: list[DueAnswer]
    due_total: int
    figures: list[FigureAnswer]


class PartitionAnswer(Answer):
    """current: -1 where nothing was committed. seconds: None where the age is not known."""

    group: str
    topic: str
    partition: int
    current: int
    end: int
    lag: int
    seconds: float | None
    members: int
    state: State
    trend: int
    moved_at: datetime | None


class GroupAnswer(Answer):
    group: str
    topics: list[str]
    members: int
    lag: int
    seconds: float | None
    state: State
    trend: int
    moved_at: datetime | None


class ParkedAnswer(Answer):
    service: str
    subject: str
    topic: str
    reason: str
    parked_at: datetime


class MarkAnswer(Answer):
    """The newest mark of one relay of intake."""

    service: str
    upto: datetime
    age_s: float


class LagAnswer(Answer):
    """groups: a line for each partition; services: a line for each group. as_of: of the look at the broker."""

    as_of: datetime
    groups: list[PartitionAnswer]
    services: list[GroupAnswer]
    parked: list[ParkedAnswer]
    marks: list[MarkAnswer]


class FindingAnswer(Answer):
    case: str
    what: str
    since: datetime


class AlarmAnswer(Answer):
    kind: audit.Reason
    since: datetime
    count: int
    text: str
    text_en: str
    examples: list[FindingAnswer]


class AlarmsAnswer(Answer):
    """as_of: of the last audit, None before the first. timer_silent: what the portal's banner says."""

    as_of: datetime | None
    timer_silent: bool
    alarms: list[AlarmAnswer]


def screen_answer(made: screen.Screen, names: Mapping[str, Named], today: date) -> ScreenAnswer:
    """The screen with the streets' names; a street of today without cases is there too."""
    counted = {street.street or UNKNOWN_STREET: street for street in made.by_street}
    codes = sorted(counted.keys() | {code for code, named in names.items() if named.stands(today)})
    return ScreenAnswer(
        as_of=made.as_of,
        open=made.counts.open,
        by_street=[_street(code, counted.get(code), names.get(code)) for code in codes],
        whistles=[_fields(WhistleAnswer, one) for one in made.whistles],
        whistles_total=made.counts.whistles,
        next_due=[_due(made.as_of, one) for one in made.next_due],
        due_total=made.counts.due,
        figures=[_fields(FigureAnswer, figure) for figure in made.figures],
    )


def lag_answer(
    as_of: datetime,
    partitions: Iterable[lag.PartitionLag],
    groups: Iterable[lag.GroupLag],
    parked: Iterable[asyncpg.Record],
    marks: Mapping[str, datetime],
    now: datetime,
) -> LagAnswer:
    """Lag, what is parked, and the newest marks."""
    return LagAnswer(
        as_of=as_of,
        groups=[_fields(PartitionAnswer, one) for one in partitions],
        services=[_fields(GroupAnswer, one) for one in groups],
        parked=[
            ParkedAnswer(
                service=row["service"],
                subject=row["case_id"],
                topic=row["topic"],
                reason=row["reason"] or "",
                parked_at=row["since"],
            )
            for row in parked
        ],
        marks=[
            MarkAnswer(service=relay, upto=upto, age_s=max(0.0, (now - upto).total_seconds()))
            for relay, upto in sorted(marks.items())
        ],
    )


def alarms_answer(as_of: datetime | None, alarms: Iterable[audit.Alarm]) -> AlarmsAnswer:
    """Alarms with their words."""
    listed = [
        AlarmAnswer(
            kind=alarm.reason,
            since=alarm.since,
            count=alarm.count,
            text=WORDS[alarm.reason][0],
            text_en=WORDS[alarm.reason][1],
            examples=[_fields(FindingAnswer, example) for example in alarm.examples],
        )
        for alarm in alarms
    ]
    silent = any(alarm.kind is audit.Reason.TIMER_SILENT for alarm in listed)
    return AlarmsAnswer(as_of=as_of, timer_silent=silent, alarms=listed)


def _fields(answer: type[A], made: object) -> A:
    """The same fields under the same names: FastAPI's models know them by name alone."""
    return answer.model_validate({name: getattr(made, name) for name in answer.model_fields})


def _street(code: str, counted: screen.Street | None, named: Named | None) -> StreetAnswer:
    unknown = ("地点不明", "Place unknown") if code == UNKNOWN_STREET else (code, code)
    return StreetAnswer(
        street=code,
        name=named.name if named else unknown[0],
        name_en=named.name_en if named else unknown[1],
        lon=named.lon if named else None,
        lat=named.lat if named else None,
        open=counted.open if counted else 0,
        near=counted.near if counted else 0,
        overdue=counted.overdue if counted else 0,
        whistles=counted.whistles if counted else 0,
    )


def _due(as_of: datetime, one: screen.NextDue) -> DueAnswer:
    return DueAnswer(
        case=one.case,
        kind=one.kind,
        street=one.street,
        lead=one.lead,
        state=one.state,
        limit=one.limit,
        step=one.step,
        due_at=one.due_at,
        near_at=one.near_at,
        status=screen.status(as_of, one.near_at, one.due_at),
    )
