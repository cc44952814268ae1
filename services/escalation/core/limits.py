"""Limits (时限): set by policy, met, reported late, stopped, revised. Missed, and what that does: ladder.py."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.escalation.core import inputs
from services.escalation.core.calendar import Calendar, Within
from services.escalation.core.drafts import Draft
from services.escalation.core.facts import meets
from services.escalation.core.policy import Policy, StepRule
from services.escalation.core.states import ACKNOWLEDGE, ATTEND, SETTLE, TOLD, Limit, Whistle
from services.escalation.events.limits import LimitMet, LimitRevised, LimitSet, LimitStopped

REPORTED_WITHIN = timedelta(hours=24)
"""A claimed time counts only within this before it was told (decision 4)."""


def begin(draft: Draft, rule: StepRule, policy: Policy, occurred_at: datetime | None = None) -> None:
    """Set the limit of a step, unless what it waits for has been done already."""
    case = draft.case
    if not case.open or any(fact in case.seen for fact in rule.met_by):
        return
    start = draft.at
    if rule.from_occurred and occurred_at is not None and start - REPORTED_WITHIN <= occurred_at < start:
        start = occurred_at
    calendar = draft.view.calendar(policy.calendar, draft.at)
    due_at = calendar.due(start, rule.within)
    draft.say(
        LimitSet(
            limit=f"{rule.step}#{case.cycles.get(rule.step, 0) + 1}",
            step=rule.step,
            start=start,
            due_at=due_at,
            near_at=_near(start, due_at, policy.near_share),
            within=str(rule.within),
            policy=policy.name,
            policy_version=policy.version,
            calendar_version=calendar.version,
            starts=rule.starts,
            met_by=rule.met_by,
            whistle=rule.whistle,
        )
    )


def begin_rank(draft: Draft, whistle: Whistle, step: str, within: str) -> None:
    """Set a limit of the rank that a whistle has reached; each at most once."""
    name = f"{whistle.obligation}@{whistle.rank}:{step}"
    if draft.case.find(name) is not None:
        return
    ladder = whistle.ladder
    calendar = draft.view.calendar(ladder.calendar, draft.at)
    due_at = calendar.due(draft.at, Within.parse(within))
    draft.say(
        LimitSet(
            limit=name,
            step=step,
            start=draft.at,
            due_at=due_at,
            near_at=_near(draft.at, due_at, ladder.near_share),
            within=within,
            policy=ladder.policy,
            policy_version=ladder.policy_version,
            calendar_version=calendar.version,
            obligation=whistle.obligation,
            rank=whistle.rank,
        )
    )


def _near(start: datetime, due_at: datetime, share: float) -> datetime:
    return start + (due_at - start) * share


def reported_in_time(limit: Limit, given: inputs.Given) -> bool:
    """Whether the claimed time of the input lies before the limit, and near enough to when it was told."""
    occurred_at = getattr(given, "occurred_at", None)
    if not isinstance(occurred_at, datetime):
        return False
    return occurred_at <= limit.due_at and given.at - occurred_at <= REPORTED_WITHIN


def meet(draft: Draft, given: inputs.Given) -> list[Limit]:
    """Say which limits the input meets.

    Returns: those that it meets late, by what it claims; what they had led to has to be looked at.
    """
    late: list[Limit] = []
    for limit in draft.before.limits:
        if not meets(draft.before, limit, given):
            continue
        if limit.status != "missed" and given.at <= limit.due_at:
            draft.say(_met(limit, given.at, reported_late=False))
        elif reported_in_time(limit, given):
            draft.say(_met(limit, getattr(given, "occurred_at", given.at), reported_late=True))
            late.append(limit)
    return late


def _met(limit: Limit, met_at: datetime, *, reported_late: bool) -> LimitMet:
    return LimitMet(
        limit=limit.limit,
        step=limit.step,
        due_at=limit.due_at,
        met_at=met_at,
        policy_version=limit.policy_version,
        reported_late=reported_late,
        obligation=limit.obligation,
        rank=limit.rank,
    )


def stop(draft: Draft, limit: Limit, because: str) -> None:
    """It is no longer awaited. A missed limit stays missed, and nothing is said."""
    if limit.status != "missed":
        draft.say(LimitStopped(limit=limit.limit, step=limit.step, because=because))


def revise(draft: Draft, order: inputs.RevisionOrdered) -> None:
    """Answer a revision order: every running limit under the newer policy and calendar, never due before the order."""
    for limit in draft.case.limits:
        policy = _ordered(draft, limit, order)
        if limit.status != "running" or policy is None:
            continue
        within = _redefined(draft, limit, policy)
        calendar = _calendar(draft, limit, policy, order)
        if within is None:
            stop(draft, limit, "revised")
        elif (policy.name, policy.version, calendar.version) != (
            limit.policy,
            limit.policy_version,
            limit.calendar_version,
        ):
            _revise(draft, limit, policy, calendar, within)


def _revise(draft: Draft, limit: Limit, policy: Policy, calendar: Calendar, within: Within) -> None:
    due_at = max(calendar.due(limit.start, within), draft.at)
    draft.say(
        LimitRevised(
            limit=limit.limit,
            step=limit.step,
            old_due_at=limit.due_at,
            due_at=due_at,
            near_at=max(_near(limit.start, due_at, policy.near_share), draft.at),
            within=str(within),
            policy=policy.name,
            policy_version=policy.version,
            calendar_version=calendar.version,
        )
    )


def _ordered(draft: Draft, limit: Limit, order: inputs.RevisionOrdered) -> Policy | None:
    if order.policy_version is None:
        return draft.view.numbered(limit.policy, limit.policy_version)
    now = draft.view.at(draft.at)
    if now is not None and now.version == order.policy_version:
        return now
    return draft.view.numbered(limit.policy, order.policy_version)


def _calendar(draft: Draft, limit: Limit, policy: Policy, order: inputs.RevisionOrdered) -> Calendar:
    version = limit.calendar_version if order.calendar_version is None else order.calendar_version
    found = draft.view.calendar_numbered(policy.calendar, version)
    return found or draft.view.calendar(policy.calendar, draft.at)


def _redefined(draft: Draft, limit: Limit, policy: Policy) -> Within | None:
    if limit.obligation is None:
        rule = policy.rule(limit.step, draft.case.family, draft.case.kind)
        return None if rule is None else rule.within
    rank = (limit.rank or 0) - 1
    rung = policy.ladder.rungs[rank] if 0 <= rank < len(policy.ladder.rungs) else None
    if rung is None:
        return Within.parse(limit.within)  # the ladder was copied; a newer one that is shorter ends no rank
    texts = {ATTEND: rung.within, SETTLE: rung.settle, ACKNOWLEDGE: rung.acknowledge, TOLD: policy.ladder.patience}
    return Within.parse(texts.get(limit.step) or limit.within)
