"""Work addresses of staff, by staff id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.kernel.tables import columns

if TYPE_CHECKING:
    from services.kernel.database import Db


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach one person at work. first: the channel tried first, `email` or `webhook`."""

    staff: str
    email: str | None = None
    telephone: str | None = None
    webhook: str | None = None
    first: str = "email"


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changed."""

    new: int
    changed: int
    removed: int


async def import_contacts(connection: Db, contacts: Sequence[Contact], *, replace: bool) -> Imported:
    """Write contacts in one transaction; who stands there already is overwritten.

    Args:
        connection: as the role of notify.
        contacts: each staff id once.
        replace: remove whoever is not among them.
    """
    rows = [(c.staff, c.email, c.telephone, c.webhook, c.first) for c in contacts]
    async with connection.transaction():
        found = await connection.fetch(
            """INSERT INTO notify.contact AS c (staff, email, telephone, webhook, first)
            SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
            ON CONFLICT (staff) DO UPDATE SET email = excluded.email, telephone = excluded.telephone,
              webhook = excluded.webhook, first = excluded.first, changed_at = clock_timestamp()
            WHERE (c.email, c.telephone, c.webhook, c.first)
              IS DISTINCT FROM (excluded.email, excluded.telephone, excluded.webhook, excluded.first)
            RETURNING xmax = 0 AS new""",
            *columns(rows, 5),
        )
        gone = []
        if replace:
            gone = await connection.fetch(
                "DELETE FROM notify.contact WHERE staff <> ALL($1::text[]) RETURNING 1", [c.staff for c in contacts]
            )
    new = sum(row["new"] for row in found)
    return Imported(new, len(found) - new, len(gone))
