"""The ledger's checks of time: limits fire by the log, and no leader is told before the head was. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.chaos.evidence import Entry, Evidence, by_key
from tests.chaos.findings import Finding

TOPIC = "case.escalation"
_SET, _MET, _MISSED = "escalation.limit_set.v1", "escalation.limit_met.v1", "escalation.limit_missed.v1"
_RANK_STEPS = {"attend": "case.attended.v1", "settle": "case.whistle_settled.v1"}
_BLOWN, _PROPOSED = "escalation.whistle_blown.v1", "escalation.whistle_proposed.v1"


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


@dataclass(frozen=True, slots=True)
class Limits:
    """What became of the limits."""

    due: int
    met: int
    missed: int
    false: Sequence[str]
    forgotten: Sequence[str]
    whistles: int


def limits(evidence: Evidence, until: datetime | None = None) -> Limits:
    """Hold every limit against the log: was what it waited for recorded in time?

    until: the log has surely passed this time, so a limit due before it must have come to an end.
    """
    met = missed = due = whistles = 0
    false: list[str] = []
    forgotten: list[str] = []
    for case, said in by_key(evidence.once.get(TOPIC, ())).items():
        log = evidence.log.get(case, ())
        over = {e.text("limit") for e in said if e.type != _SET and e.type.startswith("escalation.limit_")}
        whistles += sum(event.type in (_BLOWN, _PROPOSED) for event in said)
        set_ = {e.text("limit"): e for e in said if e.type == _SET}
        for event in said:
            met += event.type == _MET
            if event.type == _MISSED:
                missed += 1
                if (doer := in_time(set_.get(event.text("limit")), event, log)) is not None:
                    false.append(f"{case}: {event.text('limit')} was missed, yet {doer.type} came in time")
        for name, begun in set_.items():
            ends = datetime.fromisoformat(begun.text("due_at"))
            if until is not None and ends < until:
                due += 1
                if name not in over:
                    forgotten.append(f"{case}: {name} was due at {ends:%H:%M:%S} and nothing came of it")
    return Limits(due, met, missed, false, forgotten, whistles)


def in_time(begun: Entry | None, missed: Entry, log: Sequence[Entry]) -> Entry | None:
    """What met a limit in time by the log, if something did."""
    if begun is None:
        return None
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
