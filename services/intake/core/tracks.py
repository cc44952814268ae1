"""What runs beside a case: its limits, its whistles with their ranks, and the calls by which units were told.

Facts of different topics may arrive in any order: notify hears of a whistle directly, so `told` may stand in the log
before `blown`. Each fact therefore writes fields of its own, and a rank that nobody has named yet is made.
"""

from __future__ import annotations

from msgspec.structs import replace

from services.intake.core.cases import Awaited, Case, Ending, Limit, LimitStatus, Rank, Whistle
from services.intake.events import facts, reception, whistle
from services.kernel.envelope import Event


def running(case: Case) -> bool:
    """Does any limit run?"""
    return any(limit.status == "running" for limit in case.limits.values())


def evolve(case: Case, event: Event) -> Case:
    """Apply an event to limits, whistles and calls."""
    match event:
        case reception.Attended(obligation=str(obligation), rank=int(rank)):
            return _rank(case, obligation, rank, attended_at=case.now)
        case reception.Closed():
            ended = {name: _end(one, "closed") for name, one in case.whistles.items()}
            return replace(case, whistles=ended)
        case _:
            return _told(_whistle_of_people(_whistle_of_ladder(_limit(case, event), event), event), event)


def _limit(case: Case, event: Event) -> Case:
    match event:
        case facts.LimitSet():
            copied = {name: getattr(event, name) for name in event.__struct_fields__ if name in Limit.__struct_fields__}
            return replace(case, limits={**case.limits, event.limit: Limit(**copied)})
        case facts.LimitMet():
            return _mark(case, event.limit, "met", event.reported_late)
        case facts.LimitMissed():
            missed = _mark(case, event.limit, "missed")
            if event.obligation is not None and event.rank is not None:
                return _rank(missed, event.obligation, event.rank, missed_at=event.fact_at)
            return missed
        case facts.LimitStopped():
            return _mark(case, event.limit, "stopped")
        case facts.LimitUnconfirmed():
            return _mark(case, event.limit, "unconfirmed")
        case facts.LimitRevised():
            return _revised(case, event)
        case _:
            return case


def _mark(case: Case, name: str, status: LimitStatus, late: bool = False) -> Case:
    limit = case.limits.get(name)
    if limit is None:
        return case
    return replace(case, limits={**case.limits, name: replace(limit, status=status, reported_late=late)})


def _revised(case: Case, event: facts.LimitRevised) -> Case:
    answered = replace(case, awaiting=tuple(one for one in case.awaiting if one.what != "revision"))
    limit = case.limits.get(event.limit)
    if limit is None:
        return answered
    due = replace(
        limit, due_at=event.due_at, near_at=event.near_at or limit.near_at, policy_version=event.policy_version
    )
    return replace(answered, limits={**case.limits, event.limit: due})


def _whistle_of_ladder(case: Case, event: Event) -> Case:
    match event:
        case facts.WhistleProposed():
            called = _called(case, event.obligation, event.rank, event.unit)
            proposed = _rank(called, event.obligation, event.rank, unit=event.unit, post=event.post,
                             proposed_at=event.fact_at)  # fmt: skip
            return _heard(proposed, event.obligation)
        case facts.ProposalWithdrawn():
            taken = _rank(case, event.obligation, event.rank, withdrawn_at=event.fact_at)
            whistle_ = _whistle(taken, event.obligation)
            # A whistle of the timer of which nobody was ever called: nothing is left of it.
            return _put(taken, _end(whistle_, "withdrawn")) if event.rank == 1 and whistle_.blown is None else taken
        case facts.WhistleBlown():
            called = _called(case, event.obligation, event.rank, event.unit)
            blown = _rank(called, event.obligation, event.rank, unit=event.unit, post=event.post,
                          blown_at=event.fact_at)  # fmt: skip
            return _heard(blown, event.obligation)
        case facts.WhistleRefused():
            whistle_ = _whistle(case, event.obligation)
            # A refused confirmation leaves the whistle as it is; a refused request ends it.
            ended = whistle_ if whistle_.blown is not None else _end(whistle_, "refused")
            return _heard(_put(case, ended), event.obligation)
        case facts.LadderExhausted():
            return _put(case, replace(_whistle(case, event.obligation), exhausted_at=event.fact_at))
        case _:
            return case


def _whistle_of_people(case: Case, event: Event) -> Case:
    match event:
        case whistle.WhistleRequested():
            begun = replace(_whistle(case, event.obligation), unit=event.unit, by_unit=event.by_unit, kind=event.kind)
            return _ask(_put(case, begun), event.obligation)
        case whistle.WhistleConfirmed():
            return _ask(_rank(case, event.obligation, event.rank, confirmed_at=case.now), event.obligation)
        case whistle.WhistleAcknowledged():
            said = {"acknowledged_at": case.now, "acknowledged_by": event.by, "answer": event.answer}
            return _rank(case, event.obligation, event.rank, **said)
        case whistle.WhistleAnswered():
            return _put(case, replace(_whistle(case, event.obligation), elements=event.elements))
        case whistle.WhistleSettled():
            return _heard(_put(case, _end(_whistle(case, event.obligation), "settled")), event.obligation)
        case whistle.WhistleWithdrawn():
            return _heard(_put(case, _end(_whistle(case, event.obligation), "withdrawn")), event.obligation)
        case _:
            return case


def _told(case: Case, event: Event) -> Case:
    match event:
        case facts.Told():
            told = {"told_at": event.fact_at, "told_staff": event.staff, "told_role": event.role,
                    "channel": event.channel}  # fmt: skip
            if event.purpose == "whistle":
                return _rank(case, event.obligation, event.rank, **told)
            return _call(case, event.obligation, event.rank, unit=event.unit, post=event.post, **told)
        case facts.Undeliverable():
            if event.purpose == "whistle":
                return _rank(case, event.obligation, event.rank, undeliverable_at=event.fact_at)
            return _call(case, event.obligation, event.rank, unit=event.unit, undeliverable_at=event.fact_at)
        case _:
            return case


def _whistle(case: Case, obligation: str) -> Whistle:
    return case.whistles.get(obligation) or Whistle(obligation=obligation)


def _called(case: Case, obligation: str, rank: int, unit: str) -> Case:
    """A whistle that the timer began is about the unit that its first rank calls."""
    whistle_ = _whistle(case, obligation)
    return _put(case, replace(whistle_, unit=unit)) if rank == 1 and not whistle_.unit else case


def _put(case: Case, whistle_: Whistle) -> Case:
    return replace(case, whistles={**case.whistles, whistle_.obligation: whistle_})


def _end(whistle_: Whistle, ending: Ending) -> Whistle:
    return whistle_ if whistle_.ended is not None else replace(whistle_, ended=ending)


def _rank(case: Case, obligation: str, number: int, **said: object) -> Case:
    whistle_ = _whistle(case, obligation)
    rank = replace(whistle_.ranks.get(number) or Rank(rank=number), **said)
    ranks = dict(sorted({**whistle_.ranks, number: rank}.items()))
    return _put(case, replace(whistle_, ranks=ranks))


def _call(case: Case, obligation: str, number: int, **said: object) -> Case:
    call = replace(case.calls.get(obligation) or Rank(rank=number), **said)
    return replace(case, calls={**case.calls, obligation: call})


def _ask(case: Case, obligation: str) -> Case:
    what = f"whistle {obligation}"
    kept = tuple(one for one in case.awaiting if one.what != what)
    return replace(case, awaiting=(*kept, Awaited(what=what, since=case.now)))


def _heard(case: Case, obligation: str) -> Case:
    return replace(case, awaiting=tuple(one for one in case.awaiting if one.what != f"whistle {obligation}"))
