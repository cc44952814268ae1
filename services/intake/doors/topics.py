"""What routing, escalation and notify say, in the words of the case's log: the one place that knows both."""

from __future__ import annotations

from datetime import datetime

from services.escalation import events as escalation
from services.escalation.events import limits, whistles
from services.intake.core.inputs import Fact, Given, Proposal
from services.intake.events import facts
from services.kernel import holding
from services.kernel.envelope import Envelope, Event
from services.kernel.reading import OwnReader, Source
from services.notify import events as notify
from services.notify.events import deliveries
from services.routing import events as routing
from services.routing.events import assignments


def make_reader() -> OwnReader[Given]:
    """Intake's door to the topics of the three services that work on cases."""
    return OwnReader(
        Source(routing.TOPIC, routing.CONTRACT, from_routing),
        Source(escalation.TOPIC, escalation.CONTRACT, from_escalation),
        Source(notify.TOPIC, notify.CONTRACT, from_notify),
    )


def _proposal(message: Envelope, event: Event) -> Proposal:
    return Proposal(id=message.id, afterseq=message.afterseq or 0, fact_at=message.time, event=event)


def _hold(message: Envelope, event: holding.Held | holding.Released) -> Fact:
    service = message.source.split("/")[2] if message.source.count("/") >= 2 else message.source
    if isinstance(event, holding.Held):
        reason = event.reason.partition(":")[0]  # the code alone
        return Fact(event=facts.Held(fact_at=message.time, service=service, topic=event.topic, reason=reason))
    return Fact(event=facts.Released(fact_at=message.time, service=service, topic=event.topic))


def from_routing(message: Envelope, event: Event) -> Given | None:
    """Proposals: who gets the case, who mediates, up or down, or nobody."""
    at = message.time
    match event:
        case assignments.Assigned():
            proposed: Event = facts.Assigned(
                fact_at=at, unit=event.unit, centre=event.centre, level=event.level, assisting=event.assisting,
                hops=event.hops, reason=event.basis.rule, informed=event.informed,
            )  # fmt: skip
        case assignments.PanelProposed():
            proposed = facts.PanelFormed(
                fact_at=at, mediator=event.mediator, judicial_head=event.judicial_head, lawyer=event.lawyer
            )
        case assignments.PanelUnfilled():
            proposed = facts.PanelUnfilled(fact_at=at, reason=event.reason, seat=event.seat)
        case assignments.HandedOver():
            proposed = facts.HandedOver(
                fact_at=at, direction=event.direction, from_unit=event.from_unit, unit=event.unit, reason=event.reason
            )
        case assignments.Unroutable():
            candidates = tuple(one.id for one in event.basis.candidates)
            proposed = facts.Unroutable(fact_at=at, reason=event.reason, seat=event.seat, candidates=candidates)
        case holding.Held() | holding.Released():
            return _hold(message, event)
        case _:
            return None
    return _proposal(message, proposed)


def from_escalation(message: Envelope, event: Event) -> Given | None:
    """Facts of limits and ladders; a rank that is proposed is a proposal."""
    match event:
        case holding.Held() | holding.Released():
            return _hold(message, event)
        case whistles.WhistleProposed():
            proposed = facts.WhistleProposed(
                fact_at=message.time, obligation=event.obligation, rank=event.rank, unit=event.unit, post=event.post
            )
            return _proposal(message, proposed)
        case _:
            fact = _limit(message.time, event) or _ladder(message.time, event)
            return None if fact is None else Fact(event=fact)


def _limit(at: datetime, event: Event) -> Event | None:
    match event:
        case limits.LimitSet():
            return facts.LimitSet(
                fact_at=at, limit=event.limit, step=event.step, start=event.start, due_at=event.due_at,
                near_at=event.near_at, policy_version=event.policy_version, calendar_version=event.calendar_version,
                obligation=event.obligation, rank=event.rank,
            )  # fmt: skip
        case limits.LimitMet():
            return facts.LimitMet(fact_at=at, limit=event.limit, step=event.step, reported_late=event.reported_late)
        case limits.LimitMissed():
            return facts.LimitMissed(
                fact_at=at, limit=event.limit, step=event.step, due_at=event.due_at, obligation=event.obligation,
                rank=event.rank,
            )  # fmt: skip
        case limits.LimitStopped():
            return facts.LimitStopped(fact_at=at, limit=event.limit, step=event.step, because=event.because)
        case limits.LimitRevised():
            return facts.LimitRevised(
                fact_at=at, limit=event.limit, step=event.step, old_due_at=event.old_due_at, due_at=event.due_at,
                near_at=event.near_at, policy_version=event.policy_version,
            )  # fmt: skip
        case limits.LimitUnconfirmed():
            return facts.LimitUnconfirmed(fact_at=at, limit=event.limit, step=event.step, due_at=event.due_at)
        case limits.ReminderDue():
            return facts.ReminderDue(fact_at=at, limit=event.limit, step=event.step)
        case _:
            return None


def _ladder(at: datetime, event: Event) -> Event | None:
    match event:
        case whistles.ProposalWithdrawn():
            return facts.ProposalWithdrawn(fact_at=at, obligation=event.obligation, rank=event.rank)
        case whistles.WhistleBlown():
            return facts.WhistleBlown(
                fact_at=at, obligation=event.obligation, rank=event.rank, unit=event.unit, post=event.post
            )
        case whistles.WhistleRefused():
            return facts.WhistleRefused(fact_at=at, obligation=event.obligation, reason=event.reason)
        case whistles.LadderExhausted():
            return facts.LadderExhausted(fact_at=at, obligation=event.obligation)
        case _:
            return None


def from_notify(message: Envelope, event: Event) -> Given | None:
    """Facts: who was told, that nobody could be, that it is over. `called` is notify's own affair."""
    at = message.time
    match event:
        case deliveries.Told():
            fact: Event = facts.Told(
                fact_at=at, obligation=event.obligation, rank=event.rank, staff=event.staff, unit=event.unit,
                post=event.post, role=event.role, channel=event.channel, purpose=event.purpose,
            )  # fmt: skip
        case deliveries.Undeliverable():
            fact = facts.Undeliverable(
                fact_at=at, obligation=event.obligation, rank=event.rank, unit=event.unit, reason=event.reason,
                purpose=event.purpose,
            )  # fmt: skip
        case deliveries.StoodDown():
            fact = facts.StoodDown(fact_at=at, obligation=event.obligation, staff=event.staff)
        case holding.Held() | holding.Released():
            return _hold(message, event)
        case _:
            return None
    return Fact(event=fact)
