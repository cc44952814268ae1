"""Idempotency keys: the same press again gets the first answer, other content under the same key is refused."""

from __future__ import annotations

from dataclasses import dataclass

from services.intake.store.vault import Vault
from services.kernel.database import Db


class KeyReusedError(Exception):
    """The key was used before for something else."""


@dataclass(frozen=True, slots=True)
class Press:
    """Who pressed, the key that the client gave (None: no repeat is recognised), and a hash of what was sent."""

    staff: str
    key: str | None
    digest: bytes

    @property
    def row(self) -> str:
        return f"{self.staff}/{self.key}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: an HTTP status and a body."""

    status: int
    body: bytes


async def begin(connection: Db, press: Press, vault: Vault) -> Answer | None:
    """Take the key, in the press's own transaction; waits while another one with this key is under way.

    Returns: the first answer, if this is a repeat.
    Raises: KeyReusedError.
    """
    if press.key is None:
        return None
    taken = await connection.fetchval(
        "INSERT INTO intake.press (staff, key, digest) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING true",
        press.staff,
        press.key,
        press.digest,
    )
    if taken:
        return None
    row = await connection.fetchrow(
        "SELECT digest, status, sealed FROM intake.press WHERE staff = $1 AND key = $2", press.staff, press.key
    )
    if row is None or row["digest"] != press.digest:
        raise KeyReusedError
    return Answer(row["status"], vault.open("press", press.row, row["sealed"]))


async def finish(connection: Db, press: Press, vault: Vault, answer: Answer) -> None:
    """Keep the answer, sealed: a registration's holds the code of the receipt."""
    if press.key is None:
        return
    await connection.execute(
        "UPDATE intake.press SET status = $3, sealed = $4 WHERE staff = $1 AND key = $2",
        press.staff,
        press.key,
        answer.status,
        vault.seal("press", press.row, answer.body),
    )
