"""Which events make a press stale: the page that it was made on no longer shows what it decides about.

Limits, reminders and who was told never do: they change all the time and change nothing of what a person decides.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from services.intake.core.cases import Case
from services.intake.events import facts, mediation, reception, whistle

_LEAD = frozenset({
    facts.Assigned.TYPE, facts.HandedOver.TYPE, reception.Dispatched.TYPE, reception.Declined.TYPE,
})  # fmt: skip
_END = frozenset({reception.Closed.TYPE, reception.Reopened.TYPE})
_WORK = frozenset({reception.Accepted.TYPE, reception.Disposed.TYPE, reception.Verified.TYPE})
_TALKS = frozenset({mediation.SessionHeld.TYPE, mediation.AgreementReached.TYPE, mediation.Performed.TYPE})
_WHISTLE = frozenset({
    whistle.WhistleRequested.TYPE, whistle.WhistleConfirmed.TYPE, whistle.WhistleSettled.TYPE,
    whistle.WhistleWithdrawn.TYPE, facts.WhistleProposed.TYPE, facts.WhistleBlown.TYPE, facts.ProposalWithdrawn.TYPE,
})  # fmt: skip

STALE: Mapping[str, frozenset[str]] = {
    "accept": _LEAD | _END | {reception.Accepted.TYPE},
    "decline": _LEAD | _END | {mediation.SessionHeld.TYPE},
    "dispatch": _LEAD | _END | {facts.Unroutable.TYPE, reception.Accepted.TYPE},
    "attend": _END,  # somebody is on site, whatever was decided meanwhile
    "dispose": _LEAD | _END | {reception.Disposed.TYPE},
    "verify": _END | _WORK,
    "close": _END | _WORK | _TALKS | {whistle.WhistleRequested.TYPE},
    "reopen": _END,
    "urge": _LEAD | _END | {reception.Attended.TYPE, reception.Disposed.TYPE},
    "session": _END | {mediation.SessionHeld.TYPE, mediation.AgreementReached.TYPE},
    "agreement": _END | _TALKS,
    "perform": _END | {mediation.Performed.TYPE},
    "whistle": _LEAD | _END | _WHISTLE | {reception.Attended.TYPE, reception.Disposed.TYPE},
    "confirm": _END | _WHISTLE | {reception.Attended.TYPE},
    "acknowledge": frozenset(),
    "answer": frozenset({whistle.WhistleSettled.TYPE, whistle.WhistleWithdrawn.TYPE}),
    "settle": frozenset({whistle.WhistleSettled.TYPE, whistle.WhistleWithdrawn.TYPE}),
    "withdraw": _END | {whistle.WhistleSettled.TYPE, whistle.WhistleWithdrawn.TYPE},
    "photo": frozenset(),
    "revise": frozenset(),
    "erase": frozenset(),
}


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """An event that the page had not seen."""

    type: str
    sequence: int


def changed(case: Case, command: str, seen: int) -> tuple[Change, ...]:
    """What makes this press stale, oldest first; empty if nothing does.

    Args:
        command: its name. seen: number of the last event that the page showed.
    """
    newer = (Change(type=type_, sequence=case.last.get(type_, 0)) for type_ in STALE[command])
    return tuple(sorted((one for one in newer if one.sequence > seen), key=lambda one: one.sequence))
