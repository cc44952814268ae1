"""What screen and audit ask of the projection. All SQL that reads it; every question says at which time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from services.oversight.core.audit import Finding, Findings
from services.oversight.core.screen import (
    COUNTED,
    RESOLUTION_DAYS,
    RESOLVED,
    Counts,
    NextDue,
    Street,
    WhistleOut,
    day_begin,
)

_MOST = 1_000  # findings fetched; the count is of all

# A limit is overdue from the moment after it was due until it ceases to be waited for.
_STREETS = """
WITH waiting AS (
  SELECT c.case_id, c.street, coalesce(bool_or(l.due_at < $1), false) AS overdue,
         coalesce(bool_or(l.near_at <= $1 AND l.due_at >= $1), false) AS near
  FROM oversight_state.case_row c
  LEFT JOIN oversight_state.limit_row l ON l.case_id = c.case_id AND l.until IS NULL
  WHERE c.closed_at IS NULL GROUP BY c.case_id, c.street),
out AS (
  SELECT c.street, count(*) AS whistles FROM oversight_state.whistle_row w
  JOIN oversight_state.case_row c USING (case_id) WHERE w.under_way GROUP BY c.street)
SELECT w.street, count(*) AS open, count(*) FILTER (WHERE near AND NOT overdue) AS near,
       count(*) FILTER (WHERE overdue) AS overdue, coalesce(max(out.whistles), 0) AS whistles
FROM waiting w LEFT JOIN out ON out.street IS NOT DISTINCT FROM w.street GROUP BY w.street
"""

_COUNTS = """
SELECT
  (SELECT count(*) FROM oversight_state.case_row WHERE opened_at >= $2 AND opened_at <= $1) AS today,
  (SELECT count(*) FROM oversight_state.case_row
    WHERE opened_at >= $2 - interval '1 day' AND opened_at <= $1 - interval '1 day') AS yesterday,
  (SELECT count(*) FROM oversight_state.case_row WHERE closed_at IS NULL AND unroutable IS NOT NULL) AS unroutable,
  (SELECT count(DISTINCT case_id) FROM oversight_state.limit_row
    WHERE due_at < $1 - interval '1 day' AND set_at <= $1 - interval '1 day'
      AND (until IS NULL OR until > $1 - interval '1 day')) AS overdue_before,
  (SELECT count(DISTINCT case_id) FROM oversight_state.limit_row WHERE until IS NULL) AS due,
  (SELECT count(*) FROM oversight_state.case_row
    WHERE (closed_at > $3 AND outcome = ANY($4::text[])) OR (reopened > 0 AND begun_at > $3 AND closed_at IS NULL)
  ) AS closed,
  (SELECT count(*) FROM oversight_state.case_row
    WHERE closed_at > $3 AND outcome = ANY($5::text[]) AND reopened = 0 AND reworked = 0) AS resolved
"""

_WHISTLES = """
SELECT w.case_id, c.kind, c.street, w.obligation, w.rank, w.status, w.unit, w.post, w.begun_at, l.due_at, l.near_at
FROM oversight_state.whistle_row w JOIN oversight_state.case_row c USING (case_id)
LEFT JOIN LATERAL (
  SELECT due_at, near_at FROM oversight_state.limit_row l
  WHERE l.case_id = w.case_id AND l.obligation = w.obligation AND l.rank = w.rank AND l.until IS NULL
  ORDER BY due_at DESC LIMIT 1) l ON true
WHERE w.under_way ORDER BY l.due_at NULLS LAST, w.case_id LIMIT $1
"""

_RANKS = "SELECT rank, count(*) AS whistles FROM oversight_state.whistle_row WHERE under_way GROUP BY rank"

_NEXT = """
SELECT l.case_id, c.kind, c.street, c.lead, c.state, l.limit_name, l.step,
       l.due_at, l.near_at
FROM oversight_state.limit_row l JOIN oversight_state.case_row c USING (case_id)
WHERE l.until IS NULL AND NOT EXISTS (
  SELECT 1 FROM oversight_state.limit_row e WHERE e.case_id = l.case_id AND e.until IS NULL
    AND (e.due_at, e.limit_name) < (l.due_at, l.limit_name))
ORDER BY l.due_at, l.case_id LIMIT $1
"""

_RUNNING = """
SELECT case_id, limit_name AS what, due_at AS since, count(*) OVER () AS total FROM oversight_state.limit_row
WHERE until IS NULL AND status = 'running' AND due_at < $1 ORDER BY due_at LIMIT $2
"""

_UNLIMITED = """
SELECT case_id, state AS what, greatest(led_at, begun_at) AS since, count(*) OVER () AS total
FROM oversight_state.case_row c
WHERE closed_at IS NULL AND led_at IS NOT NULL AND greatest(led_at, begun_at) < $1 AND NOT EXISTS (
  SELECT 1 FROM oversight_state.limit_row l WHERE l.case_id = c.case_id AND l.set_at >= c.begun_at)
ORDER BY since LIMIT $2
"""

_AWAITING = """
SELECT case_id, what, since, count(*) OVER () AS total FROM oversight_state.awaiting_row
WHERE since < $1 AND starts_with(what, 'told ') = $3 ORDER BY since LIMIT $2
"""

_UNREACHED = """
SELECT case_id, obligation AS what, undeliverable_at AS since, count(*) OVER () AS total
FROM oversight_state.whistle_row
WHERE under_way AND undeliverable_at < $1 AND coalesce(told_at, acknowledged_at, attended_at) IS NULL
ORDER BY since LIMIT $2
"""

_HELD = """
SELECT case_id, service || ' ' || topic AS what, since, count(*) OVER () AS total FROM (
  SELECT case_id, service, topic, since FROM oversight_state.held_row
  UNION ALL
  SELECT subject, 'oversight', topic, min(parked_at) FROM oversight.parked GROUP BY subject, topic) h
WHERE since < $1 ORDER BY since LIMIT $2
"""

_PARKED = """
SELECT service, case_id, topic, reason, since FROM oversight_state.held_row
UNION ALL
SELECT 'oversight', subject, topic, min(reason) FILTER (WHERE reason <> 'behind'), min(parked_at)
FROM oversight.parked GROUP BY subject, topic
ORDER BY since LIMIT $1
"""


class Questions:
    """See the module. pool: connections as oversight's role. offset: of the local day from UTC."""

    def __init__(self, pool: asyncpg.Pool, offset: timedelta) -> None:
        self._pool, self._offset = pool, offset

    async def streets(self, now: datetime) -> tuple[Street, ...]:
        """Open, near and overdue cases and whistles under way of each street."""
        found = await self._pool.fetch(_STREETS, now)
        return tuple(Street(r["street"], r["open"], r["near"], r["overdue"], r["whistles"]) for r in found)

    async def counts(self, now: datetime, streets: Sequence[Street]) -> Counts:
        """The figures' numbers; open, near and overdue are sums of the streets: the screen agrees with itself."""
        begin = day_begin(now, self._offset)
        since = now - timedelta(days=RESOLUTION_DAYS)
        row = await self._pool.fetchrow(_COUNTS, now, begin, since, list(COUNTED), list(RESOLVED))
        ranks = {r["rank"]: r["whistles"] for r in await self._pool.fetch(_RANKS)}
        assert row is not None, "a query without FROM has one row"
        return Counts(
            today=row["today"],
            yesterday=row["yesterday"],
            open=sum(street.open for street in streets),
            unroutable=row["unroutable"],
            near=sum(street.near for street in streets),
            overdue=sum(street.overdue for street in streets),
            overdue_before=row["overdue_before"],
            whistles=sum(ranks.values()),
            by_rank=ranks,
            due=row["due"],
            closed=row["closed"],
            resolved=row["resolved"],
        )

    async def whistles(self, most: int) -> tuple[WhistleOut, ...]:
        """Whistles under way, those that are due first."""
        return tuple(WhistleOut(*row) for row in await self._pool.fetch(_WHISTLES, most))

    async def next_due(self, most: int) -> tuple[NextDue, ...]:
        """Of each open case its earliest limit that is still waited for, earliest first."""
        return tuple(NextDue(*row) for row in await self._pool.fetch(_NEXT, most))

    async def running(self, now: datetime) -> Findings:
        """Limits past due that nobody has said anything of."""
        return _findings(await self._pool.fetch(_RUNNING, now, _MOST))

    async def unlimited(self, now: datetime) -> Findings:
        """Open cases with a lead unit, without any limit since they began."""
        return _findings(await self._pool.fetch(_UNLIMITED, now, _MOST))

    async def asked(self, now: datetime) -> Findings:
        """Requests to routing and escalation without an answer."""
        return _findings(await self._pool.fetch(_AWAITING, now, _MOST, False))

    async def untold(self, now: datetime) -> Findings:
        """Ranks blown of which notify has said nothing."""
        return _findings(await self._pool.fetch(_AWAITING, now, _MOST, True))

    async def unreached(self, now: datetime) -> Findings:
        """Ranks that could be told to nobody (通知不到), without an answer since."""
        return _findings(await self._pool.fetch(_UNREACHED, now, _MOST))

    async def held(self, now: datetime) -> Findings:
        """Cases that a service holds behind a bad record, oversight itself included."""
        return _findings(await self._pool.fetch(_HELD, now, _MOST))

    async def parked(self) -> list[asyncpg.Record]:
        """The same with its reasons: service, case_id, topic, reason, since."""
        return await self._pool.fetch(_PARKED, _MOST)


def _findings(found: Sequence[asyncpg.Record]) -> Findings:
    shown = tuple(Finding(r["case_id"], r["what"], r["since"]) for r in found)
    return Findings(shown, found[0]["total"] if found else 0)
