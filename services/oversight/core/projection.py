"""The projection's rules: what each event makes of a case. It decides nothing and says nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from services.kernel.envelope import Event
from services.oversight.core import inputs
from services.oversight.core.cases import Awaited, Case, Hold, Limit, Rank, Whistle

_AFTER = {
    "case.accepted": "accepted",
    "case.session_held": "mediating",
    "case.agreement_reached": "agreed",
    "case.performed": "performed",
    "case.disposed": "disposed",
    "case.verified": "verified",
}


class Projection:
    """The kernel's `Core` of a service that only watches."""

    rules = 1

    def decide(self, state: Case | None, given: inputs.Input, view: None) -> Sequence[Event]:
        """Nothing: oversight says nothing about a case."""
        return ()

    def evolve(self, state: Case | None, event: inputs.Input | Event) -> Case | None:
        """Apply one event. What it does not know leaves the case as it is."""
        step = _STEPS.get(type(event))
        return state if step is None else step(state or Case(), event)

    def due(self, state: Case) -> datetime | None:
        """Nothing is awaited here: limits fire in escalation."""
        return None

    def fired(self, at: datetime, held: bool) -> inputs.Input:
        """Never called, as `due` gives no time."""
        raise RuntimeError("oversight has no limits of its own")

    def recall(self, recorded: Sequence[Event], view: None) -> None:
        """No view is needed."""
        return


# Reception and mediation


def _registered(case: Case, given: inputs.Registered) -> Case:
    case = replace(
        case,
        number=given.number,
        family=given.family,
        kind=given.kind,
        channel=given.channel,
        system=given.system,
        community=given.community,
        street=given.street,
        state="registered",
        opened_at=given.at,
        begun_at=given.at,
    )
    return _ask(case, "assignment", given.at)


def _led(case: Case, given: inputs.Led) -> Case:
    moves = case.state in ("registered", "unroutable", "accepted")
    led = replace(
        case,
        lead=given.unit,
        centre=given.centre or case.centre,
        led_at=given.at,
        unroutable=None,
        state="assigned" if moves else case.state,
    )
    return _answer(led, "assignment")


def _stuck(case: Case, given: inputs.Stuck) -> Case:
    return _answer(replace(case, state="unroutable", unroutable=given.reason), "assignment")


def _done(case: Case, given: inputs.Done) -> Case:
    if not given.passed:
        if given.fact == "case.verified":
            return replace(case, state="accepted", reworked=case.reworked + 1)
        return case
    times = (*case.done.get(given.fact, ()), given.at)
    done = replace(case, done={**case.done, given.fact: times}, state=_AFTER.get(given.fact, case.state))
    if given.fact == "case.declined":
        return _ask(replace(done, state="registered", lead=None, led_at=None), "assignment", given.at)
    if given.obligation is not None and given.rank is not None:
        return _rank(done, given.obligation, given.rank, attended=given.at)
    return done


def _closed(case: Case, given: inputs.Closed) -> Case:
    """Nothing of a closed case is waited for any more; what was missed stays missed."""
    limits = {
        name: limit if limit.ended_at else replace(limit, ended_at=given.at) for name, limit in case.limits.items()
    }
    whistles = {name: _end(whistle, "closed", given.at) for name, whistle in case.whistles.items()}
    return replace(
        case,
        state="closed",
        closed_at=given.at,
        outcome=given.outcome,
        unroutable=None,
        awaiting=(),
        limits=limits,
        whistles=whistles,
    )


def _reopened(case: Case, given: inputs.Reopened) -> Case:
    again = replace(
        case,
        state="assigned" if case.lead else "registered",
        led_at=given.at if case.lead else None,
        begun_at=given.at,
        closed_at=None,
        outcome=None,
        reopened=case.reopened + 1,
    )
    return again if case.lead else _ask(again, "assignment", given.at)


# Limits


def _limit_began(case: Case, given: inputs.LimitBegan) -> Case:
    limit = Limit(
        limit=given.limit,
        step=given.step,
        set_at=given.at,
        start=given.start,
        due_at=given.due_at,
        near_at=given.near_at,
        policy_version=given.policy_version,
        obligation=given.obligation,
        rank=given.rank,
    )
    return _limit(case, limit)


def _limit_ended(case: Case, given: inputs.LimitEnded) -> Case:
    limit = case.limits.get(given.limit)
    if limit is None:
        return case
    over = given.outcome in ("met", "stopped")
    ended_at = limit.ended_at or (given.at if over else None)
    return _limit(case, replace(limit, status=given.outcome, reported_late=given.reported_late, ended_at=ended_at))


def _limit_moved(case: Case, given: inputs.LimitMoved) -> Case:
    case, limit = _answer(case, "revision"), case.limits.get(given.limit)
    if limit is None:
        return case
    near = given.near_at or min(limit.near_at, given.due_at)
    return _limit(case, replace(limit, due_at=given.due_at, near_at=near, policy_version=given.policy_version))


def _revision_ordered(case: Case, given: inputs.RevisionOrdered) -> Case:
    running = any(limit.status == "running" and limit.ended_at is None for limit in case.limits.values())
    return _ask(case, "revision", given.at) if running else case


# Whistles


def _whistle_requested(case: Case, given: inputs.WhistleRequested) -> Case:
    whistle = replace(_whistle_of(case, given.obligation), unit=given.unit, by_unit=given.by_unit)
    return _ask(_whistle(case, whistle), f"whistle {given.obligation}", given.at)


def _ranked(case: Case, given: inputs.Ranked) -> Case:
    called = {"unit": given.unit, "post": given.post} if given.unit else {}
    case = _rank(case, given.obligation, given.rank, **called, **{given.step: given.at})
    match given.step:
        case "confirmed":
            return _ask(case, f"whistle {given.obligation}", given.at)
        case "proposed" | "blown":
            return _answer(case, f"whistle {given.obligation}")
        case _:
            return case


def _whistle_refused(case: Case, given: inputs.WhistleRefused) -> Case:
    """A refused request ends the whistle; a refused confirmation leaves it as it is."""
    whistle = _whistle_of(case, given.obligation)
    blown = any(rank.blown for rank in whistle.ranks.values())
    kept = whistle if blown else _end(whistle, "refused", given.at)
    return _answer(_whistle(case, kept), f"whistle {given.obligation}")


def _exhausted(case: Case, given: inputs.WhistleExhausted) -> Case:
    return _whistle(case, replace(_whistle_of(case, given.obligation), exhausted_at=given.at))


def _whistle_ended(case: Case, given: inputs.WhistleEnded) -> Case:
    ended = _end(_whistle_of(case, given.obligation), given.how, given.at)
    return _answer(_whistle(case, ended), f"whistle {given.obligation}")


# Holds, and the other topics


def _held(case: Case, given: inputs.Held) -> Case:
    hold = Hold(service=given.service, topic=given.topic, reason=given.reason, since=given.at)
    return replace(case, held=(*_without(case, given), hold))


def _released(case: Case, given: inputs.Released) -> Case:
    return replace(case, held=_without(case, given))


def _elsewhere(case: Case, given: inputs.Elsewhere) -> Case:
    counts = dict(sorted({**case.counts, given.type: case.counts.get(given.type, 0) + 1}.items()))
    needs = case.needs if given.limit is None else dict(sorted({**case.needs, given.limit: given.met_by}.items()))
    return replace(case, counts=counts, needs=needs)


# Pieces


def _ask(case: Case, what: str, at: datetime) -> Case:
    return replace(case, awaiting=(*_answer(case, what).awaiting, Awaited(what=what, since=at)))


def _answer(case: Case, what: str) -> Case:
    return replace(case, awaiting=tuple(one for one in case.awaiting if one.what != what))


def _limit(case: Case, limit: Limit) -> Case:
    return replace(case, limits={**case.limits, limit.limit: limit})


def _whistle_of(case: Case, obligation: str) -> Whistle:
    return case.whistles.get(obligation) or Whistle(obligation=obligation)


def _whistle(case: Case, whistle: Whistle) -> Case:
    return replace(case, whistles={**case.whistles, whistle.obligation: whistle})


def _rank(case: Case, obligation: str, number: int, **said: str | datetime) -> Case:
    whistle = _whistle_of(case, obligation)
    rank = replace(whistle.ranks.get(number) or Rank(rank=number), **said)
    return _whistle(case, replace(whistle, ranks=dict(sorted({**whistle.ranks, number: rank}.items()))))


def _end(whistle: Whistle, how: str, at: datetime) -> Whistle:
    return whistle if whistle.ended else replace(whistle, ended=how, ended_at=at)


def _without(case: Case, given: inputs.Held | inputs.Released) -> tuple[Hold, ...]:
    return tuple(hold for hold in case.held if (hold.service, hold.topic) != (given.service, given.topic))


# Each function takes the type under which it stands; `Any` joins them in one table.
_STEPS: Mapping[type[object], Callable[[Case, Any], Case]] = {
    inputs.Registered: _registered,
    inputs.Led: _led,
    inputs.Stuck: _stuck,
    inputs.Done: _done,
    inputs.Closed: _closed,
    inputs.Reopened: _reopened,
    inputs.RevisionOrdered: _revision_ordered,
    inputs.LimitBegan: _limit_began,
    inputs.LimitEnded: _limit_ended,
    inputs.LimitMoved: _limit_moved,
    inputs.WhistleRequested: _whistle_requested,
    inputs.Ranked: _ranked,
    inputs.WhistleRefused: _whistle_refused,
    inputs.WhistleExhausted: _exhausted,
    inputs.WhistleEnded: _whistle_ended,
    inputs.Held: _held,
    inputs.Released: _released,
    inputs.Elsewhere: _elsewhere,
}
