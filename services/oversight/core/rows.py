"""A case as rows that can be counted: its whole state in columns, derived, never the other way round. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple

from services.oversight.core.cases import Case, Limit, Whistle


class CaseRow(NamedTuple):
    """One case. Key: case_id."""

    case_id: str
    partition: int
    number: str
    family: str
    kind: str
    channel: str
    system: str | None
    community: str
    street: str | None
    state: str
    lead: str | None
    centre: str | None
    led_at: datetime | None
    unroutable: str | None
    opened_at: datetime
    begun_at: datetime
    closed_at: datetime | None
    outcome: str | None
    reopened: int
    reworked: int


class LimitRow(NamedTuple):
    """One limit. Key: case_id, limit_name. until: when it ceased to be waited for; None while it still is."""

    case_id: str
    limit_name: str
    partition: int
    step: str
    status: str
    set_at: datetime
    start_at: datetime
    near_at: datetime
    due_at: datetime
    until: datetime | None
    reported_late: bool
    policy_version: int
    obligation: str | None
    rank: int | None


class WhistleRow(NamedTuple):
    """One whistle as it stands. Key: case_id, obligation.

    rank, unit, post: of the highest rank, be it only proposed. told_at, undeliverable_at: of the highest one blown.
    under_way: not ended; somebody who has come does not end it.
    """

    case_id: str
    obligation: str
    partition: int
    rank: int
    status: str
    unit: str
    post: str
    by_unit: str
    begun_at: datetime | None
    told_at: datetime | None
    undeliverable_at: datetime | None
    acknowledged_at: datetime | None
    attended_at: datetime | None
    ended_at: datetime | None
    under_way: bool


class AwaitingRow(NamedTuple):
    """A request without an answer. Key: case_id, what."""

    case_id: str
    what: str
    partition: int
    since: datetime


class HeldRow(NamedTuple):
    """A hold. Key: case_id, service, topic."""

    case_id: str
    service: str
    topic: str
    partition: int
    reason: str
    since: datetime


KEYS: dict[type[tuple[object, ...]], int] = {CaseRow: 1, LimitRow: 2, WhistleRow: 2, AwaitingRow: 2, HeldRow: 3}
"""How many leading columns of each kind of row are its key."""

AnyRow = CaseRow | LimitRow | WhistleRow | AwaitingRow | HeldRow


def rows(case_id: str, partition: int, case: Case | None) -> Iterator[AnyRow]:
    """All rows of one case; none before its registration was read."""
    if case is None or case.opened_at is None or case.begun_at is None:
        return
    yield CaseRow(
        case_id,
        partition,
        case.number,
        case.family,
        case.kind,
        case.channel,
        case.system,
        case.community,
        case.street,
        case.state,
        case.lead,
        case.centre,
        case.led_at,
        case.unroutable,
        case.opened_at,
        case.begun_at,
        case.closed_at,
        case.outcome,
        case.reopened,
        case.reworked,
    )
    for limit in case.limits.values():
        yield _limit(case_id, partition, limit, until(case, limit))
    for whistle in case.whistles.values():
        yield _whistle(case_id, partition, whistle)
    for awaited in case.awaiting:
        yield AwaitingRow(case_id, awaited.what, partition, awaited.since)
    yield from (AwaitingRow(case_id, what, partition, since) for what, since in untold(case))
    for hold in case.held:
        yield HeldRow(case_id, hold.service, hold.topic, partition, hold.reason, hold.since)


def until(case: Case, limit: Limit) -> datetime | None:
    """When a limit ceased to be waited for: met, stopped, its case closed, or done too late. None: it still is."""
    late = _acts(case, limit) if limit.status != "running" else ()
    ends = [at for at in (limit.ended_at, *late) if at is not None and at >= limit.start]
    return min(ends, default=None)


def _acts(case: Case, limit: Limit) -> Iterable[datetime | None]:
    """What would have met the limit, whenever it came."""
    if limit.obligation is None:
        return (at for fact in case.needs.get(limit.limit, ()) for at in case.done.get(fact, ()))
    whistle = case.whistles.get(limit.obligation)
    if whistle is None:
        return ()
    ranks = whistle.ranks.values()
    match limit.step:
        case "told":
            acts = [at for rank in ranks if rank.rank == limit.rank for at in (rank.told, rank.undeliverable)]
        case "acknowledge":
            acts = [at for rank in ranks if rank.rank == limit.rank for at in (rank.acknowledged, rank.attended)]
        case "attend":
            acts = [rank.attended for rank in ranks]
        case _:
            acts = []
    return (*acts, whistle.ended_at)


def untold(case: Case) -> Iterator[tuple[str, datetime]]:
    """Ranks that were blown and of which notify has said neither told nor undeliverable."""
    for whistle in case.whistles.values():
        if whistle.ended:
            continue
        for rank in whistle.ranks.values():
            if rank.blown is not None and rank.told is None and rank.undeliverable is None:
                yield f"told {whistle.obligation}@{rank.rank}", rank.blown


def _limit(case_id: str, partition: int, limit: Limit, ended: datetime | None) -> LimitRow:
    return LimitRow(
        case_id,
        limit.limit,
        partition,
        limit.step,
        limit.status,
        limit.set_at,
        limit.start,
        limit.near_at,
        limit.due_at,
        ended,
        limit.reported_late,
        limit.policy_version,
        limit.obligation,
        limit.rank,
    )


def _whistle(case_id: str, partition: int, whistle: Whistle) -> WhistleRow:
    newest, called, ranks = whistle.newest, whistle.called, whistle.ranks.values()
    begun = min((at for rank in ranks for at in (rank.proposed, rank.blown) if at is not None), default=None)
    status = whistle.status
    return WhistleRow(
        case_id,
        whistle.obligation,
        partition,
        newest.rank if newest else 1,
        status,
        (newest.unit if newest else "") or whistle.unit,
        newest.post if newest else "",
        whistle.by_unit,
        begun,
        called.told if called else None,
        called.undeliverable if called else None,
        max((rank.acknowledged for rank in ranks if rank.acknowledged), default=None),
        max((rank.attended for rank in ranks if rank.attended), default=None),
        whistle.ended_at,
        not whistle.ended and status != "withdrawn",
    )
