"""Why a case stands on the duty seat's desk (值班): pure, so that the list and the page say the same."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from services.intake.core.cases import Case, Rank

Need = Literal[
    "whistle_proposed", "undeliverable", "exhausted", "unroutable", "panel_unfilled", "held", "limit_unconfirmed"
]


def needs(case: Case) -> tuple[Need, ...]:
    """What waits for a press of the duty seat, most urgent first. Time plays no part: see `next_due`."""
    if not case.open:
        return ()
    ranks = [rank for whistle in case.whistling for rank in whistle.ranks.values()]
    found: list[Need] = []
    if any(rank.waits_for_press for rank in ranks):
        found.append("whistle_proposed")
    if any(rank.undeliverable_at and not _reached(rank) for rank in ranks) or _lead_not_reached(case):
        found.append("undeliverable")
    if any(whistle.status == "exhausted" for whistle in case.whistling):
        found.append("exhausted")
    if case.state == "unroutable":
        found.append("unroutable")
    if case.unfilled is not None:
        found.append("panel_unfilled")
    if case.held:
        found.append("held")
    if any(limit.status == "unconfirmed" for limit in case.limits.values()):
        found.append("limit_unconfirmed")
    return tuple(found)


def _reached(rank: Rank) -> bool:
    return bool(rank.told_at or rank.acknowledged_at or rank.attended_at)


def _lead_not_reached(case: Case) -> bool:
    """Nobody of the lead unit could be told of the case, and it has not taken it either."""
    calls = [call for call in case.calls.values() if call.unit == case.lead]
    return case.state == "assigned" and bool(calls) and not any(map(_reached, calls))


def next_due(case: Case) -> datetime | None:
    """When the earliest running limit is due; None while none runs."""
    running = (limit.due_at for limit in case.limits.values() if limit.status == "running")
    return min(running, default=None) if case.open else None


def overdue(case: Case) -> bool:
    """Has a step limit passed that nobody has met since, on an open case?"""
    return case.open and any(limit.status == "missed" for limit in case.limits.values())
