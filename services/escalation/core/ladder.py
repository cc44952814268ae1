"""The ladder of a whistle (吹哨报到): ranks up to the district's leaders.

Rank n + 1 is due when rank n was not attended, or not settled, in time; the wait of a rank counts from when somebody
was told of it, or nobody could be, as the log has it. So after any outage no leader is called before the head was told.
"""

from __future__ import annotations

from datetime import timedelta

from services.escalation.core import inputs, limits
from services.escalation.core.calendar import Within
from services.escalation.core.drafts import Draft
from services.escalation.core.facts import answers
from services.escalation.core.states import ACKNOWLEDGE, ATTEND, SETTLE, TOLD, Case, Limit, Whistle
from services.escalation.events.limits import LimitMissed, LimitUnconfirmed, ReminderDue
from services.escalation.events.whistles import (
    Ladder,
    LadderExhausted,
    ProposalWithdrawn,
    Rung,
    WhistleBlown,
    WhistleProposed,
    WhistleRefused,
)

# Requests of people, each answered once


def request(draft: Draft, given: inputs.WhistleRequested) -> None:
    """Blow rank 1 of a new whistle, or say why not."""
    policy = draft.view.at(draft.at)
    if not draft.case.open:
        _refuse(draft, given.obligation, "closed")
    elif policy is None or not policy.ladder.rungs:
        _refuse(draft, given.obligation, "no_policy")
    elif draft.case.whistle(given.obligation) is not None or _calls(draft.case, given.unit):
        _refuse(draft, given.obligation, "already_running")
    else:
        for proposed in draft.case.whistles:
            if proposed.called[0] == given.unit:
                _withdraw_proposal(draft, proposed, "requested")  # a person overtakes the timer
        _blow(draft, given.obligation, policy.ladder, 1, given.unit, "requested", first=True)


def confirm(draft: Draft, given: inputs.WhistleConfirmed) -> None:
    """Blow the rank that was proposed, or say why not."""
    whistle = draft.case.whistle(given.obligation)
    if whistle is None:
        _refuse(draft, given.obligation, "no_such_rank" if draft.case.open else "closed")
    elif whistle.phase == "proposed" and whistle.rank == given.rank:
        _blow(draft, given.obligation, whistle.ladder, given.rank, whistle.called[-1], "confirmed")
    else:
        _refuse(draft, given.obligation, "already_running" if given.rank <= whistle.rank else "no_such_rank")


def _refuse(draft: Draft, obligation: str, reason: str) -> None:
    draft.say(WhistleRefused(obligation=obligation, reason=reason))


def _calls(case: Case, unit: str) -> bool:
    return any(whistle.called[0] == unit and not _only_proposed(whistle) for whistle in case.whistles)


def _only_proposed(whistle: Whistle) -> bool:
    return whistle.rank == 1 and whistle.phase == "proposed"


# Facts


def applied(draft: Draft, given: inputs.BlownApplied) -> None:
    """The rank is on the log: somebody should be told of it within patience, else the duty seat hears of it."""
    whistle = draft.case.whistle(given.obligation)
    if whistle is not None and whistle.rank == given.rank and whistle.phase == "blown":
        limits.begin_rank(draft, whistle, TOLD, whistle.ladder.patience)


def told(draft: Draft, given: inputs.Told) -> None:
    """The first word that this rank was told, or could not be, starts its wait."""
    whistle = draft.case.whistle(given.obligation)
    if whistle is None or whistle.rank != given.rank:
        return
    limits.meet(draft, given)
    if not given.reached:
        _stop_rank(draft, whistle, "undeliverable", TOLD)
    if whistle.untold:
        _await_settled(draft, whistle)
    rung = whistle.rung(whistle.rank)
    if whistle.phase != "blown" or rung is None:
        return
    if rung.acknowledge is not None and whistle.acknowledged < whistle.rank:
        limits.begin_rank(draft, whistle, ACKNOWLEDGE, rung.acknowledge)
    limits.begin_rank(draft, whistle, ATTEND, rung.within)


def attended(draft: Draft, given: inputs.Attended) -> None:
    """After an attendance: the rank that it answers now waits to be settled.

    Where nobody has been told yet, that wait too begins with the word, or after an outage the next rank would be
    called before, or together with, this one.
    """
    for before in draft.before.whistles:
        whistle = draft.case.whistle(before.obligation)
        if whistle is None or whistle.phase != "attended" or before.phase not in ("blown", "told"):
            continue
        if not answers(before, before.rank, given):
            continue  # a lower rank was reported late: this one waits for settled alone
        _stop_rank(draft, whistle, "attended", TOLD)
        if not whistle.untold:
            _await_settled(draft, whistle)


def reported_late(draft: Draft, limit: Limit) -> None:
    """A limit turned out to have been met in time: a proposal is withdrawn; a blown rank stands, and waits for
    settled alone."""
    before = draft.before.whistle(limit.obligation or limit.limit)
    if before is None or (limit.obligation is not None and limit.step != ATTEND):
        return
    if before.phase == "proposed":
        _withdraw_proposal(draft, before, "reported_late")
        whistle = draft.case.whistle(before.obligation)
        if whistle is not None and limit.obligation is not None and whistle.rank == limit.rank:
            _await_settled(draft, whistle)
    elif before.rank > (limit.rank or 0):
        _stop_rank(draft, before, "reported_late", TOLD, ACKNOWLEDGE, ATTEND, SETTLE)


def withdraw_idle(draft: Draft, because: str) -> None:
    """A step was done after its limit, or is another unit's now: nobody need be called for it, if nobody was."""
    for whistle in draft.case.whistles:
        began = draft.before.find(whistle.obligation)
        if _only_proposed(whistle) and began is not None and draft.case.find(began.limit) is None:
            _withdraw_proposal(draft, whistle, because)


def finish(draft: Draft, obligation: str, because: str) -> None:
    """The whistle is over: settled, withdrawn, or the case closed."""
    whistle = draft.before.whistle(obligation)
    if whistle is None:
        return
    for limit in draft.case.limits:
        if limit.obligation == obligation:
            limits.stop(draft, limit, because)
    if whistle.phase == "proposed":
        draft.say(ProposalWithdrawn(obligation=obligation, rank=whistle.rank, because=because))


def propose_again(draft: Draft, obligation: str) -> None:
    """Intake had a newer state than the proposal: it is made anew on this one, if it still stands."""
    whistle = draft.case.whistle(obligation)
    rung = whistle.rung(whistle.rank) if whistle is not None else None
    if whistle is not None and whistle.phase == "proposed" and rung is not None:
        unit = _unit(draft.case, rung, whistle.called[-1])
        _propose(draft, whistle.obligation, whistle.ladder, whistle.rank, unit, "superseded")


# Time


def miss(draft: Draft, limit: Limit) -> None:
    """The log has passed a limit: say so, then climb, or begin a whistle where the policy says so."""
    draft.say(
        LimitMissed(
            limit=limit.limit,
            step=limit.step,
            due_at=limit.due_at,
            policy_version=limit.policy_version,
            obligation=limit.obligation,
            rank=limit.rank,
        )
    )
    if limit.obligation is None:
        _begin(draft, limit)
    elif limit.step in (ATTEND, SETTLE):
        _climb(draft, limit)


def unconfirmed(draft: Draft, limit: Limit) -> None:
    """The limit passed while the case is held: the duty seat is told, and no ladder moves."""
    seat = draft.case.centre or draft.case.seat or ""
    draft.say(LimitUnconfirmed(limit=limit.limit, step=limit.step, due_at=limit.due_at, seat=seat))


def remind(draft: Draft, whistle: Whistle) -> None:
    """An exhausted ladder stays red."""
    last = draft.case.find(whistle.because)
    step = last.step if last is not None else ATTEND
    again = draft.at + _elapsed(draft, whistle.ladder, whistle.ladder.remind)
    event = ReminderDue(limit=whistle.because, step=step, obligation=whistle.obligation, remind_at=again)
    draft.say(event)


def _begin(draft: Draft, limit: Limit) -> None:
    """The timer's own whistle; it bears the limit's name. Without a unit to call, the miss alone stands
    on the log, and the desk shows it among what is late.
    """
    policy = draft.view.at(draft.at)
    if not limit.whistle or policy is None or not policy.ladder.rungs or not draft.case.open:
        return
    unit = _unit(draft.case, policy.ladder.rungs[0], None)
    if not unit or any(whistle.called[0] == unit for whistle in draft.case.whistles):
        return  # nobody to call, or called already
    say = _blow if limit.whistle == "blow" else _propose
    say(draft, limit.limit, policy.ladder, 1, unit, limit.limit, first=True)


def _climb(draft: Draft, limit: Limit) -> None:
    whistle = draft.case.whistle(limit.obligation or "")
    awaited = "told" if limit.step == ATTEND else "attended"
    if whistle is None or whistle.rank != limit.rank or whistle.phase != awaited:
        return
    rung = whistle.rung(whistle.rank + 1)
    if rung is None:
        _exhaust(draft, whistle, limit)
        return
    say = _blow if rung.mode == "blow" else _propose
    unit = _unit(draft.case, rung, whistle.called[0])
    say(draft, whistle.obligation, whistle.ladder, whistle.rank + 1, unit, limit.limit)


def _exhaust(draft: Draft, whistle: Whistle, limit: Limit) -> None:
    draft.say(
        LadderExhausted(
            obligation=whistle.obligation,
            rank=whistle.rank,
            policy_version=whistle.ladder.policy_version,
            because=limit.limit,
            remind_at=draft.at + _elapsed(draft, whistle.ladder, whistle.ladder.remind),
        )
    )


# Pieces


def _propose(
    draft: Draft, obligation: str, ladder: Ladder, rank: int, unit: str, because: str, *, first: bool = False
) -> None:
    draft.say(
        WhistleProposed(
            obligation=obligation,
            rank=rank,
            unit=unit,
            post=ladder.rungs[rank - 1].post,
            because=because,
            policy_version=ladder.policy_version,
            ladder=ladder if first else None,
        )
    )


def _blow(
    draft: Draft, obligation: str, ladder: Ladder, rank: int, unit: str, because: str, *, first: bool = False
) -> None:
    rung = ladder.rungs[rank - 1]
    whistle = draft.case.whistle(obligation)
    draft.say(
        WhistleBlown(
            obligation=obligation,
            rank=rank,
            unit=unit,
            post=rung.post,
            lead_unit=draft.case.lead or (whistle.called[0] if whistle is not None else unit),
            because=because,
            respond_within_s=int(_elapsed(draft, ladder, rung.within).total_seconds()),
            blown_at=draft.at,
            policy_version=ladder.policy_version,
            ladder=ladder if first else None,
        )
    )


def _elapsed(draft: Draft, ladder: Ladder, within: str) -> timedelta:
    calendar = draft.view.calendar(ladder.calendar, draft.at)
    return calendar.due(draft.at, Within.parse(within)) - draft.at


def _unit(case: Case, rung: Rung, otherwise: str | None) -> str:
    named = {"lead": case.lead, "centre": case.centre}.get(rung.unit, rung.unit)
    return named or otherwise or ""


def _withdraw_proposal(draft: Draft, whistle: Whistle, because: str) -> None:
    draft.say(ProposalWithdrawn(obligation=whistle.obligation, rank=whistle.rank, because=because))


def _await_settled(draft: Draft, whistle: Whistle) -> None:
    rung = whistle.rung(whistle.rank)
    if rung is not None and rung.settle is not None:
        limits.begin_rank(draft, whistle, SETTLE, rung.settle)


def _stop_rank(draft: Draft, whistle: Whistle, because: str, *steps: str) -> None:
    for limit in draft.case.limits:
        if limit.obligation == whistle.obligation and limit.rank == whistle.rank and limit.step in steps:
            limits.stop(draft, limit, because)
