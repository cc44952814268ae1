"""From wire types to the projection's inputs: the one place where both are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from services.escalation import events as escalation
from services.escalation.events.limits import LimitSet
from services.intake import events as intake
from services.intake.events import facts, mediation, reception, whistle
from services.kernel import holding
from services.kernel.envelope import Envelope, Event
from services.kernel.reading import OwnReader, Source
from services.notify import events as notify
from services.oversight.core import inputs
from services.routing import events as routing

LOG = intake.TOPIC


def reader() -> OwnReader[inputs.Input]:
    """Reads all case topics."""
    return OwnReader(
        Source(intake.TOPIC, intake.CONTRACT, _of_log, log=True),
        Source(routing.TOPIC, routing.CONTRACT, _elsewhere),
        Source(escalation.TOPIC, escalation.CONTRACT, _elsewhere),
        Source(notify.TOPIC, notify.CONTRACT, _elsewhere),
    )


def _of_log(message: Envelope, event: Event) -> inputs.Input | None:
    translate = _LOG.get(type(event))
    return None if translate is None else translate(message, event)


def _elsewhere(message: Envelope, event: Event) -> inputs.Input:
    if isinstance(event, LimitSet):
        return inputs.Elsewhere(at=message.time, type=message.type, limit=event.limit, met_by=event.met_by)
    return inputs.Elsewhere(at=message.time, type=message.type)


def _registered(m: Envelope, e: reception.Registered) -> inputs.Input:
    return inputs.Registered(
        at=m.time,
        number=e.number,
        family=e.family,
        kind=e.kind,
        channel=e.channel,
        community=e.community,
        street=e.street,
        system=e.system,
    )


def _done(m: Envelope, _: Event) -> inputs.Input:
    return inputs.Done(at=m.time, fact=_fact(m))


def _fact(message: Envelope) -> str:
    """The wire type without its version, as policies name facts."""
    return message.type.rpartition(".v")[0]


def _attended(m: Envelope, e: reception.Attended) -> inputs.Input:
    return inputs.Done(at=m.time, fact=_fact(m), obligation=e.obligation, rank=e.rank)


def _verified(m: Envelope, e: reception.Verified) -> inputs.Input:
    return inputs.Done(at=m.time, fact=_fact(m), passed=e.passed)


def _performed(m: Envelope, e: mediation.Performed) -> inputs.Input:
    return inputs.Done(at=m.time, fact=_fact(m), passed=e.complete)


def _limit_set(m: Envelope, e: facts.LimitSet) -> inputs.Input:
    return inputs.LimitBegan(
        at=m.time,
        limit=e.limit,
        step=e.step,
        start=e.start,
        due_at=e.due_at,
        near_at=e.near_at,
        policy_version=e.policy_version,
        obligation=e.obligation,
        rank=e.rank,
    )


def _limit_revised(m: Envelope, e: facts.LimitRevised) -> inputs.Input:
    return inputs.LimitMoved(
        at=m.time, limit=e.limit, due_at=e.due_at, near_at=e.near_at, policy_version=e.policy_version
    )


def _limit_ended(outcome: inputs.Outcome) -> Callable[[Envelope, Any], inputs.Input]:
    def ended(_: Envelope, e: Any) -> inputs.Input:
        late = bool(getattr(e, "reported_late", False))
        return inputs.LimitEnded(at=e.fact_at, limit=e.limit, outcome=outcome, reported_late=late)

    return ended


def _ranked(step: inputs.RankStep) -> Callable[[Envelope, Any], inputs.Input]:
    """For facts with `fact_at` and acts of people, which have the log's time alone."""

    def ranked(m: Envelope, e: Any) -> inputs.Input:
        called = {"unit": e.unit, "post": e.post} if step in ("proposed", "blown") else {}
        at = getattr(e, "fact_at", m.time)
        return inputs.Ranked(at=at, obligation=e.obligation, rank=e.rank, step=step, **called)

    return ranked


def _told(m: Envelope, e: facts.Told) -> inputs.Input | None:
    """Calls about assignments are no whistles."""
    return _ranked("told")(m, e) if e.purpose == "whistle" else None


def _undeliverable(m: Envelope, e: facts.Undeliverable) -> inputs.Input | None:
    return _ranked("undeliverable")(m, e) if e.purpose == "whistle" else None


def _own_held(m: Envelope, e: holding.Held) -> inputs.Input:
    return inputs.Held(at=m.time, service="intake", topic=e.topic, reason=e.reason)


# Each function takes the type under which it stands; `Any` joins them in one table. What is missing says nothing to
# the projection: panels, urges, answers in words, erasures, reminders, what was superseded.
_LOG: Mapping[type[Event], Callable[[Envelope, Any], inputs.Input | None]] = {
    reception.Registered: _registered,
    reception.Dispatched: lambda m, e: inputs.Led(at=m.time, unit=e.unit),
    facts.Assigned: lambda m, e: inputs.Led(at=m.time, unit=e.unit, centre=e.centre),
    facts.HandedOver: lambda m, e: inputs.Led(at=m.time, unit=e.unit),
    facts.Unroutable: lambda m, e: inputs.Stuck(at=m.time, reason=e.reason),
    reception.Accepted: _done,
    reception.Declined: _done,
    reception.Attended: _attended,
    reception.Disposed: _done,
    reception.Verified: _verified,
    mediation.SessionHeld: _done,
    mediation.AgreementReached: _done,
    mediation.Performed: _performed,
    reception.Closed: lambda m, e: inputs.Closed(at=m.time, outcome=e.outcome),
    reception.Reopened: lambda m, _: inputs.Reopened(at=m.time),
    reception.RevisionOrdered: lambda m, _: inputs.RevisionOrdered(at=m.time),
    facts.LimitSet: _limit_set,
    facts.LimitMet: _limit_ended("met"),
    facts.LimitMissed: _limit_ended("missed"),
    facts.LimitStopped: _limit_ended("stopped"),
    facts.LimitUnconfirmed: _limit_ended("unconfirmed"),
    facts.LimitRevised: _limit_revised,
    whistle.WhistleRequested: lambda m, e: inputs.WhistleRequested(
        at=m.time, obligation=e.obligation, unit=e.unit, by_unit=e.by_unit
    ),
    whistle.WhistleConfirmed: _ranked("confirmed"),
    whistle.WhistleAcknowledged: _ranked("acknowledged"),
    whistle.WhistleSettled: lambda m, e: inputs.WhistleEnded(at=m.time, obligation=e.obligation, how="settled"),
    whistle.WhistleWithdrawn: lambda m, e: inputs.WhistleEnded(at=m.time, obligation=e.obligation, how="withdrawn"),
    facts.WhistleProposed: _ranked("proposed"),
    facts.ProposalWithdrawn: _ranked("withdrawn"),
    facts.WhistleBlown: _ranked("blown"),
    facts.WhistleRefused: lambda _, e: inputs.WhistleRefused(at=e.fact_at, obligation=e.obligation),
    facts.LadderExhausted: lambda _, e: inputs.WhistleExhausted(at=e.fact_at, obligation=e.obligation),
    facts.Told: _told,
    facts.Undeliverable: _undeliverable,
    facts.Held: lambda _, e: inputs.Held(at=e.fact_at, service=e.service, topic=e.topic, reason=e.reason),
    facts.Released: lambda _, e: inputs.Released(at=e.fact_at, service=e.service, topic=e.topic),
    holding.Held: _own_held,
    holding.Released: lambda m, e: inputs.Released(at=m.time, service="intake", topic=e.topic),
}
