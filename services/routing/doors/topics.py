"""What routing reads: the log of cases. Each type that concerns it becomes an input of its core."""

from __future__ import annotations

from services.intake import events as intake
from services.intake.events import facts, reception
from services.kernel.envelope import Envelope, Event
from services.kernel.reading import OwnReader, Source
from services.routing.core import inputs
from services.routing.core.inputs import Input


def reader() -> OwnReader[Input]:
    """The door to the topic `case.intake`."""
    return OwnReader(Source(intake.TOPIC, intake.CONTRACT, translate, log=True))


def translate(message: Envelope, event: Event) -> Input | None:
    """What an event of the log says to routing; None for what does not concern it."""
    id_, sequence, at = message.id, message.sequence, message.time
    match event:
        case reception.Registered():
            return _registered(message, event)
        case reception.Dispatched(unit=unit):
            return inputs.Dispatched(id=id_, sequence=sequence, at=at, unit=unit)
        case reception.Accepted(unit=unit):
            return inputs.Accepted(id=id_, sequence=sequence, at=at, unit=unit)
        case reception.Declined(unit=unit, by=by):
            return inputs.Declined(id=id_, sequence=sequence, at=at, unit=unit, by=by)
        case reception.Closed():
            return inputs.Closed(id=id_, sequence=sequence, at=at)
        case reception.Reopened():
            return inputs.Reopened(id=id_, sequence=sequence, at=at)
        case _:
            return _fact(message, event)


def _fact(message: Envelope, event: Event) -> Input | None:
    """What became of proposals."""
    id_, sequence, at = message.id, message.sequence, message.time
    match event:
        case facts.Assigned(unit=unit) | facts.HandedOver(unit=unit):
            return inputs.Led(id=id_, sequence=sequence, at=at, unit=unit)
        case facts.PanelFormed(mediator=mediator, judicial_head=head, lawyer=lawyer):
            return inputs.PanelFormed(
                id=id_, sequence=sequence, at=at, mediator=mediator, judicial_head=head, lawyer=lawyer
            )
        case facts.Superseded(proposal=proposal, because=because):
            return inputs.Superseded(id=id_, sequence=sequence, at=at, proposal=proposal, because=because)
        case facts.Unroutable():
            return inputs.Stuck(id=id_, sequence=sequence, at=at)
        case _:
            return None


def _registered(message: Envelope, event: reception.Registered) -> Input:
    return inputs.Registered(
        id=message.id,
        sequence=message.sequence,
        at=message.time,
        family=event.family,
        kind=event.kind,
        community=None if event.community == "unknown" else event.community,
        street=event.street,
    )
