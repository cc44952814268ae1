"""What each event of the case's log makes of the case. Never refuses, never decides."""

from __future__ import annotations

from msgspec.structs import replace

from services.intake.core import outside, tracks
from services.intake.core.cases import Awaited, Case, Hold, Panel
from services.intake.core.inputs import Command, Fact, Given, Proposal
from services.intake.events import facts, mediation, reception, whistle
from services.kernel import holding
from services.kernel.envelope import Event

_ACTS_OF_PEOPLE = (
    reception.Registered, reception.Dispatched, reception.Accepted, reception.Declined, reception.Attended,
    reception.Disposed, reception.Verified, reception.Closed, reception.Reopened, reception.Urged,
    mediation.SessionHeld, mediation.AgreementReached, mediation.Performed,
    whistle.WhistleRequested, whistle.WhistleConfirmed, whistle.WhistleAcknowledged, whistle.WhistleAnswered,
    whistle.WhistleSettled, whistle.WhistleWithdrawn,
)  # fmt: skip


def evolve(case: Case | None, event: Given | Event) -> Case | None:
    """Apply an input or an own event. A press only moves the clock: what it did stands in the events after it."""
    match event:
        case Command():
            return Case(now=event.at) if case is None else replace(case, now=event.at)
        case Fact() | Proposal():
            return case
        case _:
            return None if case is None else outside.told(case, _number(_apply(case, event), event), event)


def _number(case: Case, event: Event) -> Case:
    number = case.sequence + 1
    changed = {**case.changed, **dict.fromkeys(changes(event), number)}
    hops = 0 if isinstance(event, _ACTS_OF_PEOPLE) else case.hops
    last = {**case.last, event.TYPE: number}
    return replace(case, sequence=number, last=last, changed=changed, hops=hops)


def changes(event: Event) -> tuple[str, ...]:
    """The fields, of those that proposals rest on, which this event changes.

    What routing itself proposed is not counted: its next proposal already knows of it.
    """
    match event:
        case reception.Dispatched() | reception.Declined():
            return ("lead",)
        case reception.Accepted():
            return ("taken",)
        case reception.Closed() | reception.Reopened():
            return ("open",)
        case whistle.WhistleSettled() | whistle.WhistleWithdrawn():
            return (f"whistle {event.obligation}",)
        case _:
            return ()


def _apply(case: Case, event: Event) -> Case:
    match event:
        case reception.Registered():
            return _registered(case, event)
        case facts.Assigned() | facts.HandedOver() | facts.PanelFormed() | facts.PanelUnfilled() | facts.Unroutable():
            return _routed(case, event)
        case facts.Held() | facts.Released() | holding.Held() | holding.Released():
            return _held(case, event)
        case mediation.SessionHeld():
            return replace(case, state="mediating", sessions=case.sessions + 1)
        case mediation.AgreementReached():
            return replace(case, state="agreed")
        case mediation.Performed():
            return replace(case, state="performed") if event.complete else case
        case _:
            return tracks.evolve(_received(case, event), event)


def _registered(case: Case, event: reception.Registered) -> Case:
    copied = {field: getattr(event, field) for field in event.__struct_fields__ if field != "photos"}
    awaiting = (Awaited(what="assignment", since=case.now),)
    return replace(case, **copied, photos=event.photos, registered_at=case.now, state="registered", awaiting=awaiting)


def _received(case: Case, event: Event) -> Case:
    match event:
        case reception.Dispatched():
            sent = replace(case, lead=event.unit, state="assigned", panel=None, unfilled=None, unroutable=None)
            return answered(sent, "assignment")
        case reception.Accepted():
            return replace(case, state="accepted")
        case reception.Declined():
            declined = (*case.declined, event.unit)
            back = replace(case, lead=None, panel=None, unfilled=None, state="registered", declined=declined)
            return asked(back, "assignment")
        case reception.Attended():
            return replace(case, attended_at=case.now)
        case reception.Disposed():
            return replace(case, state="disposed", disposed_by=event.unit, photos=max(case.photos, event.photos))
        case reception.PhotoAdded():
            return replace(case, photos=case.photos + 1)
        case reception.Verified():
            return replace(case, state="verified" if event.passed else "accepted")
        case reception.Closed():
            return replace(case, state="closed", outcome=event.outcome, unroutable=None, awaiting=())
        case reception.Reopened():
            again = replace(case, outcome=None, attended_at=None, state="assigned" if case.lead else "registered")
            return again if case.lead else asked(again, "assignment")
        case reception.RevisionOrdered():
            return asked(case, "revision") if tracks.running(case) else case
        case _:
            return case


def _routed(case: Case, event: Event) -> Case:
    match event:
        case facts.Assigned():
            sent = replace(
                case, lead=event.unit, centre=event.centre, level=event.level, assisting=event.assisting,
                hops=event.hops, state=_sent(case), unroutable=None,
            )  # fmt: skip
            return answered(sent, "assignment")
        case facts.HandedOver():
            sent = replace(case, lead=event.unit, state=_sent(case), panel=None, unroutable=None, hops=case.hops + 1)
            return answered(sent, "assignment")
        case facts.PanelFormed():
            panel = Panel(mediator=event.mediator, judicial_head=event.judicial_head, lawyer=event.lawyer)
            return replace(case, panel=panel, unfilled=None)
        case facts.PanelUnfilled():
            return replace(case, panel=None, unfilled=event.reason)
        case facts.Unroutable():
            stuck = replace(case, state="unroutable", unroutable=event.reason, seat=event.seat)
            return answered(stuck, "assignment")
        case _:
            return case


def _sent(case: Case) -> str:
    return "assigned" if case.state in ("registered", "unroutable", "accepted") else case.state


def _held(case: Case, event: Event) -> Case:
    match event:
        case facts.Held():
            hold = Hold(service=event.service, topic=event.topic, reason=event.reason, since=event.fact_at)
            return replace(case, held=(*without(case, event.service, event.topic), hold))
        case facts.Released():
            return replace(case, held=without(case, event.service, event.topic))
        case holding.Held():
            hold = Hold(service="intake", topic=event.topic, reason=event.reason, since=case.now)
            return replace(case, held=(*without(case, "intake", event.topic), hold))
        case holding.Released():
            return replace(case, held=without(case, "intake", event.topic))
        case _:
            return case


def without(case: Case, service: str, topic: str) -> tuple[Hold, ...]:
    """The holds other than that of this service on this topic."""
    return tuple(hold for hold in case.held if (hold.service, hold.topic) != (service, topic))


def asked(case: Case, what: str) -> Case:
    """Wait for an answer from now on."""
    kept = tuple(one for one in case.awaiting if one.what != what)
    return replace(case, awaiting=(*kept, Awaited(what=what, since=case.now)))


def answered(case: Case, what: str) -> Case:
    """The answer came."""
    return replace(case, awaiting=tuple(one for one in case.awaiting if one.what != what))
