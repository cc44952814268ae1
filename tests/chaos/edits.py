"""After chaos: an edit planted in one row of each service is found by rebuild, that one and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import asyncpg
import msgspec

SERVICES = ("routing", "escalation", "notify", "oversight")
_ONE = """SELECT s.subject, s.doc FROM {service}_state.state s JOIN {service}_state.readable r USING (subject)
WHERE r.doc->'state' IS NOT NULL ORDER BY subject LIMIT 1"""


async def planted(dsn: str, maodiao: Callable[..., str], say: Callable[[str], None]) -> bool:
    """Edit, compare, put back; the workers have nothing to do meanwhile.

    Args:
        dsn: of the administrator. maodiao: runs a command. say: one line for each service.

    Returns: whether each edit was found, and nothing but it.
    """
    connection = await asyncpg.connect(dsn)
    try:
        return all([await _found(connection, service, maodiao, say) for service in SERVICES])
    finally:
        await connection.close()


async def _found(
    connection: asyncpg.Connection, service: str, maodiao: Callable[..., str], say: Callable[[str], None]
) -> bool:
    row = await connection.fetchrow(_ONE.format(service=service))
    if row is None:
        say(f"planted edit, {service}: there is no row to edit")
        return False
    fields = msgspec.json.decode(row["doc"])
    fields["after"] = fields.get("after", 0) + 1
    change = f"UPDATE {service}_state.state SET doc = $2 WHERE subject = $1"
    await connection.execute(change, row["subject"], msgspec.json.encode(fields))
    try:
        said = await asyncio.to_thread(maodiao, "rebuild", service, "--compare")
    finally:
        await connection.execute(change, row["subject"], row["doc"])
    lines = [" ".join(line.split()) for line in said.splitlines()]
    named = [line for line in lines if line.startswith(row["subject"])]
    found = "differences 1" in lines and len(named) == 1
    say(f"planted edit, {service}: {named[0] if found else 'NOT found as planted: ' + '; '.join(lines)}")
    return found
