"""The core of escalation: what one input makes true, said as own events in order (decision 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.escalation.core import inputs, ladder, limits
from services.escalation.core.drafts import Draft
from services.escalation.core.evolution import evolve
from services.escalation.core.facts import meets
from services.escalation.core.policy import PolicyBook, StepRule
from services.escalation.core.states import Case
from services.kernel.envelope import Event


class Escalation:
    """See `kernel.core.Core`. The subject is a case; the view is every policy there has ever been."""

    @property
    def rules(self) -> int:
        """Raised whenever `decide` changes; CHANGELOG.md says how."""
        return 1

    def decide(self, state: Case | None, given: inputs.Given, view: PolicyBook) -> Sequence[Event]:
        """What `given` makes true."""
        if state is None:
            return _registered(given, view) if isinstance(given, inputs.Registered) else ()
        step = _DECISIONS.get(type(given))
        waiting = any(limit.status == "unconfirmed" for limit in state.limits)
        if step is None and not waiting:
            return ()
        draft = Draft(state, given, view)
        if waiting and not isinstance(given, inputs.Due):
            _count_unconfirmed(draft, given)
        if step is not None:
            step(draft, given)
        return draft.said

    def evolve(self, state: Case | None, event: inputs.Given | Event) -> Case | None:
        """Apply what is true."""
        return evolve(state, event)

    def due(self, state: Case) -> datetime | None:
        """The earliest running limit or reminder."""
        earliest: datetime | None = None
        for limit in state.limits:
            if limit.status == "running" and (earliest is None or limit.due_at < earliest):
                earliest = limit.due_at
        for whistle in state.whistles:
            if whistle.remind_at is not None and (earliest is None or whistle.remind_at < earliest):
                earliest = whistle.remind_at
        return earliest

    def fired(self, at: datetime, held: bool) -> inputs.Given:
        """The log has passed `at`."""
        return inputs.Due(at=at, held=held)

    def recall(self, recorded: Sequence[Event], view: PolicyBook) -> PolicyBook:
        """Versions are kept for ever and begin after they are stored: the book of today decides as the one of then."""
        return view


def _count_unconfirmed(draft: Draft, given: inputs.Given) -> None:
    """The log goes on, so a limit that passed during a hold was missed, unless this input says that it was not."""
    for limit in draft.before.limits:
        if limit.status != "unconfirmed" or limit.due_at >= given.at:
            continue
        if not (meets(draft.before, limit, given) and limits.reported_in_time(limit, given)):
            ladder.miss(draft, limit)


def _registered(given: inputs.Registered, view: PolicyBook) -> Sequence[Event]:
    case = evolve(None, given)
    if case is None or (policy := view.at(given.at)) is None:
        return ()
    draft = Draft(case, inputs.Passed(at=given.at), view)
    for rule in policy.begun_by(inputs.REGISTERED, case.family, case.kind):
        limits.begin(draft, rule, policy, given.occurred_at)
    return draft.said


def _done(draft: Draft, given: inputs.Done) -> None:
    _met(draft, given)
    if given.passed:
        _begin(draft, given.fact, given.occurred_at)
    elif draft.case.open:
        _begin_again(draft, lambda rule: rule.starts == inputs.REGISTERED and inputs.DISPOSED in rule.met_by)


def _attended(draft: Draft, given: inputs.Attended) -> None:
    _met(draft, given)
    ladder.attended(draft, given)
    _begin(draft, inputs.ATTENDED, given.occurred_at)


def _met(draft: Draft, given: inputs.Given) -> None:
    for late in limits.meet(draft, given):
        ladder.reported_late(draft, late)
    ladder.withdraw_idle(draft, "done")


def _assigned(draft: Draft, given: inputs.Assigned) -> None:
    if given.unit == draft.before.lead:
        return
    _met(draft, given)
    _stop_of_assignment(draft, "reassigned")
    policy = draft.view.at(draft.at)
    if policy is not None:
        for rule in policy.begun_by(inputs.ASSIGNED, draft.case.family, draft.case.kind):
            limits.begin(draft, rule, policy)
    ladder.withdraw_idle(draft, "reassigned")


def _declined(draft: Draft, given: inputs.Declined) -> None:
    if given.unit == draft.before.lead:
        _met(draft, given)
        _stop_of_assignment(draft, "declined")


def _stop_of_assignment(draft: Draft, because: str) -> None:
    for limit in draft.case.limits:
        if limit.obligation is None and limit.starts == inputs.ASSIGNED:
            limits.stop(draft, limit, because)


def _closed(draft: Draft, given: inputs.Closed) -> None:
    limits.meet(draft, given)
    for whistle in draft.before.whistles:
        ladder.finish(draft, whistle.obligation, "closed")
    for limit in draft.case.limits:
        limits.stop(draft, limit, "closed")


def _reopened(draft: Draft, _given: inputs.Reopened) -> None:
    """New limits from now, by the policy in force now, for all that still stands of what began them."""
    if not draft.before.open:
        _begin_again(draft, lambda rule: rule.starts in draft.case.seen)


def _begin(draft: Draft, fact: str, occurred_at: datetime | None) -> None:
    """The steps that this fact begins, unless they have begun and are waited for."""
    policy = draft.view.at(draft.at)
    for rule in policy.begun_by(fact, draft.case.family, draft.case.kind) if policy is not None else ():
        if policy is not None and not _kept(draft.case, rule):
            limits.begin(draft, rule, policy, occurred_at)


def _begin_again(draft: Draft, wanted: Callable[[StepRule], bool]) -> None:
    policy = draft.view.at(draft.at)
    if policy is None:
        return
    for step in policy.steps.get(draft.case.family, ()):
        rule = policy.rule(step.step, draft.case.family, draft.case.kind)
        if rule is not None and wanted(rule) and not _kept(draft.case, rule):
            limits.begin(draft, rule, policy)


def _kept(case: Case, rule: StepRule) -> bool:
    return any(limit.obligation is None and limit.step == rule.step for limit in case.limits)


def _acknowledged(draft: Draft, given: inputs.WhistleAcknowledged) -> None:
    limits.meet(draft, given)


def _settled(draft: Draft, given: inputs.WhistleSettled) -> None:
    limits.meet(draft, given)
    ladder.finish(draft, given.obligation, "settled")


def _withdrawn(draft: Draft, given: inputs.WhistleWithdrawn) -> None:
    ladder.finish(draft, given.obligation, "withdrawn")


def _requested(draft: Draft, given: inputs.WhistleRequested) -> None:
    if given.number > draft.before.answered:
        ladder.request(draft, given)


def _confirmed(draft: Draft, given: inputs.WhistleConfirmed) -> None:
    if given.number > draft.before.answered:
        ladder.confirm(draft, given)


def _superseded(draft: Draft, given: inputs.Superseded) -> None:
    if given.number > draft.before.answered:
        ladder.propose_again(draft, given.obligation)


def _due(draft: Draft, given: inputs.Due) -> None:
    for limit in draft.before.limits:
        if limit.status == "running" and limit.due_at <= given.at:
            if given.held:
                ladder.unconfirmed(draft, limit)
            else:
                ladder.miss(draft, limit)
    for whistle in draft.before.whistles:
        if whistle.remind_at is not None and whistle.remind_at <= given.at:
            ladder.remind(draft, whistle)


# Each function takes the type under which it stands; `Any` joins them in one table.
_DECISIONS: Mapping[type[inputs.Given], Callable[[Draft, Any], None]] = {
    inputs.Assigned: _assigned,
    inputs.Declined: _declined,
    inputs.Done: _done,
    inputs.Attended: _attended,
    inputs.Closed: _closed,
    inputs.Reopened: _reopened,
    inputs.RevisionOrdered: limits.revise,
    inputs.WhistleRequested: _requested,
    inputs.WhistleConfirmed: _confirmed,
    inputs.WhistleAcknowledged: _acknowledged,
    inputs.WhistleSettled: _settled,
    inputs.WhistleWithdrawn: _withdrawn,
    inputs.BlownApplied: ladder.applied,
    inputs.Told: ladder.told,
    inputs.Superseded: _superseded,
    inputs.Due: _due,
}
