"""Outside systems: what they sent (sealed), what they were answered, and who is in quarantine."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg

from services.intake.store.vault import Vault
from services.kernel.database import Db, faults


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as it came: whose, under which id, its bytes and their hash."""

    system: str
    event_id: str
    digest: bytes
    content: bytes


async def keep(connection: Db, vault: Vault, raw: Raw, case: str | None) -> bool:
    """Keep a raw event, sealed. Returns: False, if this system sent this id before."""
    row = f"{raw.system}/{raw.event_id}"
    kept = await connection.fetchval(
        """INSERT INTO intake.inbound_event (system, event_id, digest, sealed, case_id) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT DO NOTHING RETURNING true""",
        raw.system,
        raw.event_id,
        raw.digest,
        vault.seal("inbound_event", row, raw.content),
        case,
    )
    return bool(kept)


async def answered(connection: Db, raw: Raw) -> bool:
    """Publish the receipt of this very content again, the same bytes. Returns: was there one?"""
    found = await connection.fetchval(
        """WITH r AS (SELECT event_row FROM intake.receipt WHERE system = $1 AND event_id = $2 AND digest = $3),
        again AS (INSERT INTO intake.unpublished (id, partition)
          SELECT e.id, e.partition FROM intake.event e JOIN r ON e.id = r.event_row ON CONFLICT DO NOTHING)
        SELECT event_row, pg_notify('intake_outbox', '') FROM r""",
        raw.system,
        raw.event_id,
        raw.digest,
    )
    return found is not None


async def refusals(connection: Db, system: str, event_id: str) -> int:
    """How many events bear this event's own id as key: its refusals."""
    found: int = await connection.fetchval(
        "SELECT count(*) FROM intake.event WHERE topic = $1 AND key = $2", f"outbound.{system}", event_id
    )
    return found


async def note_receipt(connection: Db, raw: Raw, topic: str, key: str, sequence: int) -> None:
    """Remember which event answers this content; it was written in this transaction."""
    await connection.execute(
        """INSERT INTO intake.receipt (system, event_id, digest, event_row)
        SELECT $1, $2, $3, id FROM intake.event WHERE topic = $4 AND key = $5 AND sequence = $6""",
        raw.system,
        raw.event_id,
        raw.digest,
        topic,
        key,
        sequence,
    )


async def quarantined(pool: asyncpg.Pool, system: str) -> bool:
    """Is this system in quarantine? Raises: Unavailable."""
    async with faults():
        return bool(await pool.fetchval("SELECT true FROM intake.quarantine WHERE system = $1", system))


async def quarantine(pool: asyncpg.Pool, system: str, reason: str) -> None:
    """Read no more of this system until somebody lifts it. Raises: Unavailable."""
    async with faults():
        await pool.execute(
            "INSERT INTO intake.quarantine (system, reason) VALUES ($1, $2) ON CONFLICT DO NOTHING", system, reason
        )


async def lift(pool: asyncpg.Pool, system: str) -> bool:
    """Read this system again. Returns: was it in quarantine?"""
    found = await pool.fetchval("DELETE FROM intake.quarantine WHERE system = $1 RETURNING true", system)
    return bool(found)
