"""Photos of a case, sealed in the database: one backup, one erasure."""

from __future__ import annotations

from dataclasses import dataclass

from services.intake.store.vault import Vault
from services.kernel.database import Db

MOST_BYTES = 10 * 1024 * 1024
MOST_PER_CASE = 40


class TooManyError(Exception):
    """The case has as many photos as it may have."""


@dataclass(frozen=True, slots=True)
class Photo:
    """photo: its reference."""

    photo: str
    media_type: str
    bytes: int


def media_type_of(content: bytes) -> str | None:
    """What it is, by its first bytes and not by what its sender claims: JPEG, PNG, WebP or HEIC; None for others."""
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp" and content[8:12] in (b"heic", b"heix", b"mif1"):
        return "image/heic"
    return None


async def add(connection: Db, vault: Vault, case: str, by: str, photo: Photo, content: bytes) -> None:
    """Keep a photo. Raises: TooManyError."""
    if await count(connection, case) >= MOST_PER_CASE:
        raise TooManyError
    await connection.execute(
        """INSERT INTO intake.photo (photo, case_id, media_type, bytes, sealed, added_by)
        VALUES ($1, $2, $3, $4, $5, $6)""",
        photo.photo,
        case,
        photo.media_type,
        photo.bytes,
        vault.seal("photo", photo.photo, content),
        by,
    )


async def count(connection: Db, case: str) -> int:
    """How many photos a case has."""
    found: int = await connection.fetchval("SELECT count(*) FROM intake.photo WHERE case_id = $1", case)
    return found


async def of_case(connection: Db, case: str) -> list[Photo]:
    """The photos of a case, without their content."""
    rows = await connection.fetch(
        "SELECT photo, media_type, bytes FROM intake.photo WHERE case_id = $1 ORDER BY added_at, photo", case
    )
    return [Photo(row["photo"], row["media_type"], row["bytes"]) for row in rows]


async def content(connection: Db, vault: Vault, case: str, photo: str) -> tuple[str, bytes] | None:
    """A photo: media type and content; None if the case has none by this reference."""
    row = await connection.fetchrow(
        "SELECT media_type, sealed FROM intake.photo WHERE case_id = $1 AND photo = $2", case, photo
    )
    return None if row is None else (row["media_type"], vault.open("photo", photo, row["sealed"]))
