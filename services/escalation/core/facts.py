"""Which limits and calls a fact answers. Whether in time: limits.py."""

from __future__ import annotations

from collections.abc import Mapping

from services.escalation.core import inputs
from services.escalation.core.states import ACKNOWLEDGE, ATTEND, SETTLE, TOLD, Case, Limit, Whistle


def fact_of(given: inputs.Given) -> str | None:
    """The name of the fact that an input is, as policies name it."""
    if isinstance(given, inputs.Done):
        return given.fact
    return _FACTS.get(type(given))


_FACTS: Mapping[type[inputs.Given], str] = {
    inputs.Registered: inputs.REGISTERED,
    inputs.Assigned: inputs.ASSIGNED,
    inputs.Declined: inputs.DECLINED,
    inputs.Attended: inputs.ATTENDED,
    inputs.Closed: inputs.CLOSED,
    inputs.Reopened: inputs.REOPENED,
}


def answers(whistle: Whistle, rank: int, given: inputs.Attended) -> bool:
    """Whether this attendance is what `rank` of the whistle called for: it says so, or the unit called is there."""
    if given.obligation is not None:
        return given.obligation == whistle.obligation and given.rank in (None, rank)
    return rank <= len(whistle.called) and whistle.called[rank - 1] == given.unit


def meets(case: Case, limit: Limit, given: inputs.Given) -> bool:
    """Whether `given` is what the limit waits for, in time or not. case: as it was before."""
    if limit.obligation is None:
        return fact_of(given) in limit.met_by
    whistle = case.whistle(limit.obligation)
    if whistle is None or limit.rank is None:
        return False
    match given:
        case inputs.Attended():
            return limit.step in (ATTEND, ACKNOWLEDGE) and answers(whistle, limit.rank, given)
        case inputs.Told(obligation=obligation, rank=rank, reached=True):
            return limit.step == TOLD and (obligation, rank) == (limit.obligation, limit.rank)
        case inputs.WhistleAcknowledged(obligation=obligation, rank=rank):
            return limit.step == ACKNOWLEDGE and (obligation, rank) == (limit.obligation, limit.rank)
        case inputs.WhistleSettled(obligation=obligation):
            return limit.step == SETTLE and obligation == limit.obligation
        case _:
            return False
