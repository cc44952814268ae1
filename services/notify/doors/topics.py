"""From the wire to the core's inputs, once. What notify has no use for is numbered and passed over."""

from __future__ import annotations

from services.escalation import events as escalation
from services.escalation.events import limits, whistles
from services.intake import events as intake
from services.intake.events import facts, reception, whistle
from services.kernel.envelope import Envelope, Event
from services.kernel.holding import Held
from services.kernel.reading import OwnReader, Source
from services.notify.core import inputs
from services.notify.core.inputs import Given


def reader() -> OwnReader[Given]:
    """Both topics that notify reads. case.intake is the log: `afterseq` counts on it."""
    return OwnReader(
        Source(intake.TOPIC, intake.CONTRACT, of_intake, log=True),
        Source(escalation.TOPIC, escalation.CONTRACT, of_escalation),
    )


def of_escalation(message: Envelope, event: Event) -> Given | None:
    """Whistles come straight from escalation, so that their way does not lead through intake.

    That escalation holds a case is heard from case.intake, which also knows whose case it is.
    """
    after = message.afterseq or 0
    match event:
        case whistles.WhistleBlown():
            return inputs.Blown(
                at=message.time,
                after=after,
                obligation=event.obligation,
                rank=event.rank,
                unit=event.unit,
                post=event.post,
                respond_within_s=event.respond_within_s,
            )
        case limits.LimitUnconfirmed():
            return inputs.SeatNeeded(
                message.time, after, message.sequence, "unconfirmed", seat=event.seat, about=event.limit
            )
        case _:
            return None


def of_intake(message: Envelope, event: Event) -> Given | None:
    """The case's log: who has it, what was applied of the others' facts, and when it or a whistle ended."""
    n = message.sequence
    match event:
        case reception.Registered():
            return inputs.Registered(event.number, event.kind, event.community, event.street)
        case reception.Closed():
            return inputs.Ended(n, event.by)
        case reception.Reopened():
            return inputs.Reopened(message.time, n)
        case whistle.WhistleRequested():
            return inputs.Requested(event.obligation, event.by_unit)
        case whistle.WhistleSettled() | whistle.WhistleWithdrawn():
            return inputs.Ended(n, event.by, event.obligation)
        case _:
            return _entrusted(message, event) or _for_a_seat(message, event)


def _entrusted(message: Envelope, event: Event) -> Given | None:
    n = message.sequence
    match event:
        case facts.Assigned():
            return inputs.Entrusted(message.time, n, event.unit, event.centre)
        case reception.Dispatched() | facts.HandedOver():
            return inputs.Entrusted(message.time, n, event.unit)
        case reception.Urged():
            return inputs.Urged(message.time, n, event.unit)
        case _:
            return None


def _for_a_seat(message: Envelope, event: Event) -> Given | None:
    at, n = message.time, message.sequence
    match event:
        case facts.WhistleProposed():
            return inputs.SeatNeeded(at, n, n, "proposed", about=event.obligation)
        case facts.Unroutable():
            return inputs.SeatNeeded(at, n, n, "unroutable", seat=event.seat)
        case facts.Held() | Held():
            return inputs.SeatNeeded(at, n, n, "held")
        case facts.LimitMissed(step="told", obligation=str(obligation)):
            return inputs.SeatNeeded(at, n, n, "untold", about=obligation)
        case facts.ReminderDue():
            return inputs.SeatNeeded(at, n, n, "reminder", about=event.limit)
        case facts.Undeliverable():
            return inputs.Undelivered(at, n, event.obligation, event.rank)
        case _:
            return None
