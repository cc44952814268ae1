"""What a press makes true: own events. A press that is not possible makes nothing; `steps.refusal` says why."""

from __future__ import annotations

from collections.abc import Sequence

from services.intake.core import inputs, steps
from services.intake.core.cases import Case
from services.intake.events import mediation, reception, whistle
from services.kernel.envelope import Event


def decide(case: Case | None, command: inputs.Command) -> Sequence[Event]:
    """Own events of a press, in order."""
    if isinstance(command, inputs.Register):
        return _register(command) if case is None or case.registered_at is None else ()
    if case is None or steps.refusal(case, command) is not None or _said_before(case, command):
        return ()
    return (_event(case, command),)


def _said_before(case: Case, command: inputs.Command) -> bool:
    """A link pressed twice says the same once."""
    if not isinstance(command, inputs.Acknowledge):
        return False
    whistle_ = case.whistles.get(command.obligation)
    rank = whistle_.ranks.get(command.rank) if whistle_ is not None else None
    return rank is not None and (rank.acknowledged_by, rank.answer) == (command.by.staff, command.answer)


def _register(command: inputs.Register) -> Sequence[Event]:
    human = command.by.role != "system"
    registered = reception.Registered(
        number=command.number, family=command.family, kind=command.kind, channel=command.channel,
        community=command.community, street=command.street, approximate=command.approximate,
        lon=command.lon, lat=command.lat, scale=command.scale, grade=command.grade, system=command.system,
        receiver=command.by.staff if human else None, receiver_unit=command.by.unit if human else None,
        parties=command.parties, occurred_at=command.occurred_at, confidential=command.confidential,
    )  # fmt: skip
    return (registered,)


def _event(case: Case, command: inputs.Command) -> Event:
    by, unit = command.by.staff, acting_unit(case, command.by)
    match command:
        case inputs.Accept():
            return reception.Accepted(unit=case.lead or unit, by=by)
        case inputs.Decline():
            return reception.Declined(unit=case.lead or unit, by=by, reason=command.reason)
        case inputs.Dispatch():
            return reception.Dispatched(unit=command.unit, by=by, reason=command.reason)
        case inputs.Attend():
            return _attended(case, command, unit)
        case inputs.Dispose():
            return reception.Disposed(unit=unit, by=by, photos=case.photos, occurred_at=command.occurred_at)
        case inputs.AddPhoto():
            return reception.PhotoAdded(photo=command.photo, by=by)
        case inputs.Verify():
            return reception.Verified(by=by, passed=command.passed)
        case inputs.Close():
            return reception.Closed(by=by, outcome=command.outcome)
        case inputs.Reopen():
            return reception.Reopened(by=by, reason=command.reason)
        case inputs.Urge():
            return reception.Urged(by=by, unit=case.lead or unit)
        case inputs.OrderRevision():
            return reception.RevisionOrdered(
                by=by, policy_version=command.policy_version, calendar_version=command.calendar_version
            )
        case inputs.ErasePerson():
            return reception.PartyErased(party=command.party)
        case inputs.Session():
            return mediation.SessionHeld(
                mode=command.mode, by=by, panel=_panel(case), present=command.present, result=command.result
            )
        case inputs.Agreement():
            return mediation.AgreementReached(by=by, form=command.form, instalments=command.instalments)
        case inputs.Perform():
            return mediation.Performed(by=by, complete=command.complete)
        case _:
            return _whistle(case, command)


def _whistle(case: Case, command: inputs.Command) -> Event:
    by = command.by.staff
    match command:
        case inputs.Blow():
            unit = command.unit or case.lead or ""
            begun = sum(1 for name in case.whistles if name[:1] == "w" and name[1:].isdigit())
            return whistle.WhistleRequested(
                obligation=f"w{begun + 1}", unit=unit, by=by, by_unit=command.by.unit, kind=command.kind,
                reason=command.reason,
            )  # fmt: skip
        case inputs.Confirm():
            return whistle.WhistleConfirmed(obligation=command.obligation, rank=command.rank, by=by)
        case inputs.Acknowledge():
            return whistle.WhistleAcknowledged(
                obligation=command.obligation, rank=command.rank, by=by, answer=command.answer
            )
        case inputs.Answer():
            return whistle.WhistleAnswered(obligation=command.obligation, by=by, elements=command.elements)
        case inputs.Settle():
            return whistle.WhistleSettled(obligation=command.obligation, by=by)
        case inputs.Withdraw():
            return whistle.WhistleWithdrawn(obligation=command.obligation, by=by, reason=command.reason)
        case _:
            raise TypeError(f"no event for {type(command).__name__}")


def acting_unit(case: Case, by: inputs.Actor) -> str:
    """Whose step it is: the duty seat, and a system, enter it for the unit that has the case."""
    return case.lead if by.role in ("seat", "system") and case.lead is not None else by.unit


def _attended(case: Case, command: inputs.Attend, unit: str) -> Event:
    obligation, rank = command.obligation, command.rank
    if obligation is None:
        calling = [w for w in case.whistling if w.blown is not None and (unit in w.called or command.by.role == "seat")]
        obligation = calling[-1].obligation if calling else None
    if obligation is not None and rank is None:
        newest = case.whistles[obligation].blown
        rank = newest.rank if newest is not None else 1
    return reception.Attended(
        unit=unit, by=command.by.staff, obligation=obligation, rank=rank, occurred_at=command.occurred_at
    )


def _panel(case: Case) -> tuple[str, ...]:
    if case.panel is None:
        return ()
    return tuple(staff for staff in (case.panel.mediator, case.panel.judicial_head, case.panel.lawyer) if staff)
