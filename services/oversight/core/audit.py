"""The audit (稽核): is there anything that nobody is waiting for any more, though somebody should? Pure.

A timer that has died says nothing; so oversight looks for what ought to have been said. Each alarm has a reason code
that log, metric, page and rule share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from services.oversight.core.lag import GroupLag, State

EXAMPLES = 20


class Reason(StrEnum):
    """Why there is an alarm. `TIMER_SILENT` heads those that say that the platform's own timer is silent."""

    TIMER_SILENT = "timer_silent"
    MARKS_OLD = "marks_old"
    LIMIT_UNANSWERED = "limit_unanswered"
    CASE_WITHOUT_LIMIT = "case_without_limit"
    REQUEST_UNANSWERED = "request_unanswered"
    NOBODY_TOLD = "nobody_told"
    UNDELIVERABLE = "undeliverable"
    CASE_HELD = "case_held"
    GROUP_STOPPED = "group_stopped"
    GROUP_STALLED = "group_stalled"
    WATCH_BEHIND = "watch_behind"


_TIMER = (Reason.MARKS_OLD, Reason.LIMIT_UNANSWERED, Reason.CASE_WITHOUT_LIMIT, Reason.REQUEST_UNANSWERED)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found. case: empty where it is not about one. what: limit, request, service or group. since: when."""

    case: str
    what: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Findings:
    """Findings of one kind, oldest first: some of them, and how many there are in all."""

    shown: tuple[Finding, ...] = ()
    total: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the audit looks at.

    now: the time. started_at: since when this process watches.
    marks: newest `upto` of each relay. known_until: up to when the projection is complete; None before that is known.
    running: limits still running, by due time. unlimited: cases with a lead unit and no limit since, by the time from
    which one was due. asked: requests without an answer, by their time. untold: ranks blown of which notify has said
    nothing. unreached: ranks of which notify has said that nobody could be told, and nobody has answered since.
    held: cases that a service holds. groups: consumer groups as last seen.
    """

    now: datetime
    started_at: datetime
    marks: dict[str, datetime] = field(default_factory=dict)
    known_until: datetime | None = None
    running: Findings = Findings()
    unlimited: Findings = Findings()
    asked: Findings = Findings()
    untold: Findings = Findings()
    unreached: Findings = Findings()
    held: Findings = Findings()
    groups: Sequence[GroupLag] = ()


@dataclass(frozen=True, slots=True)
class Patience:
    """How long each thing may take before it is an alarm."""

    marks: timedelta = timedelta(seconds=10)
    limits: timedelta = timedelta(seconds=10)
    unlimited: timedelta = timedelta(seconds=60)
    answers: timedelta = timedelta(seconds=60)
    told: timedelta = timedelta(minutes=3)
    watch: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm. since: the oldest finding. count: how many findings. examples: the oldest of them."""

    reason: Reason
    since: datetime
    count: int
    examples: tuple[Finding, ...] = ()


def audit(seen: Snapshot, patience: Patience) -> tuple[Alarm, ...]:
    """All alarms, `timer_silent` first if there is any of its reasons.

    Limits and requests are judged at `known_until`, not at the wall clock: a projection that is behind accuses nobody
    of silence; that it is behind is an alarm of its own.
    """
    found = [alarm for check in _CHECKS if (alarm := check(seen, patience)) is not None]
    silent = [alarm for alarm in found if alarm.reason in _TIMER]
    if not silent:
        return tuple(found)
    head = Alarm(
        Reason.TIMER_SILENT,
        min(alarm.since for alarm in silent),
        sum(alarm.count for alarm in silent),
        tuple(example for alarm in silent for example in alarm.examples)[:EXAMPLES],
    )
    return (head, *found)


def _alarm(reason: Reason, findings: Iterable[Finding], total: int | None = None) -> Alarm | None:
    oldest = sorted(findings, key=lambda finding: (finding.since, finding.case, finding.what))
    if not oldest:
        return None
    return Alarm(reason, oldest[0].since, total or len(oldest), tuple(oldest[:EXAMPLES]))


def _marks(seen: Snapshot, patience: Patience) -> Alarm | None:
    """One living relay is enough: several share the partitions out, and each repeats itself every 100 ms."""
    newest = max(seen.marks.values(), default=seen.started_at)
    if seen.now - newest <= patience.marks:
        return None
    return _alarm(Reason.MARKS_OLD, [Finding("", "progress", newest)])


def _older(reason: Reason, found: Findings, known: datetime | None, patience: timedelta) -> Alarm | None:
    if known is None:
        return None
    old = [finding for finding in found.shown if finding.since + patience < known]
    # If all that were fetched are old, there may be more of them than were fetched.
    return _alarm(reason, old, found.total if len(old) == len(found.shown) else len(old))


def _limits(seen: Snapshot, patience: Patience) -> Alarm | None:
    return _older(Reason.LIMIT_UNANSWERED, seen.running, seen.known_until, patience.limits)


def _unlimited(seen: Snapshot, patience: Patience) -> Alarm | None:
    return _older(Reason.CASE_WITHOUT_LIMIT, seen.unlimited, seen.known_until, patience.unlimited)


def _asked(seen: Snapshot, patience: Patience) -> Alarm | None:
    return _older(Reason.REQUEST_UNANSWERED, seen.asked, seen.known_until, patience.answers)


def _told(seen: Snapshot, patience: Patience) -> Alarm | None:
    return _older(Reason.NOBODY_TOLD, seen.untold, seen.known_until, patience.told)


def _unreached(seen: Snapshot, _patience: Patience) -> Alarm | None:
    return _alarm(Reason.UNDELIVERABLE, seen.unreached.shown, seen.unreached.total)


def _held(seen: Snapshot, _patience: Patience) -> Alarm | None:
    return _alarm(Reason.CASE_HELD, seen.held.shown, seen.held.total)


def _groups(state: State, reason: Reason) -> Callable[[Snapshot, Patience], Alarm | None]:
    def check(seen: Snapshot, _patience: Patience) -> Alarm | None:
        wrong = [g for g in seen.groups if g.state is state]
        return _alarm(reason, [Finding("", g.group, g.moved_at or seen.now) for g in wrong])

    return check


def _watch(seen: Snapshot, patience: Patience) -> Alarm | None:
    since = seen.known_until or seen.started_at
    if seen.now - since <= patience.watch:
        return None
    return _alarm(Reason.WATCH_BEHIND, [Finding("", "oversight", since)])


_CHECKS = (
    _marks,
    _limits,
    _unlimited,
    _asked,
    _told,
    _unreached,
    _held,
    _groups(State.STOPPED, Reason.GROUP_STOPPED),
    _groups(State.STALLED, Reason.GROUP_STALLED),
    _watch,
)
