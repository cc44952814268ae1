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


class TakenError(Exception):
    """There is an answer under this key already: this press is a repeat, and is rolled back."""


async def first(connection: Db, press: Press, vault: Vault) -> Answer | None:
    """What was answered the first time; None if nothing stands under the key.

    Raises: KeyReusedError.
    """
    row = await connection.fetchrow(
        "SELECT digest, status, sealed FROM intake.press WHERE staff = $1 AND key = $2", press.staff, press.key
    )
    if row is None:
        return None
    if row["digest"] != press.digest:
        raise KeyReusedError
    return Answer(row["status"], vault.open("press", press.row, row["sealed"]))


async def keep(connection: Db, press: Press, vault: Vault, answer: Answer) -> None:
    """Keep the answer under its key, sealed: a registration's holds the code of the receipt.

    In the press's own transaction and last in it, so that a first press asks for nothing before. It waits while another
    one with this key is under way.

    Raises: TakenError.
    """
    if press.key is None:
        return
    kept = await connection.fetchval(
        """INSERT INTO intake.press (staff, key, digest, status, sealed) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT DO NOTHING RETURNING true""",
        press.staff,
        press.key,
        press.digest,
        answer.status,
        vault.seal("press", press.row, answer.body),
    )
    if not kept:
        raise TakenError
