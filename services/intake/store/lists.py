"""Finding cases, and reading their states and logs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import msgspec

from services.intake.core import search
from services.intake.core.cases import Case
from services.intake.events import TOPIC
from services.intake.store.vault import Vault
from services.kernel.core import Row
from services.kernel.database import Db
from services.kernel.envelope import Envelope

_decoder = msgspec.json.Decoder(Row[Case])
_envelopes = msgspec.json.Decoder(Envelope)
_MOST_TERMS = 40


@dataclass(frozen=True, slots=True)
class Found:
    """A case with its id."""

    case: str
    state: Case


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is asked for. after: (registered_at, case) of the last row of the page before."""

    state: str | None = None
    unit: str | None = None
    street: str | None = None
    query: str | None = None
    most: int = 50
    after: tuple[datetime, str] | None = None


async def one(connection: Db, case: str) -> Case | None:
    """The case as it stands."""
    doc = await connection.fetchval("SELECT doc FROM intake_state.state WHERE subject = $1", case)
    return None if doc is None else _registered(doc)


def _registered(doc: bytes) -> Case | None:
    state = _decoder.decode(doc).state
    return state if state is not None and state.registered_at is not None else None


async def many(connection: Db, vault: Vault, wanted: Wanted) -> list[Found]:
    """Cases, newest first; with a query, those whose number, people or report match."""
    clauses, args = ["true"], list[object]()

    def add(clause: str, *values: object) -> None:
        places = [f"${len(args) + n}" for n in range(1, len(values) + 1)]
        clauses.append(clause.format(*places))
        args.extend(values)

    if wanted.state == "open":
        add("state <> 'closed'")
    elif wanted.state is not None:
        add("state = {0}", wanted.state)
    if wanted.unit is not None:
        add("units @> ARRAY[{0}::text]", wanted.unit)
    if wanted.street is not None:
        add("street = {0}", wanted.street)
    if wanted.after is not None:
        add("(registered_at, case_id) < ({0}, {1})", *wanted.after)
    if wanted.query:
        matching = await _matching(connection, vault, wanted.query)
        add("(number LIKE {0} OR case_id = ANY({1}::text[]))", _like(wanted.query), matching)
    args.append(wanted.most)
    rows = await connection.fetch(
        f"""SELECT i.case_id, s.doc FROM intake.case_index i JOIN intake_state.state s ON s.subject = i.case_id
        WHERE {" AND ".join(clauses)} ORDER BY registered_at DESC, case_id DESC LIMIT ${len(args)}""",  # noqa: S608
        *args,
    )
    return _found(rows)


def _found(rows: Sequence[asyncpg.Record]) -> list[Found]:
    states = ((row["case_id"], _registered(row["doc"])) for row in rows)
    return [Found(case, state) for case, state in states if state is not None]


def _like(query: str) -> str:
    escaped = query.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


async def _matching(connection: Db, vault: Vault, query: str) -> list[str]:
    found: set[str] = set()
    for terms in search.of_query(query):
        tokens = [vault.token(term) for term in sorted(terms)[:_MOST_TERMS]]
        rows = await connection.fetch(
            """SELECT case_id FROM intake.search WHERE token = ANY($1::bytea[])
            GROUP BY case_id HAVING count(DISTINCT token) = $2 LIMIT 1000""",
            tokens,
            len(tokens),
        )
        found.update(row["case_id"] for row in rows)
    return sorted(found)


_WAITING = "needs <> '{}'"
_LATE = "needs = '{}' AND overdue"
_RUNNING = "needs = '{}' AND NOT overdue AND next_due IS NOT NULL"


async def on_the_desk(connection: Db, unit: str | None, most: int) -> list[Found]:
    """Open cases on which the duty seat has something to decide; due first, then oldest, first."""
    return await _open(connection, _WAITING, unit, most)


async def late(connection: Db, unit: str | None, most: int) -> list[Found]:
    """Open cases of which nothing is to be said but that a limit has passed; due first, then oldest, first."""
    return await _open(connection, _LATE, unit, most)


async def on_the_clock(connection: Db, unit: str | None, most: int) -> list[Found]:
    """Open cases with a running limit, what is due first first."""
    return await _open(connection, _RUNNING, unit, most)


async def _open(connection: Db, which: str, unit: str | None, most: int) -> list[Found]:
    rows = await connection.fetch(
        f"""SELECT i.case_id, s.doc FROM intake.case_index i JOIN intake_state.state s ON s.subject = i.case_id
        WHERE state <> 'closed' AND {which} AND ($1::text IS NULL OR units @> ARRAY[$1::text])
        ORDER BY next_due NULLS LAST, registered_at, case_id LIMIT $2""",  # noqa: S608 - `which` is one of the three above
        unit,
        most,
    )
    return _found(rows)


@dataclass(frozen=True, slots=True)
class Totals:
    """How many open cases wait for a press, are late and nothing else, and run."""

    waiting: int
    late: int
    running: int


async def totals(connection: Db, unit: str | None) -> Totals:
    """Counts of the three lists above: the same rows, however many are shown."""
    row = await connection.fetchrow(
        f"""SELECT count(*) FILTER (WHERE {_WAITING}) AS waiting, count(*) FILTER (WHERE {_LATE}) AS late,
          count(*) FILTER (WHERE {_RUNNING}) AS running
        FROM intake.case_index WHERE state <> 'closed' AND ($1::text IS NULL OR units @> ARRAY[$1::text])""",  # noqa: S608 - as above
        unit,
    )
    assert row is not None, "an aggregate has one row"
    return Totals(row["waiting"], row["late"], row["running"])


async def by_code(connection: Db, vault: Vault, code: str) -> str | None:
    """The case to which a receipt's code belongs."""
    found: str | None = await connection.fetchval(
        "SELECT case_id FROM intake.code WHERE code_hash = $1", vault.code_hash(code)
    )
    return found


async def log_of(connection: Db, case: str, after: int = 0, most: int = 1_000) -> list[Envelope]:
    """Events of a case's log, in order."""
    rows = await connection.fetch(
        """SELECT body FROM intake.event WHERE topic = $1 AND key = $2 AND sequence > $3
        ORDER BY sequence LIMIT $4""",
        TOPIC,
        case,
        after,
        most,
    )
    return [_envelopes.decode(row["body"]) for row in rows]


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is told to somebody who did not see it: what, when, by whom, to which unit, where it says so."""

    type: str
    sequence: int
    time: datetime
    by: str | None = None
    unit: str | None = None


class _Who(msgspec.Struct):
    by: str | None = None
    unit: str | None = None


async def happened(connection: Db, case: str, sequences: Sequence[int]) -> list[Happened]:
    """These events of a case's log, oldest first."""
    rows = await connection.fetch(
        """SELECT body FROM intake.event WHERE topic = $1 AND key = $2 AND sequence = ANY($3::bigint[])
        ORDER BY sequence""",
        TOPIC,
        case,
        list(sequences),
    )
    read = [_envelopes.decode(row["body"]) for row in rows]
    who = [msgspec.json.decode(message.data, type=_Who) for message in read]
    return [
        Happened(type=message.type, sequence=message.sequence, time=message.time, by=one.by, unit=one.unit)
        for message, one in zip(read, who, strict=True)
    ]


async def open_cases(connection: Db, after: str, most: int) -> list[str]:
    """Ids of open cases, page by page in order of id: for orders that concern all of them."""
    rows = await connection.fetch(
        "SELECT case_id FROM intake.case_index WHERE state <> 'closed' AND case_id > $1 ORDER BY case_id LIMIT $2",
        after,
        most,
    )
    return [row["case_id"] for row in rows]


async def whereabouts(connection: Db, cases: Sequence[str]) -> dict[str, tuple[str | None, str | None]]:
    """Street and lead unit of these cases."""
    rows = await connection.fetch(
        "SELECT case_id, street, lead FROM intake.case_index WHERE case_id = ANY($1::text[])", list(cases)
    )
    return {row["case_id"]: (row["street"], row["lead"]) for row in rows}
