"""How a case comes in and who has it.

`occurred_at` is what somebody claims: shown and evaluated; the envelope's `time` is the log's own clock (decision 4).
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from services.kernel.envelope import Event

Family = Literal["dispute", "incident"]


class Registered(Event, frozen=True, kw_only=True):
    """受理登记. A case begins.

    kind: code of the kind (deploy/data/kinds.csv): `0402`, `05-01`.
    channel: window, telephone, grid, system, web, visit (open string).
    community: community code, or `unknown`; street: street code, or None where neither address nor point told.
    approximate: the place was taken from the nearest centre, not from a border.
    lon, lat: WGS 84 degrees rounded to about 50 m; street incidents alone.
    scale, grade: codes of DB tables 01… (个体性…; 特别重大…).
    system: the outside system that sent it; it gets the receipts.
    receiver: staff id of the first receiver, who follows it to the end (首接全程跟踪); None for systems.
    confidential: what people said is read only by who has the case, the duty seat and the centre (保密工单).
    """

    TYPE: ClassVar[str] = "case.registered.v1"
    number: str
    family: Family
    kind: str
    channel: str
    community: str
    street: str | None = None
    approximate: bool = False
    lon: float | None = None
    lat: float | None = None
    scale: str = "01"
    grade: str = "04"
    system: str | None = None
    receiver: str | None = None
    receiver_unit: str | None = None
    photos: int = 0
    parties: int = 0
    occurred_at: datetime | None = None
    confidential: bool = False


class Dispatched(Event, frozen=True, kw_only=True):
    """派遣 or 改派: the duty seat sends the case to a unit by hand. It overrides routing's proposal."""

    TYPE: ClassVar[str] = "case.dispatched.v1"
    unit: str
    by: str
    reason: str = ""


class Accepted(Event, frozen=True, kw_only=True):
    """受理: the unit takes the case."""

    TYPE: ClassVar[str] = "case.accepted.v1"
    unit: str
    by: str


class Declined(Event, frozen=True, kw_only=True):
    """退回: the unit sends the case back, with a reason code. Routing leaves it out from then on."""

    TYPE: ClassVar[str] = "case.declined.v1"
    unit: str
    by: str
    reason: str


class Attended(Event, frozen=True, kw_only=True):
    """到场: somebody is on site. `obligation` and `rank` name the whistle that it answers, where one was blown."""

    TYPE: ClassVar[str] = "case.attended.v1"
    unit: str
    by: str
    obligation: str | None = None
    rank: int | None = None
    occurred_at: datetime | None = None


class Disposed(Event, frozen=True, kw_only=True):
    """处置: what was wrong has been dealt with. photos: how many the case has by then."""

    TYPE: ClassVar[str] = "case.disposed.v1"
    unit: str
    by: str
    photos: int = 0
    occurred_at: datetime | None = None


class Verified(Event, frozen=True, kw_only=True):
    """核查: somebody other than the unit looked. `passed` False sends it back for rework (返工)."""

    TYPE: ClassVar[str] = "case.verified.v1"
    by: str
    passed: bool


class Closed(Event, frozen=True, kw_only=True):
    """结案. outcome: settled, disposed, not_settled, refused, withdrawn, merged (open string)."""

    TYPE: ClassVar[str] = "case.closed.v1"
    by: str
    outcome: str


class Reopened(Event, frozen=True, kw_only=True):
    """重新办理: new limits begin; the last lead unit gets it."""

    TYPE: ClassVar[str] = "case.reopened.v1"
    by: str
    reason: str


class Urged(Event, frozen=True, kw_only=True):
    """催办: the duty seat asks the unit to hurry. Moves no limit."""

    TYPE: ClassVar[str] = "case.urged.v1"
    by: str
    unit: str


class PhotoAdded(Event, frozen=True, kw_only=True):
    """A photo was kept with the case; `photo` is a reference, the picture stays in intake's database."""

    TYPE: ClassVar[str] = "case.photo_added.v1"
    photo: str
    by: str


class PartyErased(Event, frozen=True, kw_only=True):
    """The personal data of one party were deleted; `party` is a reference without meaning."""

    TYPE: ClassVar[str] = "party.erased.v1"
    party: str


class RevisionOrdered(Event, frozen=True, kw_only=True):
    """A new policy or calendar is to govern this open case too."""

    TYPE: ClassVar[str] = "case.revision_ordered.v1"
    by: str
    policy_version: int | None = None
    calendar_version: int | None = None
