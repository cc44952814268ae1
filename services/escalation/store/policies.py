"""The table of policies: stored once, never changed, read into the book that decisions look at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path

import asyncpg
from prometheus_client import Gauge

from services.escalation.core.policy import DatedCalendar, PolicyBook
from services.escalation.core.states import Case
from services.escalation.store.policy_files import PolicyError, kind_of, read_calendar, read_policy
from services.kernel.clock import Clock
from services.kernel.core import Row
from services.kernel.database import Db
from services.kernel.fold import Work
from services.kernel.tables import Part

AHEAD = timedelta(seconds=10)
"""A version begins at least so long after it was stored: every worker has read it by then."""

KNOWN_UNTIL = Gauge(
    "maodiao_calendar_until_seconds", "When the days end whose holidays the calendar in force knows", ["calendar"]
)
_FRESH_S = 1.0  # far below AHEAD, so no decision misses a version that is in force


@dataclass(frozen=True, slots=True)
class Stored:
    """One version, as it stands in the table. `new`: it was stored just now."""

    kind: str
    name: str
    version: int
    since: datetime
    body: str
    applied_by: str
    applied_at: datetime
    new: bool = False


async def stored(connection: Db) -> list[Stored]:
    """Every version, the oldest first."""
    rows = await connection.fetch(
        "SELECT kind, name, version, since, body, applied_by, applied_at FROM escalation.policy ORDER BY kind, since"
    )
    return [Stored(**dict(row)) for row in rows]


def book_of(versions: Sequence[Stored]) -> PolicyBook:
    """The book. Raises: PolicyError, if what was stored no longer reads; a fault of a newer reader."""
    return PolicyBook(
        [read_policy(v.body, v.since) for v in versions if v.kind == "policy"],
        [DatedCalendar(v.since, read_calendar(v.body)) for v in versions if v.kind == "calendar"],
    )


async def apply(connection: Db, text: str, *, by: str, since: datetime | None = None) -> Stored:
    """Store one version of a policy or calendar.

    Args:
        text: YAML. by: who does it. since: in force from then on; None: from what the file says, for a calendar from
            10 s after now. The first policy and the first calendar may begin in the past.

    Returns: the version; not `new` if the very same was stored before.
    Raises: PolicyError, with what to change.
    """
    kind = kind_of(text)
    async with connection.transaction():
        await connection.execute("LOCK TABLE escalation.policy IN SHARE ROW EXCLUSIVE MODE")
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        before = await stored(connection)
        made = _calendar(text, before, since, now, by) if kind == "calendar" else _policy(text, before, since, now, by)
        if made.new:
            await connection.execute(
                "INSERT INTO escalation.policy (kind, name, version, since, body, applied_by, applied_at)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                *(made.kind, made.name, made.version, made.since, made.body, made.applied_by, made.applied_at),
            )
    return made


def _policy(text: str, before: Sequence[Stored], since: datetime | None, now: datetime, by: str) -> Stored:
    policy = read_policy(text, since)
    made = Stored("policy", policy.name, policy.version, policy.since, text, by, now, new=True)
    if (same := _same(before, made)) is not None:
        return same
    if not any(v.kind == "calendar" and v.name == policy.calendar for v in before):
        raise PolicyError(f"calendar: {policy.calendar} is not stored yet; apply its file first.")
    _in_time([v for v in before if v.kind == "policy"], made, now)
    return made


def _calendar(text: str, before: Sequence[Stored], since: datetime | None, now: datetime, by: str) -> Stored:
    calendar = read_calendar(text)
    earlier = [v for v in before if v.kind == "calendar" and v.name == calendar.name]
    begins = since or (now + AHEAD + timedelta(seconds=1) if earlier else now)
    made = Stored("calendar", calendar.name, calendar.version, begins, text, by, now, new=True)
    if (same := _same(before, made)) is not None:
        return same
    _in_time(earlier, made, now)
    return made


def _same(before: Sequence[Stored], made: Stored) -> Stored | None:
    for v in before:
        if (v.kind, v.name, v.version) == (made.kind, made.name, made.version):
            if v.body == made.body:
                return v
            raise PolicyError(
                f"version: {made.name} {made.version} is stored with another content, and stored versions never "
                "change. Raise `version`."
            )
    return None


def _in_time(earlier: Sequence[Stored], made: Stored, now: datetime) -> None:
    last = max((v.version for v in earlier if v.name == made.name), default=0)
    if made.version <= last:
        raise PolicyError(f"version: {made.name} has version {last} already. Raise `version`.")
    if earlier and made.since < now + AHEAD:
        raise PolicyError(
            f"from: {made.since.isoformat()} is not at least {AHEAD.seconds} s ahead of {now.isoformat()}, and what "
            "has been decided must stay as it was. Give a later time."
        )
    if any(v.since == made.since for v in earlier):
        raise PolicyError(f"from: another version begins at {made.since.isoformat()} too.")


class PolicyView:
    """The kernel's `Extension`: gives every batch the book, read anew when it is older than a second.

    Args:
        monotonic: seconds of a clock that never goes back. clock: says which calendar the metric is of.
    """

    def __init__(self, monotonic: Callable[[], float], clock: Clock) -> None:
        self._monotonic, self._clock = monotonic, clock
        self._read_at: float | None = None
        self._versions: list[tuple[str, str, int]] = []
        self.book = PolicyBook()

    async def view(self, connection: Db) -> PolicyBook:
        """The book."""
        now = self._monotonic()
        if self._read_at is None or now - self._read_at > _FRESH_S:
            await self._refresh(connection)
            _tell_until(self.book, self._clock.now())  # each time: a version comes into force without being stored anew
            self._read_at = now
        return self.book

    async def _refresh(self, connection: Db) -> None:
        rows = await connection.fetch("SELECT kind, name, version FROM escalation.policy ORDER BY kind, since")
        versions = [(row["kind"], row["name"], row["version"]) for row in rows]
        if versions != self._versions:
            self.book, self._versions = book_of(await stored(connection)), versions

    def parts(self, view: PolicyBook, before: Mapping[str, Row[Case]], works: Sequence[Work[Case]]) -> Sequence[Part]:
        """States and events are all that escalation writes."""
        return ()


def _tell_until(book: PolicyBook, now: datetime) -> None:
    """Only the calendar in force has a series: one that no policy names any more would be an alarm for ever."""
    KNOWN_UNTIL.clear()
    policy = book.at(now)
    calendar = None if policy is None else book.calendar(policy.calendar, now)
    if calendar is not None and calendar.until is not None:
        end = datetime.combine(calendar.until + timedelta(days=1), time.min, calendar.zone)
        KNOWN_UNTIL.labels(calendar.name).set(end.timestamp())


async def missing(pool: asyncpg.Pool) -> str | None:
    """Why this service is not ready, as far as policies go."""
    in_force = "SELECT EXISTS (SELECT 1 FROM escalation.policy WHERE kind = 'policy' AND since <= clock_timestamp())"
    return None if await pool.fetchval(in_force) else "no policy is in force: maodiao policy apply FILE"


async def apply_first(pool: asyncpg.Pool, place: Path, name: str) -> list[Stored]:
    """Where no policy is stored yet, store the one that the installation came with, and the calendars beside it.

    Args:
        place: a folder with policies and calendars, or one policy's file. name: which policy of a folder.

    Returns: what was stored now; nothing where there is a policy already.
    Raises: PolicyError: there is no such policy, or it can't be used.
    """
    texts, wanted = await asyncio.to_thread(_texts, place, name)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE escalation.policy IN SHARE ROW EXCLUSIVE MODE")
        if await connection.fetchval("SELECT EXISTS (SELECT 1 FROM escalation.policy WHERE kind = 'policy')"):
            return []
        if wanted is None:
            raise PolicyError(f"{place} has no policy {name}.yaml, and none is stored: `maodiao policy apply FILE`.")
        calendars = [text for text in texts if text != wanted and kind_of(text) == "calendar"]
        return [await apply(connection, text, by="installation") for text in (*calendars, wanted)]


def _texts(place: Path, name: str) -> tuple[list[str], str | None]:
    """Every file beside the policy that is wanted, and that one."""
    folder, wanted = (place, f"{name}.yaml") if place.is_dir() else (place.parent, place.name)
    texts = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))}
    return list(texts.values()), texts.get(wanted)
