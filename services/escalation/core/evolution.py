"""What each event makes of a case: inputs of the log and own events. Never refuses, never decides.

Rebuild uses this alone, so everything that a state holds comes out of an event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from services.escalation.core import inputs
from services.escalation.core.facts import answers, fact_of, meets
from services.escalation.core.states import ATTEND, SETTLE, Case, Limit, Whistle
from services.escalation.events import limits, whistles
from services.kernel.envelope import Event


def evolve(case: Case | None, event: inputs.Given | Event) -> Case | None:
    """Apply one event. What means nothing to the state leaves it as it is."""
    if case is None:
        return _registered(event) if isinstance(event, inputs.Registered) else None
    step = _STEPS.get(type(event))
    return step(case, event) if step is not None else case


# Inputs


def _registered(given: inputs.Registered) -> Case:
    return Case(family=given.family, kind=given.kind, seat=given.seat, seen=(inputs.REGISTERED,))


def _assigned(case: Case, given: inputs.Assigned) -> Case:
    centre = given.centre or case.centre
    if given.unit == case.lead:
        return replace(case, centre=centre)
    seen = _without(case.seen, inputs.ACCEPTED, inputs.ATTENDED)  # the new unit has done neither
    return replace(_seen(replace(case, seen=seen), given), lead=given.unit, centre=centre)


def _declined(case: Case, given: inputs.Declined) -> Case:
    if given.unit != case.lead:
        return case
    return replace(case, lead=None, seen=_without(case.seen, inputs.ASSIGNED, inputs.ACCEPTED))


def _done(case: Case, given: inputs.Done) -> Case:
    if given.passed:
        return _seen(case, given)
    again = _without(case.seen, inputs.ATTENDED, inputs.DISPOSED, inputs.VERIFIED)
    return replace(_seen(case, given), seen=again)


def _attended(case: Case, given: inputs.Attended) -> Case:
    """Also before `told` is in the log: then the rank's wait to be attended never begins."""
    reached = tuple(
        replace(w, phase="attended", untold=True) if w.phase == "blown" and answers(w, w.rank, given) else w
        for w in case.whistles
    )
    return replace(_seen(case, given), whistles=reached)


def _seen(case: Case, given: inputs.Given) -> Case:
    """The fact is on record; a limit that it meets too late is no longer waited for."""
    fact = fact_of(given)
    seen = case.seen if fact is None or fact in case.seen else (*case.seen, fact)
    left = tuple(kept for kept in case.limits if kept.status == "running" or not meets(case, kept, given))
    return replace(case, seen=seen, limits=left)


def _closed(case: Case, _given: inputs.Closed) -> Case:
    return replace(case, open=False, whistles=(), limits=tuple(kept for kept in case.limits if kept.status != "missed"))


def _reopened(case: Case, _given: inputs.Reopened) -> Case:
    standing = (inputs.REGISTERED, inputs.ASSIGNED, inputs.PANEL_FORMED)
    return replace(case, open=True, seen=tuple(fact for fact in case.seen if fact in standing))


def _answered(case: Case, given: inputs.WhistleRequested | inputs.WhistleConfirmed | inputs.Superseded) -> Case:
    return replace(case, answered=given.number)


def _acknowledged(case: Case, given: inputs.WhistleAcknowledged) -> Case:
    whistle = case.whistle(given.obligation)
    if whistle is None or whistle.acknowledged >= given.rank:
        return _seen(case, given)
    return _whistle(_seen(case, given), replace(whistle, acknowledged=given.rank))


def _over(case: Case, given: inputs.WhistleSettled | inputs.WhistleWithdrawn) -> Case:
    left = tuple(kept for kept in case.limits if kept.obligation != given.obligation or kept.status != "missed")
    return replace(case, whistles=_others(case, given.obligation), limits=left)


# Own events


def _limit_set(case: Case, event: limits.LimitSet) -> Case:
    limit = Limit(
        limit=event.limit,
        step=event.step,
        start=event.start,
        due_at=event.due_at,
        within=event.within,
        policy=event.policy,
        policy_version=event.policy_version,
        calendar_version=event.calendar_version,
        starts=event.starts,
        met_by=event.met_by,
        whistle=event.whistle,
        obligation=event.obligation,
        rank=event.rank,
    )
    if event.obligation is None:
        before = tuple(kept for kept in case.limits if kept.obligation is not None or kept.step != event.step)
        cycles = {**case.cycles, event.step: case.cycles.get(event.step, 0) + 1}
        return replace(case, limits=(*before, limit), cycles=cycles)
    whistle = case.whistle(event.obligation)
    if event.step == ATTEND and whistle is not None:
        case = _whistle(case, replace(whistle, phase="told"))
    elif event.step == SETTLE and whistle is not None and whistle.untold:
        case = _whistle(case, replace(whistle, untold=False))
    return replace(case, limits=(*case.limits, limit))


def _limit_met(case: Case, event: limits.LimitMet) -> Case:
    case = _drop(case, event.limit)
    if event.step == ATTEND and event.obligation is not None:
        whistle = case.whistle(event.obligation)
    elif event.obligation is None and event.reported_late:
        whistle = case.whistle(event.limit)  # the timer's own whistle
    else:
        return case
    if whistle is None or whistle.phase == "proposed":
        return case
    return _whistle(case, replace(whistle, phase="attended", remind_at=None))


def _limit_missed(case: Case, event: limits.LimitMissed) -> Case:
    if not case.open:
        return _drop(case, event.limit)
    return _status(case, event.limit, lambda limit: replace(limit, status="missed"))


def _limit_unconfirmed(case: Case, event: limits.LimitUnconfirmed) -> Case:
    return _status(case, event.limit, lambda limit: replace(limit, status="unconfirmed"))


def _limit_revised(case: Case, event: limits.LimitRevised) -> Case:
    return _status(
        case,
        event.limit,
        lambda limit: replace(
            limit,
            due_at=event.due_at,
            within=event.within,
            policy=event.policy or limit.policy,
            policy_version=event.policy_version,
            calendar_version=event.calendar_version,
        ),
    )


def _limit_stopped(case: Case, event: limits.LimitStopped) -> Case:
    return _drop(case, event.limit)


def _proposed(case: Case, event: whistles.WhistleProposed) -> Case:
    return _reach(case, event, "proposed")


def _blown(case: Case, event: whistles.WhistleBlown) -> Case:
    return _reach(case, event, "blown")


def _reach(case: Case, event: whistles.WhistleProposed | whistles.WhistleBlown, phase: Any) -> Case:
    whistle = case.whistle(event.obligation)
    if whistle is None:
        if event.ladder is None:
            return case
        whistle = Whistle(obligation=event.obligation, ladder=event.ladder, rank=0, phase=phase, called=())
    called = (*whistle.called[: event.rank - 1], event.unit)
    return _whistle(case, replace(whistle, rank=event.rank, phase=phase, called=called, untold=False))


def _proposal_withdrawn(case: Case, event: whistles.ProposalWithdrawn) -> Case:
    whistle = case.whistle(event.obligation)
    if whistle is None or whistle.phase != "proposed":
        return case
    if whistle.rank == 1:
        return replace(case, whistles=_others(case, event.obligation))
    below = replace(whistle, rank=whistle.rank - 1, phase="attended", called=whistle.called[:-1])
    return _whistle(case, below)


def _exhausted(case: Case, event: whistles.LadderExhausted) -> Case:
    whistle = case.whistle(event.obligation)
    if whistle is None:
        return case
    return _whistle(case, replace(whistle, phase="exhausted", because=event.because, remind_at=event.remind_at))


def _reminded(case: Case, event: limits.ReminderDue) -> Case:
    whistle = case.whistle(event.obligation or "")
    return case if whistle is None else _whistle(case, replace(whistle, remind_at=event.remind_at))


# Pieces


def _without(seen: tuple[str, ...], *facts: str) -> tuple[str, ...]:
    return tuple(fact for fact in seen if fact not in facts)


def _drop(case: Case, name: str) -> Case:
    return replace(case, limits=tuple(kept for kept in case.limits if kept.limit != name))


def _status(case: Case, name: str, change: Callable[[Limit], Limit]) -> Case:
    return replace(case, limits=tuple(change(kept) if kept.limit == name else kept for kept in case.limits))


def _others(case: Case, obligation: str) -> tuple[Whistle, ...]:
    return tuple(w for w in case.whistles if w.obligation != obligation)


def _whistle(case: Case, whistle: Whistle) -> Case:
    if case.whistle(whistle.obligation) is None:
        return replace(case, whistles=(*case.whistles, whistle))
    kept = tuple(whistle if w.obligation == whistle.obligation else w for w in case.whistles)
    return replace(case, whistles=kept)


# Each function takes the type under which it stands; `Any` joins them in one table.
_STEPS: Mapping[type[object], Callable[[Case, Any], Case]] = {
    inputs.Assigned: _assigned,
    inputs.Declined: _declined,
    inputs.Done: _done,
    inputs.Attended: _attended,
    inputs.Closed: _closed,
    inputs.Reopened: _reopened,
    inputs.WhistleRequested: _answered,
    inputs.WhistleConfirmed: _answered,
    inputs.Superseded: _answered,
    inputs.WhistleAcknowledged: _acknowledged,
    inputs.WhistleSettled: _over,
    inputs.WhistleWithdrawn: _over,
    limits.LimitSet: _limit_set,
    limits.LimitMet: _limit_met,
    limits.LimitMissed: _limit_missed,
    limits.LimitStopped: _limit_stopped,
    limits.LimitRevised: _limit_revised,
    limits.LimitUnconfirmed: _limit_unconfirmed,
    limits.ReminderDue: _reminded,
    whistles.WhistleProposed: _proposed,
    whistles.WhistleBlown: _blown,
    whistles.ProposalWithdrawn: _proposal_withdrawn,
    whistles.LadderExhausted: _exhausted,
}
