"""The rules: what calls for whom, what comes of a failed step, who is told that it is over.

Each call follows from the one event that asked for it and notify's own state (DESIGN, "Who is told"): a whistle is
called even where the case was closed meanwhile on the other topic, because which of the two came first here is chance.
The end is noted beside it; before a message leaves, the sender looks at it (`why_not`) and calls the message off.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from services.kernel.envelope import Event
from services.notify.core import calls, inputs
from services.notify.core.calls import CALLED_OFF, STOOD_DOWN, TOLD, UNDELIVERABLE, UNDELIVERED, WHISTLE, Call, Case
from services.notify.core.chains import Chain, call_chain, seat_chain
from services.notify.core.inputs import Given, Key
from services.notify.core.roster import DUTY_SEAT, ON_DUTY, Directory, directory_of
from services.notify.events import deliveries as own

TELEPHONED = (WHISTLE, "assignment", "urged", STOOD_DOWN)
"""Purposes of which a failure goes to the duty seat. A failed message to a seat does not: it would go round."""

OF_ESCALATION = ("unconfirmed",)
"""Purposes of a seat's call for which case.escalation asks."""

PREFIX = {
    "assignment": "a",
    "urged": "g",
    calls.PROPOSED: "p",
    UNDELIVERED: "n",
    "unroutable": "u",
    "held": "h",
    "reminder": "r",
    "untold": "t",
    "unconfirmed": "c",
}
"""First letter of notify's own names for what it calls about; the number of the asking event follows."""


class Calls:
    """notify's core. Subject: a case. View: the directory."""

    rules = 1

    def decide(self, state: Case | None, given: Given, view: Directory) -> Sequence[Event]:
        """See `kernel.core.Core`. Deciding again once the answer is applied says nothing more."""
        case = state or Case()
        match given:
            case inputs.Blown():
                return _call_for_whistle(case, given, view)
            case inputs.Entrusted():
                return _call_unit(case, "assignment", given.unit, given.after, given.at, view)
            case inputs.Reopened() if case.lead is not None:
                return _call_unit(case, "assignment", case.lead, given.after, given.at, view)
            case inputs.Urged():
                return _call_unit(case, "urged", given.unit, given.after, given.at, view)
            case inputs.SeatNeeded():
                return _call_seat(case, given, view)
            case inputs.Undelivered():
                return _call_seat_for_undelivered(case, given, view)
            case inputs.Delivered():
                return _delivered(case, given)
            case inputs.Failed():
                return _failed(case, given)
            case inputs.Overtaken():
                return _overtaken(case, given)
            case inputs.Ended():
                return _stand_down(_noted(case, given))
            case _:
                return ()

    def evolve(self, state: Case | None, event: Given | Event) -> Case | None:
        """See `kernel.core.Core`. Facts of case.intake and own events change disjoint parts, so their order is free."""
        case = state or Case()
        changed = _applied(case, event) if isinstance(event, Event) else _noted(case, event)
        return state if changed is case else changed

    def due(self, state: Case) -> datetime | None:
        """Nothing: escalation owns every wait."""
        return None

    def fired(self, at: datetime, held: bool) -> Given:
        """Never asked, because `due` never answers."""
        raise RuntimeError(f"notify has no limits, yet one was to fire at {at} (held: {held})")

    def recall(self, recorded: Sequence[Event], view: Directory) -> Directory:
        """The slice of the directory that the recorded calls were chosen from."""
        called = [event for event in recorded if isinstance(event, own.Called)]
        return directory_of(unit for call in called for unit in call.roster) if called else view


def _call_for_whistle(case: Case, given: inputs.Blown, view: Directory) -> Sequence[Event]:
    chain = call_chain(view, given.unit, given.post, given.at)
    key = Key(WHISTLE, given.obligation, given.rank)
    called = _called(key, given.unit, given.post, given.after, chain)
    return _begin(case, replace(called, respond_within_s=given.respond_within_s))


def _call_unit(case: Case, purpose: str, unit: str, after: int, at: datetime, view: Directory) -> Sequence[Event]:
    key = Key(purpose, f"{PREFIX[purpose]}{after}", 0)
    return _begin(case, _called(key, unit, ON_DUTY, after, call_chain(view, unit, ON_DUTY, at)))


def _call_seat(case: Case, given: inputs.SeatNeeded, view: Directory) -> Sequence[Event]:
    """The seat that the event names, else of whoever holds the whistle, else of the centre, else of the district.

    An event of case.escalation goes to the seat that it names or to the district's: what case.intake says of the
    centre may come before it or after.
    """
    key = Key(given.purpose, f"{PREFIX[given.purpose]}{given.number}", 0)
    unit = given.seat
    if not unit and given.purpose not in OF_ESCALATION:
        unit = case.holders.get(given.about or "") or case.centre
    unit = unit or view.root
    called = _called(key, unit or "", DUTY_SEAT, given.after, seat_chain(view, unit, given.at))
    return _begin(case, replace(called, about=given.about))


def _call_seat_for_undelivered(case: Case, given: inputs.Undelivered, view: Directory) -> Sequence[Event]:
    keys = [Key(purpose, given.obligation, given.rank) for purpose in TELEPHONED]
    if not any((call := case.call(key)) is not None and call.outcome == UNDELIVERABLE for key in keys):
        return ()
    unit = case.holders.get(given.obligation) or case.centre or view.root
    key = Key(UNDELIVERED, f"{PREFIX[UNDELIVERED]}{given.after}", 0)
    called = _called(key, unit or "", DUTY_SEAT, given.after, seat_chain(view, unit, given.at))
    return _begin(case, replace(called, about=given.obligation))


def _called(key: Key, unit: str, post: str, after: int, chain: Chain) -> own.Called:
    return own.Called(
        obligation=key.obligation,
        rank=key.rank,
        purpose=key.purpose,
        unit=unit,
        post=post,
        chain=chain.steps,
        directory_version=chain.version,
        asked_after=after,
        roster=chain.roster,
    )


def _begin(case: Case, called: own.Called) -> Sequence[Event]:
    if case.call(Key(called.purpose, called.obligation, called.rank)) is not None:
        return ()
    if all(step.staff is None for step in called.chain):
        return (called, _undeliverable(called, "nobody_on_chain"))
    return (called,)


def _undeliverable(of: own.Called | Call, reason: str) -> own.Undeliverable:
    return own.Undeliverable(obligation=of.obligation, rank=of.rank, purpose=of.purpose, unit=of.unit, reason=reason)


def _delivered(case: Case, given: inputs.Delivered) -> Sequence[Event]:
    """A channel's yes is a fact, also where it comes after the step was given up: a frozen sender woke."""
    call = case.call(given.key)
    step = _step_of(call, given.staff)
    if call is None or step is None or call.outcome == TOLD:
        return ()
    if call.purpose == STOOD_DOWN:
        return (own.StoodDown(obligation=call.obligation, rank=call.rank, staff=given.staff, channel=given.channel),)
    told = own.Told(
        obligation=call.obligation,
        rank=call.rank,
        purpose=call.purpose,
        staff=given.staff,
        unit=step.unit,
        post=step.post,
        role=step.role,
        channel=given.channel,
        attempts=given.attempts,
    )
    return (told, *_stand_down(_applied(case, told)))


def _failed(case: Case, given: inputs.Failed) -> Sequence[Event]:
    call = case.call(given.key)
    if call is None or call.trying is None or call.trying.staff != given.staff:
        return ()
    failed = own.StepFailed(
        obligation=call.obligation,
        rank=call.rank,
        purpose=call.purpose,
        staff=given.staff,
        role=call.trying.role,
        reason=given.reason,
    )
    if call.next_step(call.step) < len(call.chain):
        return (failed,)
    return (failed, _undeliverable(call, "channels_failed"))


def _overtaken(case: Case, given: inputs.Overtaken) -> Sequence[Event]:
    call = case.call(given.key)
    end = calls.end_of(case, call) if call is not None else None
    if call is None or end is None or call.outcome is not None:
        return ()
    reason = calls.because(end)
    return (own.CalledOff(obligation=call.obligation, rank=call.rank, purpose=call.purpose, because=reason),)


def _stand_down(case: Case) -> Sequence[Event]:
    return tuple(_word(call) for call in calls.to_stand_down(case))


def _word(call: Call) -> own.Called:
    """The call that tells the same person that it is over."""
    step = _step_of(call, call.staff or "")
    return own.Called(
        obligation=call.obligation,
        rank=call.rank,
        purpose=STOOD_DOWN,
        unit=call.unit,
        post=call.post,
        chain=(step,) if step is not None else (),
        directory_version=0,
        asked_after=call.asked_after,
    )


def _step_of(call: Call | None, staff: str) -> own.Step | None:
    """The step of a person who is being tried, or was."""
    tried = call.chain[: call.step + 1] if call is not None else ()
    return next((step for step in tried if step.staff == staff), None)


def _noted(case: Case, given: Given) -> Case:
    """Facts of case.intake. Everything else that the core is given changes nothing until it has spoken."""
    match given:
        case inputs.Registered():
            return replace(case, number=given.number, kind=given.kind, community=given.community, street=given.street)
        case inputs.Entrusted():
            return replace(case, lead=given.unit, centre=given.centre or case.centre)
        case inputs.Requested():
            return replace(case, holders={**case.holders, given.obligation: given.by_unit})
        case inputs.Ended():
            end = calls.End(after=given.after, by=given.by, obligation=given.obligation)
            return case if end in case.ends else replace(case, ends=(*case.ends, end))
        case _:
            return case


def _applied(case: Case, event: Event) -> Case:
    """Own events: the only thing that moves a call."""
    match event:
        case own.Called():
            return _with(case, _call_of(event))
        case own.Told():
            return _told(case, Key(event.purpose, event.obligation, event.rank), event.staff, event.channel)
        case own.StoodDown():
            return _told(case, Key(STOOD_DOWN, event.obligation, event.rank), event.staff, event.channel)
        case own.StepFailed():
            return _passed(case, Key(event.purpose, event.obligation, event.rank))
        case own.Undeliverable():
            return _moved(case, Key(event.purpose, event.obligation, event.rank), UNDELIVERABLE)
        case own.CalledOff():
            return _moved(case, Key(event.purpose, event.obligation, event.rank), CALLED_OFF)
        case _:
            return case


def _call_of(called: own.Called) -> Call:
    call = Call(
        obligation=called.obligation,
        rank=called.rank,
        purpose=called.purpose,
        unit=called.unit,
        post=called.post,
        chain=called.chain,
        about=called.about,
        asked_after=called.asked_after,
        respond_within_s=called.respond_within_s,
    )
    return replace(call, step=call.next_step(-1))


def _with(case: Case, call: Call) -> Case:
    return replace(case, calls={**case.calls, str(call.key): call})


def _moved(case: Case, key: Key, outcome: str) -> Case:
    call = case.call(key)
    return _with(case, replace(call, outcome=outcome)) if call is not None else case


def _told(case: Case, key: Key, staff: str, channel: str) -> Case:
    call = case.call(key)
    return _with(case, replace(call, outcome=TOLD, staff=staff, channel=channel)) if call is not None else case


def _passed(case: Case, key: Key) -> Case:
    call = case.call(key)
    return _with(case, replace(call, step=call.next_step(call.step))) if call is not None else case
