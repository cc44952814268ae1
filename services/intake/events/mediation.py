"""Joint mediation (联调联处)."""

from __future__ import annotations

from typing import ClassVar, Literal

from services.kernel.envelope import Event

SessionMode = Literal["back_to_back", "face_to_face"]


class SessionHeld(Event, frozen=True, kw_only=True):
    """One mediation session: 背靠背 (each side alone) or 面对面 (together). `present` counts the parties."""

    TYPE: ClassVar[str] = "case.session_held.v1"
    mode: SessionMode
    by: str
    panel: tuple[str, ...] = ()
    present: int = 0
    result: str = "continued"


class AgreementReached(Event, frozen=True, kw_only=True):
    """达成协议. `instalments` counts the payments agreed; amounts and words stay in intake."""

    TYPE: ClassVar[str] = "case.agreement_reached.v1"
    by: str
    form: Literal["written", "oral"] = "written"
    instalments: int = 0


class Performed(Event, frozen=True, kw_only=True):
    """履行: what was agreed was done. `complete` False: one instalment of several."""

    TYPE: ClassVar[str] = "case.performed.v1"
    by: str
    complete: bool = True
