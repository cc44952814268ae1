"""What may be sent to intake over HTTP. Unknown fields and wrong types are refused; texts are checked before anything
is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
)
from pydantic_core import PydanticCustomError

from services.intake.core import hygiene
from services.intake.doors import words


def _checked(check: Callable[[str], str | None], prefix: str = "") -> AfterValidator:
    def validate(value: str) -> str:
        if value and (wrong := check(value)) is not None:
            code = prefix + wrong
            raise PydanticCustomError(code, words.FIELDS[code])
        return value

    return AfterValidator(validate)


_Clean = _checked(hygiene.text)
Line = Annotated[str, StringConstraints(max_length=200, strip_whitespace=True), _Clean]
Text = Annotated[str, StringConstraints(max_length=8_000), _Clean]
# A telephone or ID number has this form too: whatever goes from here to a topic is first looked up (kinds, directory,
# whistles of the case, outcomes), so that nothing personal can stand there for ever.
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@:#-]{0,79}$")]
Telephone = Annotated[Line, _checked(hygiene.telephone, "telephone_")]
IdNumber = Annotated[Line, _checked(hygiene.id_number, "id_")]


def _text(value: object) -> object:
    if isinstance(value, str):
        return value
    raise PydanticCustomError("time_is_text", words.FIELDS["time_is_text"])  # a number would be taken for Unix time


Time = Annotated[datetime, BeforeValidator(_text), Field(description="with zone; RFC 3339")]


class Request(BaseModel):
    """Base of all requests."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PlaceIn(Request):
    """Where: a community code, or a point (WGS 84 degrees), or an address; or nothing where nobody knows."""

    community: Code | None = None
    lon: StrictFloat | None = Field(default=None, ge=-180, le=180, allow_inf_nan=False)
    lat: StrictFloat | None = Field(default=None, ge=-90, le=90, allow_inf_nan=False)
    address: Line = ""


class PartyIn(Request):
    role: Literal["applicant", "respondent", "reporter", "agent"]
    kind: Literal["person", "organisation"] = "person"
    name: Annotated[Line, StringConstraints(min_length=1)]
    telephone: Telephone = ""
    id_number: IdNumber = ""
    address: Line = ""


class RegisterIn(Request):
    """A dispute or an incident. kind: a code of the kinds. amount_fen: in 分. scale, grade: codes 01…."""

    family: Literal["dispute", "incident"]
    kind: Code
    channel: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,19}$")]
    place: PlaceIn = PlaceIn()
    text: Text = ""
    occurred_at: Time | None = None
    parties: Annotated[tuple[PartyIn, ...], Field(max_length=50)] = ()
    amount_fen: StrictInt | None = Field(default=None, ge=0, le=10**15)
    scale: Literal["01", "02", "03"] = "01"
    grade: Literal["01", "02", "03", "04"] = "04"
    confidential: StrictBool = False


class Press(Request):
    """Base of all steps. seen: number of the last event that the page showed."""

    seen: StrictInt = Field(ge=0)


class LatePress(Request):
    """A step that may come from a telephone offline for a while: what was seen is told where it is known."""

    seen: StrictInt | None = Field(default=None, ge=0)


class Reasoned(Press):
    reason: Annotated[Text, StringConstraints(min_length=1)]


class DispatchIn(Press):
    unit: Code
    reason: Text = ""


class AttendIn(LatePress):
    obligation: Code | None = None
    rank: StrictInt | None = Field(default=None, ge=1, le=9)
    occurred_at: Time | None = None


class DisposeIn(Press):
    occurred_at: Time | None = None


class VerifyIn(Press):
    passed: StrictBool


class CloseIn(Press):
    outcome: Code


class SessionIn(Press):
    mode: Literal["back_to_back", "face_to_face"]
    present: StrictInt = Field(ge=0, le=500)
    result: Literal["continued", "agreed", "failed"] = "continued"
    note: Text = ""


class AgreementIn(Press):
    form: Literal["written", "oral"] = "written"
    instalments: StrictInt = Field(default=0, ge=0, le=500)
    text: Text = ""


class PerformIn(Press):
    complete: StrictBool = True


class WhistleIn(Press):
    unit: Code | None = None
    kind: Literal["outcry", "joint_enforcement", "emergency"]  # 群众诉求, 联合执法, 应急处置
    reason: Text = ""


class ConfirmIn(Press):
    obligation: Code
    rank: StrictInt = Field(ge=1, le=9)


class AnswerIn(LatePress):
    """四要素: accepted when, whom contacted, measures, limit."""

    obligation: Code
    accepted_at: Line = ""
    contacted: Line = ""
    measures: Text = ""
    limit: Line = ""


class SettleIn(LatePress):
    obligation: Code


class WithdrawIn(Reasoned):
    obligation: Code


class AcknowledgeIn(LatePress):
    obligation: Code
    rank: StrictInt = Field(ge=1, le=9)
    answer: Literal["coming", "sending", "returned"] = "coming"
    name: Line = ""
    reason: Text = ""


class LinkAcknowledgeIn(Request):
    """收到，我去 / 收到，派人去 (name) / 不归我管，退回 (reason)."""

    answer: Literal["coming", "sending", "returned"]
    name: Line = ""
    reason: Text = ""


class LinkAttendIn(Request):
    occurred_at: Time | None = None


class LinkAnswerIn(Request):
    accepted_at: Line = ""
    contacted: Line = ""
    measures: Text = ""
    limit: Line = ""


class NothingIn(Request):
    pass


class RevealIn(Request):
    purpose: Annotated[Line, StringConstraints(min_length=2)]


class ReviseIn(Request):
    """A new policy or calendar is to govern open cases too."""

    policy_version: StrictInt | None = Field(default=None, ge=1, le=1_000_000)
    calendar_version: StrictInt | None = Field(default=None, ge=1, le=1_000_000)


class LookupIn(Request):
    """The code on the receipt (查询码)."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{10,14}$")]
