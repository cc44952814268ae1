"""People and their words in the vault. Every reading is noted in the same breath as it happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

import msgspec

from services.intake.core import search
from services.intake.store.vault import Vault
from services.kernel.database import Db
from services.kernel.tables import columns

PartyRole = Literal["applicant", "respondent", "reporter", "agent"]
PartyKind = Literal["person", "organisation"]


class Person(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is kept of a party, sealed as one."""

    name: str
    telephone: str = ""
    id_number: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """A party of a case. `person` is None after erasure."""

    party: str
    role: str
    kind: str
    person: Person | None


@dataclass(frozen=True, slots=True)
class NewParty:
    role: PartyRole
    kind: PartyKind
    person: Person


@dataclass(frozen=True, slots=True)
class Words:
    """Free text of a case: `what` it is, and the number of the event to which it belongs."""

    what: str
    sequence: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Reading:
    """Who reads what of whom, and for what purpose."""

    staff: str
    what: str
    case: str | None = None
    party: str | None = None
    purpose: str | None = None


async def note(connection: Db, reading: Reading) -> None:
    """Write a reading down."""
    await connection.execute(
        "INSERT INTO intake.reading (staff, case_id, party, what, purpose) VALUES ($1, $2, $3, $4, $5)",
        reading.staff,
        reading.case,
        reading.party,
        reading.what,
        reading.purpose,
    )


async def add_parties(connection: Db, vault: Vault, case: str, parties: Sequence[NewParty]) -> dict[str, set[str]]:
    """Keep parties. Returns: index terms by the reference of each, for `add_terms`."""
    rows, terms = [], {}
    for new in parties:
        party = uuid4().hex
        rows.append((party, case, new.role, new.kind, vault.seal_struct("party", party, new.person)))
        terms[party] = search.of_name(new.person.name) | search.of_telephone(new.person.telephone)
    if rows:
        await connection.execute(
            """INSERT INTO intake.party (party, case_id, role, kind, sealed)
            SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bytea[])""",
            *columns(rows, 5),
        )
    return terms


async def add_terms(connection: Db, vault: Vault, case: str, terms: Mapping[str, set[str] | frozenset[str]]) -> None:
    """Make a case findable by these terms, by party; the case's own stand under ""."""
    rows = [(vault.token(term), case, party) for party, found in terms.items() for term in sorted(found)]
    if rows:
        await connection.execute(
            """INSERT INTO intake.search (token, case_id, party)
            SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[]) ON CONFLICT DO NOTHING""",
            *columns(rows, 3),
        )


async def add_words(connection: Db, vault: Vault, case: str, sequence: int | None, said: Mapping[str, str]) -> None:
    """Keep texts that belong to one event; empty ones are not kept."""
    rows = []
    for what, text in said.items():
        if text:
            words = uuid4().hex
            rows.append((words, case, what, sequence, vault.seal("words", words, text.encode())))
    if rows:
        await connection.execute(
            """INSERT INTO intake.words (words, case_id, what, sequence, sealed)
            SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bytea[])""",
            *columns(rows, 5),
        )


async def words_of(connection: Db, vault: Vault, case: str, reading: Reading) -> list[Words]:
    """The texts of a case, in order; noted as a reading."""
    rows = await connection.fetch(
        "SELECT words, what, sequence, sealed FROM intake.words WHERE case_id = $1 ORDER BY added_at, words", case
    )
    if rows:
        await note(connection, reading)
    return [
        Words(row["what"], row["sequence"], vault.open("words", row["words"], row["sealed"]).decode()) for row in rows
    ]


async def parties_of(connection: Db, vault: Vault, case: str) -> list[Party]:
    """The parties of a case, in the clear: the caller masks them, or notes the reading."""
    rows = await connection.fetch(
        "SELECT party, role, kind, sealed FROM intake.party WHERE case_id = $1 ORDER BY added_at, party", case
    )
    return [_party(vault, row["party"], row["role"], row["kind"], row["sealed"]) for row in rows]


def _party(vault: Vault, party: str, role: str, kind: str, sealed: bytes | None) -> Party:
    person = None if sealed is None else vault.open_struct("party", party, sealed, Person)
    return Party(party, role, kind, person)


async def erase(connection: Db, case: str, party: str, by: str) -> bool:
    """Delete a party's data and index terms; keep the reference, for after a restore. Returns: was there anything?"""
    found = await connection.fetchval(
        """UPDATE intake.party SET sealed = NULL, erased_at = clock_timestamp()
        WHERE case_id = $1 AND party = $2 AND sealed IS NOT NULL RETURNING true""",
        case,
        party,
    )
    if not found:
        return False
    await connection.execute("DELETE FROM intake.search WHERE case_id = $1 AND party = $2", case, party)
    await connection.execute(
        "INSERT INTO intake.erasure (party, case_id, erased_by) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        party,
        case,
        by,
    )
    return True
