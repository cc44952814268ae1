"""From the log of cases to the core's inputs, once. What escalation has no use for is numbered and passed over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from services.escalation.core import inputs
from services.intake import events as intake
from services.intake.events import facts, mediation, reception, whistle
from services.kernel.envelope import Envelope, Event
from services.kernel.reading import OwnReader, Source

SERVICE = "escalation"


def reader() -> OwnReader[inputs.Given]:
    """The door to `case.intake`, the one topic that escalation reads."""
    return OwnReader(Source(intake.TOPIC, intake.CONTRACT, translate, log=True))


def translate(message: Envelope, event: Event) -> inputs.Given | None:
    """What an event of the log says to escalation; None for what does not concern it."""
    step = _INPUTS.get(type(event))
    return step(message, event) if step is not None else None


def _registered(m: Envelope, e: reception.Registered) -> inputs.Given:
    return inputs.Registered(at=m.time, family=e.family, kind=e.kind, seat=e.receiver_unit, occurred_at=e.occurred_at)


def _done(fact: str) -> Callable[[Envelope, Event], inputs.Given]:
    return lambda m, e: inputs.Done(at=m.time, fact=fact, occurred_at=getattr(e, "occurred_at", None))


def _verified(m: Envelope, e: reception.Verified) -> inputs.Given:
    return inputs.Done(at=m.time, fact=inputs.VERIFIED, passed=e.passed)


def _performed(m: Envelope, e: mediation.Performed) -> inputs.Given | None:
    """One instalment of several meets nothing."""
    return inputs.Done(at=m.time, fact=inputs.PERFORMED) if e.complete else None


def _attended(m: Envelope, e: reception.Attended) -> inputs.Given:
    return inputs.Attended(at=m.time, unit=e.unit, obligation=e.obligation, rank=e.rank, occurred_at=e.occurred_at)


def _revision(m: Envelope, e: reception.RevisionOrdered) -> inputs.Given:
    return inputs.RevisionOrdered(at=m.time, policy_version=e.policy_version, calendar_version=e.calendar_version)


def _requested(m: Envelope, e: whistle.WhistleRequested) -> inputs.Given:
    return inputs.WhistleRequested(at=m.time, number=m.sequence, obligation=e.obligation, unit=e.unit)


def _confirmed(m: Envelope, e: whistle.WhistleConfirmed) -> inputs.Given:
    return inputs.WhistleConfirmed(at=m.time, number=m.sequence, obligation=e.obligation, rank=e.rank)


def _told(m: Envelope, e: facts.Told) -> inputs.Given | None:
    """Calls about something else have names of their own (see notify's events); only a whistle's starts a wait."""
    return inputs.Told(at=m.time, obligation=e.obligation, rank=e.rank) if e.purpose == "whistle" else None


def _untold(m: Envelope, e: facts.Undeliverable) -> inputs.Given | None:
    if e.purpose != "whistle":
        return None
    return inputs.Told(at=m.time, obligation=e.obligation, rank=e.rank, reached=False)


def _superseded(m: Envelope, e: facts.Superseded) -> inputs.Given | None:
    """Intake names the field that had changed; the one that our proposals rest on is `whistle <obligation>`."""
    field, _, obligation = e.because.partition(" ")
    return inputs.Superseded(at=m.time, number=m.sequence, obligation=obligation) if field == "whistle" else None


def _released(m: Envelope, e: facts.Released) -> inputs.Given | None:
    """Our own hold is over: what passed unconfirmed now counts."""
    return inputs.Passed(at=m.time) if e.service == SERVICE else None


# Each function takes the type under which it stands; `Any` joins them in one table.
_INPUTS: Mapping[type[Event], Callable[[Envelope, Any], inputs.Given | None]] = {
    reception.Registered: _registered,
    reception.Dispatched: lambda m, e: inputs.Assigned(at=m.time, unit=e.unit),
    reception.Accepted: _done(inputs.ACCEPTED),
    reception.Declined: lambda m, e: inputs.Declined(at=m.time, unit=e.unit),
    reception.Attended: _attended,
    reception.Disposed: _done(inputs.DISPOSED),
    reception.Verified: _verified,
    reception.Closed: lambda m, _: inputs.Closed(at=m.time),
    reception.Reopened: lambda m, _: inputs.Reopened(at=m.time),
    reception.RevisionOrdered: _revision,
    mediation.SessionHeld: _done(inputs.SESSION_HELD),
    mediation.AgreementReached: _done(inputs.AGREEMENT_REACHED),
    mediation.Performed: _performed,
    whistle.WhistleRequested: _requested,
    whistle.WhistleConfirmed: _confirmed,
    whistle.WhistleAcknowledged: lambda m, e: inputs.WhistleAcknowledged(
        at=m.time, obligation=e.obligation, rank=e.rank
    ),
    whistle.WhistleSettled: lambda m, e: inputs.WhistleSettled(at=m.time, obligation=e.obligation),
    whistle.WhistleWithdrawn: lambda m, e: inputs.WhistleWithdrawn(at=m.time, obligation=e.obligation),
    facts.Assigned: lambda m, e: inputs.Assigned(at=m.time, unit=e.unit, centre=e.centre),
    facts.HandedOver: lambda m, e: inputs.Assigned(at=m.time, unit=e.unit),
    facts.PanelFormed: _done(inputs.PANEL_FORMED),
    facts.WhistleBlown: lambda m, e: inputs.BlownApplied(at=m.time, obligation=e.obligation, rank=e.rank),
    facts.Told: _told,
    facts.Undeliverable: _untold,
    facts.Superseded: _superseded,
    facts.Released: _released,
}
