"""Idempotency keys: the same press again gets the first answer, other content under the same key is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.intake.store.vault import Vault
from services.kernel.database import Db
from services.kernel.tables import Part


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


TAKEN: Final = "press_pkey"
"""Name of the constraint by which there is an answer under this key already: the press is a repeat, and rolled back."""

_KEPT: Final = """press AS (
  INSERT INTO intake.press (staff, key, digest, status, sealed)
  VALUES ({0}::text, {1}::text, {2}::bytea, {3}::int, {4}::bytea))"""


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


def kept(press: Press, vault: Vault, answer: Answer) -> Sequence[Part]:
    """Keeps the answer under its key, sealed: a registration's holds the code of the receipt.

    For the press's one statement, so that nothing is asked before and nothing is written apart. While another press
    with this key is under way it waits; then the store raises `Moved` with the words TAKEN.
    """
    if press.key is None:
        return ()
    sealed = vault.seal("press", press.row, answer.body)
    return (Part((_KEPT,), (press.staff, press.key, press.digest, answer.status, sealed)),)
