"""Reads policies and calendars from YAML (shape: docs/data.md). What does not fit is said field by field."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from services.escalation.core import inputs
from services.escalation.core.calendar import Calendar, Span, Within
from services.escalation.core.policy import Override, Policy, StepRule
from services.escalation.events.whistles import Ladder, Rung


class PolicyError(Exception):
    """A policy or calendar that can't be used; the text says where and what, a line for each."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_Count = Annotated[int, Field(gt=0, le=100_000)]
_Fact = Annotated[str, Field(pattern=r"^case\.")]


class _Period(_Part):
    """Exactly one unit."""

    seconds: _Count | None = None
    minutes: _Count | None = None
    hours: _Count | None = None
    days: _Count | None = None
    working_hours: _Count | None = None
    working_days: _Count | None = None

    @model_validator(mode="after")
    def _one(self) -> _Period:
        if len(self.model_fields_set) != 1:
            raise ValueError("exactly one unit is needed, as {minutes: 30}")
        return self

    def within(self) -> Within:
        (unit,) = self.model_fields_set
        return Within.parse(f"{getattr(self, unit)} {unit}")


class _Step(_Part):
    step: Annotated[str, Field(pattern=r"^[a-z_]+$")]
    starts: _Fact
    met_by: Annotated[list[_Fact], Field(min_length=1)]
    within: _Period
    whistle: bool | Literal["propose", "blow"] = False
    from_occurred: bool = False

    @field_validator("starts", "met_by")
    @classmethod
    def _known(cls, value: str | list[str]) -> str | list[str]:
        unknown = {value} - inputs.FACTS if isinstance(value, str) else set(value) - inputs.FACTS
        if unknown:
            known = ", ".join(sorted(inputs.FACTS))
            raise ValueError(f"no limit can go by {', '.join(sorted(unknown))}; it can by {known}")
        return value

    def rule(self) -> StepRule:
        mode = ("propose" if self.whistle else "") if isinstance(self.whistle, bool) else self.whistle
        return StepRule(self.step, self.starts, tuple(self.met_by), self.within.within(), mode, self.from_occurred)


class _Override(_Part):
    family: str
    kind: Annotated[str, Field(min_length=1)]
    step: str
    within: _Period


class _Rank(_Part):
    rank: int
    post: str
    of: Annotated[str, Field(min_length=1)]
    within: _Period
    settle: _Period | None = None
    acknowledge: _Period | None = None
    then: Literal["propose", "blow", "exhaust"]


class _PolicyFile(_Part):
    policy: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    version: Annotated[int, Field(ge=1)]
    since: Annotated[datetime, Field(alias="from", strict=False)]
    calendar: str
    near_share: Annotated[float, Field(gt=0, lt=1)]
    patience_s: _Count
    leaders: str | None = None
    remind: _Period = _Period(days=1)
    steps: dict[Literal["incident", "dispute"], list[_Step]]
    overrides: list[_Override] = []
    ladder: Annotated[list[_Rank], Field(min_length=1)]

    @field_validator("since")
    @classmethod
    def _zoned(cls, since: datetime) -> datetime:
        if since.tzinfo is None:
            raise ValueError("a time without a zone; write it as 2026-01-01T00:00:00+08:00")
        return since

    @model_validator(mode="after")
    def _fits_together(self) -> _PolicyFile:
        problems = [*self._steps_wrong(), *self._ladder_wrong()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _steps_wrong(self) -> list[str]:
        names = {family: [step.step for step in steps] for family, steps in self.steps.items()}
        twice = [f"{f} has a step twice" for f, steps in names.items() if len(set(steps)) != len(steps)]
        lost = [
            f"an override of {o.family} {o.kind} names the step {o.step}, which is not there"
            for o in self.overrides
            if o.step not in names.get(o.family, [])  # type: ignore[call-overload]
        ]
        return twice + lost

    def _ladder_wrong(self) -> list[str]:
        wrong = []
        if [rank.rank for rank in self.ladder] != list(range(1, len(self.ladder) + 1)):
            wrong.append("the ranks of the ladder are not 1, 2, 3 … in order")
        if [rank.then == "exhaust" for rank in self.ladder] != [*[False] * (len(self.ladder) - 1), True]:
            wrong.append("`then: exhaust` stands at the last rank of the ladder, and only there")
        if self.leaders is None and any(rank.of == "district" for rank in self.ladder):
            wrong.append("a rank is `of: district`, but `leaders` does not say which unit that is")
        return wrong


class _Hours(_Part):
    since: Annotated[str, Field(alias="from", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
    to: Annotated[str, Field(pattern=r"^([01]\d|2[0-4]):[0-5]\d$")]


class _Day(_Part):
    date: Annotated[date, Field(strict=False)]
    name: str = ""


class _CalendarFile(_Part):
    calendar: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    version: Annotated[int, Field(ge=1)]
    zone: str
    years: list[Annotated[int, Field(ge=1, le=9998)]] = []  # as far as dates go, a day after them included
    weekend: list[Annotated[int, Field(ge=1, le=7)]]
    hours: Annotated[list[_Hours], Field(min_length=1)]
    holidays: list[_Day] = []
    workdays: list[_Day] = []

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError("no such time zone") from error
        return zone

    @model_validator(mode="after")
    def _fits_together(self) -> _CalendarFile:
        times = [_minutes(time) for span in self.hours for time in (span.since, span.to)]
        if times != sorted(set(times)):
            raise ValueError("the hours do not follow one another")
        if both := {day.date for day in self.holidays} & {day.date for day in self.workdays}:
            raise ValueError(f"{min(both)} is a holiday and a working day at once")
        if len(set(self.weekend)) == 7 and not self.workdays:
            raise ValueError("no day is worked")
        return self


def kind_of(text: str) -> Literal["policy", "calendar"]:
    """Which of both a file is.

    Raises: PolicyError, if neither.
    """
    top = _load(text)
    if "policy" in top:
        return "policy"
    if "calendar" in top:
        return "calendar"
    raise PolicyError("The file has neither `policy` nor `calendar`: nothing says what it is.")


def read_policy(text: str, since: datetime | None = None) -> Policy:
    """One version of a policy.

    Args:
        text: YAML. since: in force from then on, instead of from what the file says.

    Raises: PolicyError, with a line for each thing that is wrong.
    """
    try:
        file = _PolicyFile.model_validate(_load(text))
    except ValidationError as error:
        raise PolicyError(_said(error)) from error
    return Policy(
        name=file.policy,
        version=file.version,
        since=since or file.since,
        calendar=file.calendar,
        near_share=file.near_share,
        steps={family: tuple(step.rule() for step in steps) for family, steps in file.steps.items()},
        overrides=tuple(Override(o.family, o.kind, o.step, o.within.within()) for o in file.overrides),
        ladder=_ladder(file),
    )


def read_calendar(text: str) -> Calendar:
    """One version of a calendar.

    Raises: PolicyError, with a line for each thing that is wrong.
    """
    try:
        file = _CalendarFile.model_validate(_load(text))
    except ValidationError as error:
        raise PolicyError(_said(error)) from error
    return Calendar(
        name=file.calendar,
        version=file.version,
        zone=ZoneInfo(file.zone),
        weekend=frozenset(file.weekend),
        hours=tuple(Span(_minutes(span.since), _minutes(span.to)) for span in file.hours),
        holidays=frozenset(day.date for day in file.holidays),
        workdays=frozenset(day.date for day in file.workdays),
        until=date(max(file.years), 12, 31) if file.years else None,
    )


def _ladder(file: _PolicyFile) -> Ladder:
    """In the file a rank says what its miss makes of the next one; in the ladder each says how it is called itself."""
    modes = ["propose", *(rank.then for rank in file.ladder[:-1])]
    return Ladder(
        policy=file.policy,
        policy_version=file.version,
        rungs=tuple(
            Rung(
                unit=file.leaders or "" if rank.of == "district" else rank.of,
                post=rank.post,
                mode=mode,
                within=str(rank.within.within()),
                settle=None if rank.settle is None else str(rank.settle.within()),
                acknowledge=None if rank.acknowledge is None else str(rank.acknowledge.within()),
            )
            for rank, mode in zip(file.ladder, modes, strict=True)
        ),
        patience=f"{file.patience_s} seconds",
        remind=str(file.remind.within()),
        calendar=file.calendar,
        near_share=file.near_share,
    )


def _load(text: str) -> dict[str, object]:
    try:
        top = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PolicyError(f"Not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(top, dict):
        raise PolicyError("The file is no table of fields.")
    return {str(key): value for key, value in top.items()}


def _said(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        place = ".".join(map(str, problem["loc"])) or "the whole"
        lines.append(f"{place}: {problem['msg'].removeprefix('Value error, ')}")
    return "\n".join(lines)


def _minutes(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)
