"""The ledger's checks of time: limits fire by the log, and no leader is told before the head was. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from tests.chaos.evidence import Entry, Evidence, by_key
from tests.chaos.findings import Finding

TOPIC = "case.escalation"
_SET, _MET, _MISSED = "escalation.limit_set.v1", "escalation.limit_met.v1", "escalation.limit_missed.v1"
_RANK_STEPS = {"attend": "case.attended.v1", "settle": "case.whistle_settled.v1"}
_BLOWN, _PROPOSED = "escalation.whistle_blown.v1", "escalation.whistle_proposed.v1"


def times_rise(evidence: Evidence) -> Finding:
    """On a case's log no event is dated before the one in front of it."""
    wrong = [
        f"{case}: {after.type} {after.sequence} is dated {after.time:%H:%M:%S.%f}, before {before.type}"
        for case, log in evidence.log.items()
        for before, after in pairwise(log)
        if after.time < before.time
    ]
    return Finding("events dated before the one in front of them", sum(map(len, evidence.log.values())), wrong)


def fired_behind_the_log(evidence: Evidence) -> Finding:
    """What escalation said at time D, after event n of the log, leaves no event of before D behind n.

    It rests on event n (time(n) <= D), and event n + 1 came at D or later; a tie goes to the event, so a limit that
    fires at the very time of event n + 1 has to come after it.
    """
    wrong, count = [], 0
    for case, said in by_key(evidence.once.get(TOPIC, ())).items():
        log = evidence.log.get(case, ())
        for event in said:
            count += 1
            after = event.afterseq or 0
            if not 1 <= after <= len(log):
                wrong.append(f"{case} {event.type} {event.sequence}: rests on event {after} of {len(log)}")
            elif log[after - 1].time > event.time:
                wrong.append(f"{case} {event.type} {event.sequence}: dated before the event on which it rests")
            elif event.time > log[after - 1].time and after < len(log) and log[after].time <= event.time:
                late = log[after]
                wrong.append(
                    f"{case}: {event.type} of {event.text('limit') or event.text('obligation')} fired for "
                    f"{event.time:%H:%M:%S.%f} without {late.type} of {late.time:%H:%M:%S.%f}"
                )
    return Finding("limits fired ahead of the log", count, wrong)


@dataclass(slots=True)
class Limits:
    """What became of the limits. forgotten: past due, and nothing was said. whistles: ranks blown or proposed."""

    due: int = 0
    met: int = 0
    missed: int = 0
    whistles: int = 0
    false: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)


def limits(evidence: Evidence, within: tuple[datetime, datetime] | None = None) -> Limits:
    """Hold every limit against the log: was what it waited for recorded in time?

    within: look only at limits due then. The log has surely passed that time, so each has to have come to an end.
    """
    found = Limits()
    for case, said in by_key(evidence.once.get(TOPIC, ())).items():
        log = evidence.log.get(case, ())
        ends: dict[str, Entry] = {}
        for event in said:
            if event.type.startswith("escalation.limit_") and event.type != _SET:
                ends.setdefault(event.text("limit"), event)
        found.whistles += sum(event.type in (_BLOWN, _PROPOSED) for event in said)
        for begun in (event for event in said if event.type == _SET):
            due = datetime.fromisoformat(begun.text("due_at"))
            if within is None or within[0] <= due < within[1]:
                _count(found, case, begun, ends.get(begun.text("limit")), log, wanted=within is not None)
    return found


def _count(found: Limits, case: str, begun: Entry, end: Entry | None, log: Sequence[Entry], *, wanted: bool) -> None:
    name = begun.text("limit")
    found.due += 1
    if end is None:
        if wanted:
            found.forgotten.append(f"{case}: {name} was due at {begun.text('due_at')} and nothing came of it")
    elif end.type == _MET:
        found.met += 1
    elif end.type == _MISSED:
        found.missed += 1
        if (doer := in_time(begun, end, log)) is not None:
            found.false.append(f"{case}: {name} was missed, yet {doer.type} came in time")


def in_time(begun: Entry, missed: Entry, log: Sequence[Entry]) -> Entry | None:
    """What met a limit in time by the log, if something did."""
    start, due = datetime.fromisoformat(begun.text("start")), datetime.fromisoformat(missed.text("due_at"))
    wanted = _wanted(begun)
    return next((e for e in log if start <= e.time <= due and _is(e, wanted, begun)), None)


def _wanted(begun: Entry) -> frozenset[str]:
    """Types of events that meet a limit: as its policy named them; a rank's by its step."""
    named = begun.data.get("met_by")
    if isinstance(named, list) and named:
        return frozenset(f"{name}.v1" for name in named)
    return frozenset({_RANK_STEPS.get(begun.text("step"), "")})


def _is(event: Entry, wanted: frozenset[str], begun: Entry) -> bool:
    if event.type not in wanted or (begun.afterseq or 0) > event.sequence:
        return False
    obligation = begun.text("obligation")
    if not obligation:
        return True
    same: Mapping[str, object] = event.data
    return same.get("obligation") == obligation and same.get("rank") in (None, begun.data.get("rank"))


def false_misses(evidence: Evidence) -> Finding:
    found = limits(evidence)
    note = f"{found.met} limits met, {found.missed} missed, {found.whistles} ranks blown"
    return Finding("limits missed though done in time", found.met + found.missed, found.false, note)


def leaders_after_heads(evidence: Evidence) -> Finding:
    """Of each whistle, rank n + 1 is told after rank n was, or after nobody could be."""
    wrong, told = [], 0
    for case, said in by_key(evidence.once.get("case.notify", ())).items():
        reached: dict[str, int] = {}
        for event in said:
            if event.type not in ("notify.told.v1", "notify.undeliverable.v1") or event.text("purpose") != "whistle":
                continue
            rank, obligation = int(event.text("rank")), event.text("obligation")
            told += rank > 1
            if rank > reached.get(obligation, 0) + 1:
                wrong.append(f"{case}: rank {rank} of {obligation} was told, rank {rank - 1} was not")
            reached[obligation] = max(rank, reached.get(obligation, 0))
    return Finding("leaders told before the head was", told, wrong)
