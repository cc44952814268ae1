"""Deliveries as senders take them: with a lease, by the database's own clock, so senders on several machines agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec

from services.kernel.database import faults
from services.kernel.tables import Codec
from services.notify.core.calls import Case
from services.notify.core.inputs import Key


@dataclass(frozen=True, slots=True)
class Claim:
    """One delivery in the hands of one sender, whose attempt is committed.

    attempts: of this channel, this one included. more: this person has a further channel.
    waited: since the delivery was written. address: None where the person has none (channel `none`).
    case: as it stood when it was taken, without its lock: looked at right before the message leaves.
    """

    subject: str
    partition: int
    key: Key
    staff: str
    role: str
    channel: str
    attempts: int
    more: bool
    token: UUID
    address: str | None
    waited: timedelta
    case: Case | None

    @property
    def name(self) -> str:
        """The delivery's key as one word: the same for every attempt and every sender."""
        return f"{self.subject}/{self.key}/{self.staff}/{self.channel}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as the HTTP door shows it: no address."""

    obligation: str
    rank: int
    purpose: str
    staff: str
    role: str
    channel: str
    state: str
    attempts: int
    reason: str | None
    written_at: datetime
    settled_at: datetime | None


_ADDRESS = """(SELECT CASE d.channel WHEN 'email' THEN c.email WHEN 'webhook' THEN c.webhook END
   FROM notify.contact c WHERE c.staff = d.staff)"""
# What the statement that opens deliveries answers (`extension._OPEN`). token: null where nobody has claimed it.
OPENED = f"""(SELECT json_agg(json_build_object(
    'subject', d.subject, 'partition', d.partition, 'purpose', d.purpose, 'obligation', d.obligation, 'rank', d.rank,
    'staff', d.staff, 'role', d.role, 'channel', d.channel, 'token', d.token, 'address', {_ADDRESS},
    'more', EXISTS (SELECT 1 FROM opened s WHERE s.place > 0 AND (s.subject, s.purpose, s.obligation, s.rank, s.staff)
                      = (d.subject, d.purpose, d.obligation, d.rank, d.staff))))
  FROM opened d WHERE d.state = 'due')"""  # noqa: S608 - constants
# Claim and attempt are one statement: there is no claim whose attempt was not committed before the message left.
_CLAIM = f"""
WITH taken AS (
  SELECT subject, purpose, obligation, rank, staff, channel FROM notify.delivery
  WHERE state = 'due' AND free_at <= clock_timestamp()
  ORDER BY free_at FOR UPDATE SKIP LOCKED LIMIT $1)
UPDATE notify.delivery d
SET attempts = d.attempts + 1, free_at = clock_timestamp() + $2::interval, token = gen_random_uuid()
FROM taken t
WHERE (d.subject, d.purpose, d.obligation, d.rank, d.staff, d.channel)
    = (t.subject, t.purpose, t.obligation, t.rank, t.staff, t.channel)
RETURNING d.subject, d.partition, d.purpose, d.obligation, d.rank, d.staff, d.role, d.channel, d.attempts, d.token,
  clock_timestamp() - d.written_at AS waited,
  {_ADDRESS} AS address,
  EXISTS (SELECT 1 FROM notify.delivery s
          WHERE (s.subject, s.purpose, s.obligation, s.rank, s.staff)
              = (d.subject, d.purpose, d.obligation, d.rank, d.staff) AND s.state = 'spare') AS more,
  (SELECT doc FROM notify_state.state s WHERE s.subject = d.subject) AS doc
"""  # noqa: S608 - constants
_MINE = """subject = $1 AND purpose = $2 AND obligation = $3 AND rank = $4 AND staff = $5 AND channel = $6
  AND token = $7 AND state = 'due'"""
_POSTPONE = f"UPDATE notify.delivery SET free_at = clock_timestamp() + $8::interval, reason = $9 WHERE {_MINE}"  # noqa: S608 - constants
_DROP = f"""UPDATE notify.delivery SET state = 'called_off', settled_at = clock_timestamp(), reason = $8
WHERE {_MINE}"""  # noqa: S608 - constants
_NEXT = f"""
WITH gone AS (
  UPDATE notify.delivery SET state = 'failed', settled_at = clock_timestamp(), reason = $8 WHERE {_MINE}
  RETURNING subject, purpose, obligation, rank, staff),
following AS (
  SELECT s.channel FROM notify.delivery s JOIN gone USING (subject, purpose, obligation, rank, staff)
  WHERE s.state = 'spare' ORDER BY s.place LIMIT 1)
UPDATE notify.delivery d SET state = 'due', free_at = clock_timestamp()
FROM gone, following
WHERE (d.subject, d.purpose, d.obligation, d.rank, d.staff, d.channel)
    = (gone.subject, gone.purpose, gone.obligation, gone.rank, gone.staff, following.channel)
"""  # noqa: S608 - constants


class _Opened(msgspec.Struct, frozen=True):
    subject: str
    partition: int
    purpose: str
    obligation: str
    rank: int
    staff: str
    role: str
    channel: str
    more: bool
    token: UUID | None
    address: str | None


_opened, _codec = msgspec.json.Decoder(list[_Opened]), Codec(Case)


def claimed(opened: str, docs: Mapping[str, bytes]) -> list[Claim]:
    """What a statement says of the deliveries that it opened, as claims of whoever gave it a lease.

    Args:
        opened: the answer to `OPENED`. docs: the rows of their cases, as the same statement wrote them.

    Returns: none of those that nobody has claimed.
    """
    return [
        Claim(
            o.subject,
            o.partition,
            Key(o.purpose, o.obligation, o.rank),
            o.staff,
            o.role,
            o.channel,
            1,
            o.more,
            o.token,
            o.address,
            timedelta(0),
            _codec.decode(docs[o.subject]).state,
        )
        for o in _opened.decode(opened)
        if o.token is not None and o.subject in docs
    ]


class Deliveries:
    """See the module. Every method raises `kernel.store.Unavailable` where the database does not answer."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def claim(self, most: int, lease: timedelta) -> list[Claim]:
        """Take at most this many deliveries that are due and free, longest due first."""
        async with faults():
            rows = await self._pool.fetch(_CLAIM, most, lease)
        return [
            Claim(
                row["subject"],
                row["partition"],
                Key(row["purpose"], row["obligation"], row["rank"]),
                row["staff"],
                row["role"],
                row["channel"],
                row["attempts"],
                row["more"],
                row["token"],
                row["address"],
                row["waited"],
                _codec.decode(row["doc"]).state if row["doc"] is not None else None,
            )
            for row in rows
        ]

    async def postpone(self, claim: Claim, after: timedelta, reason: str) -> None:
        """Give it back, to be tried again over the same channel. Nothing happens if the lease went to another."""
        async with faults():
            await self._pool.execute(_POSTPONE, *_mine(claim), after, reason)

    async def next_channel(self, claim: Claim, reason: str) -> None:
        """This channel failed; the person's next one is due at once. Call it only where `claim.more`."""
        async with faults():
            await self._pool.execute(_NEXT, *_mine(claim), reason)

    async def drop(self, claim: Claim, reason: str) -> None:
        """No longer wanted, and nothing follows from that."""
        async with faults():
            await self._pool.execute(_DROP, *_mine(claim), reason)

    async def of_case(self, subject: str) -> list[Delivery]:
        """All deliveries of a case, oldest first."""
        async with faults():
            rows = await self._pool.fetch(
                """SELECT obligation, rank, purpose, staff, role, channel, state, attempts, reason, written_at,
                  settled_at
                FROM notify.delivery WHERE subject = $1 ORDER BY written_at, place""",
                subject,
            )
        return [Delivery(**dict(row)) for row in rows]

    async def waiting(self) -> tuple[int, float]:
        """How many deliveries are due, and the age of the oldest in seconds (0 where there is none)."""
        async with faults():
            row = await self._pool.fetchrow(
                """SELECT count(*) AS many, coalesce(extract(epoch FROM clock_timestamp() - min(written_at)), 0) AS age
                FROM notify.delivery WHERE state = 'due'"""
            )
        assert row is not None  # an aggregate has always one row
        return row["many"], float(row["age"])


def _mine(claim: Claim) -> tuple[object, ...]:
    key = claim.key
    return (claim.subject, key.purpose, key.obligation, key.rank, claim.staff, claim.channel, claim.token)
