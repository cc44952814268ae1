"""How long the way of a case takes: from registered to assigned, to told, to the mail. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from deploy.demo.ledger import Seen
from services.intake.events import facts, reception


@dataclass(frozen=True, slots=True)
class Latency:
    """Of one stretch of the way, in milliseconds, over `count` cases."""

    what: str
    count: int
    median_ms: float
    p99_ms: float


def measured(what: str, seconds: Sequence[float]) -> Latency:
    """Median and 99th percentile (nearest rank) of some spans in seconds."""
    ordered = sorted(seconds)
    if not ordered:
        return Latency(what, 0, 0.0, 0.0)
    rank = max(0, -(-99 * len(ordered) // 100) - 1)
    return Latency(what, len(ordered), median(ordered) * 1000, ordered[rank] * 1000)


def latencies(log: Sequence[Seen], mails: Mapping[str, datetime]) -> list[Latency]:
    """Each stretch, from registered.

    Args:
        log: records of case.intake. mails: when the first mail about a case came.
    """
    begun = _first(log, reception.Registered.TYPE)
    ends = {
        "registered → assigned, on the log": _first(log, facts.Assigned.TYPE),
        "registered → mail received": dict(mails),
        "registered → told, on the log": _first(log, facts.Told.TYPE),
    }
    return [
        measured(what, [(end - begun[case]).total_seconds() for case, end in found.items() if case in begun])
        for what, found in ends.items()
    ]


def _first(log: Sequence[Seen], type_: str) -> dict[str, datetime]:
    first: dict[str, datetime] = {}
    for seen in log:
        if seen.message.type == type_ and (seen.key not in first or seen.message.time < first[seen.key]):
            first[seen.key] = seen.message.time
    return first
