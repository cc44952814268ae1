"""Changes of the directory: new versions of units and route tables, published through the outbox in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from asyncpg import Pool, Record

from services.kernel.database import Db
from services.kernel.envelope import derived_id, encode, envelope
from services.kernel.partitioning import partition_of
from services.kernel.tables import columns
from services.routing.core.changes import begins_too_late, new_versions
from services.routing.core.checks import directory_faults, route_faults
from services.routing.core.directory import Directory, Unit
from services.routing.core.kinds import Kind
from services.routing.core.routes import RouteTable
from services.routing.events import DIRECTORY_TOPIC
from services.routing.events.directory import UnitPublished
from services.routing.store.editions import newest

_NOTICE: Final = timedelta(seconds=10)
"""A route table begins this long after it was given, or later (decision 8): no decision is under way by the old one."""


class RefusedError(Exception):
    """The change was not taken; nothing was written. `faults`: sentences that say what and where."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


class RepeatedError(Exception):
    """This Idempotency-Key came before with other content."""


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody wants. units: drafts, one per span of validity; units that are not named stay as they are.

    zone: of the district. why: a few words for the record. table, kinds: None where they stay.
    """

    units: Sequence[Unit]
    zone: str
    why: str
    table: RouteTable | None = None
    kinds: Sequence[Kind] | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """edition: the newest now. published: versions of units that are new. table: whether a route table is."""

    edition: int
    published: list[Unit] = field(default_factory=list)
    table: bool = False


async def apply(connection: Db, change: Change) -> Done:
    """Take a change, or refuse it whole. Inside a transaction of the caller's, if there is one.

    Raises: RefusedError.
    """
    async with connection.transaction():
        await _lock(connection)
        now: datetime = await connection.fetchval("SELECT clock_timestamp()")
        rows = await connection.fetch("SELECT doc FROM routing.unit_version")
        standing = [msgspec.json.decode(row["doc"], type=UnitPublished) for row in rows]
        made = new_versions(standing, change.units, now)
        directory = Directory([*standing, *made], ZoneInfo(change.zone))
        table = await _new_table(connection, change.table, now)
        await _check(connection, change, standing, made, directory, table, now)
        if change.kinds is not None:
            await _write_kinds(connection, change.kinds)
        edition = await newest(connection)
        if not made and table is None:
            return Done(edition)
        edition += 1
        await connection.execute(
            "INSERT INTO routing.edition (version, made_at, zone, why) VALUES ($1, $2, $3, $4)",
            edition, now, change.zone, change.why,
        )  # fmt: skip
        await _write_units(connection, made, edition)
        if table is not None:
            await connection.execute(
                "INSERT INTO routing.route_table (version, edition, start, doc) VALUES ($1, $2, $3, $4)",
                table.version, edition, table.start, msgspec.json.encode(table),
            )  # fmt: skip
        return Done(edition, made, table is not None)


async def apply_once(connection: Db, key: str, digest: bytes, change: Change) -> tuple[Unit, bool]:
    """Take a change of one unit, once per key.

    Args:
        key: the caller's Idempotency-Key. digest: of the content, to tell a repeat from another request.

    Returns: the version that came of it, and whether it was made by a request with this key.
    Raises: RefusedError, RepeatedError.
    """
    async with connection.transaction():
        await _lock(connection)
        found = await connection.fetchrow("SELECT digest, unit, version FROM routing.request WHERE key = $1", key)
        if found is not None and found["digest"] != digest:
            raise RepeatedError
        if found is not None:
            return await _version(connection, found["unit"], found["version"]), True
        done = await apply(connection, change)
        if not done.published:
            return await _version(connection, change.units[0].unit, None), False
        made = done.published[-1]
        await connection.execute(
            "INSERT INTO routing.request (key, digest, unit, version) VALUES ($1, $2, $3, $4)",
            key, digest, made.unit, made.version,
        )  # fmt: skip
        return made, True


async def _lock(connection: Db) -> None:
    """One change at a time, so that numbers and outbox rows follow each other."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('routing.directory'))")


async def _version(connection: Db, unit: str, version: int | None) -> Unit:
    """One version of a unit; None: the newest."""
    doc: bytes = await connection.fetchval(
        """SELECT doc FROM routing.unit_version WHERE unit = $1 AND ($2::int IS NULL OR version = $2)
        ORDER BY version DESC LIMIT 1""",
        unit,
        version,
    )
    return msgspec.json.decode(doc, type=UnitPublished)


async def _check(
    connection: Db,
    change: Change,
    standing: Sequence[Unit],
    made: Sequence[Unit],
    directory: Directory,
    table: RouteTable | None,
    now: datetime,
) -> None:
    day = directory.day(now)
    faults = directory_faults(directory, made, day)
    faults += [
        f"{id_}: a new version can't begin after {day}; publish it on its day, or end the unit by valid_to"
        for id_ in begins_too_late(standing, made, day)
    ]
    if table is not None:
        kinds = change.kinds if change.kinds is not None else await kinds_of(connection)
        faults += route_faults(table, directory, [(kind.family, kind.code) for kind in kinds], day)
    if faults:
        raise RefusedError(faults)


async def _new_table(connection: Db, wanted: RouteTable | None, now: datetime) -> RouteTable | None:
    """The route table to write; None if none is wanted, or this one stands."""
    if wanted is None:
        return None
    rows = await connection.fetch("SELECT version, doc FROM routing.route_table ORDER BY version")
    tables = {row["version"]: msgspec.json.decode(row["doc"], type=RouteTable) for row in rows}
    if wanted.version in tables:
        if tables[wanted.version] == wanted:
            return None
        raise RefusedError([f"route table {wanted.version} is in the database with other content: raise its version"])
    if tables and wanted.version < max(tables):
        raise RefusedError([f"route table {wanted.version}: the newest is {max(tables)}; take a higher version"])
    if tables and wanted.start < now + _NOTICE:
        raise RefusedError(
            [f"route table {wanted.version}: `from` must lie at least 10 s ahead, at {now + _NOTICE} or later"]
        )
    return wanted


async def _write_units(connection: Db, made: Sequence[Unit], edition: int) -> None:
    docs = [(unit.unit, unit.version, edition, msgspec.json.encode(unit)) for unit in made]
    await connection.executemany(
        "INSERT INTO routing.unit_version (unit, version, edition, doc) VALUES ($1, $2, $3, $4)", docs
    )
    rows = [
        (DIRECTORY_TOPIC, partition_of(unit.unit), unit.unit, unit.version, _id(unit), _message(unit)) for unit in made
    ]
    await connection.execute(
        """WITH ev AS (
          INSERT INTO routing.event (topic, partition, key, sequence, event_id, body)
          SELECT e.topic, e.partition, e.key, e.sequence, e.event_id, e.body
          FROM unnest($1::text[], $2::int[], $3::text[], $4::bigint[], $5::text[], $6::bytea[])
            WITH ORDINALITY AS e(topic, partition, key, sequence, event_id, body, ordinal) ORDER BY e.ordinal
          RETURNING id, partition)
        INSERT INTO routing.unpublished (id, partition) SELECT id, partition FROM ev""",
        *columns(rows, 6),
    )
    await connection.execute("SELECT pg_notify('routing_outbox', '')")


def _id(unit: Unit) -> str:
    return derived_id(unit.unit, unit.TYPE, unit.version)


def _message(unit: Unit) -> bytes:
    return encode(
        envelope(unit, id=_id(unit), service="routing", subject=unit.unit, time=unit.changed_at, sequence=unit.version)
    )


async def _write_kinds(connection: Db, kinds: Sequence[Kind]) -> None:
    await connection.execute("DELETE FROM routing.kind")
    await connection.executemany(
        """INSERT INTO routing.kind (family, code, class_code, class_zh, class_en, name_zh, name_en)
        VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        [(k.family, k.code, k.class_code, k.class_zh, k.class_en, k.name_zh, k.name_en) for k in kinds],
    )


async def kinds_of(connection: Db | Pool) -> list[Kind]:
    """All kinds, by family and code."""
    rows: list[Record] = await connection.fetch(
        """SELECT family, code, class_code, class_zh, class_en, name_zh, name_en
        FROM routing.kind ORDER BY family, code"""
    )
    return [Kind(**dict(row)) for row in rows]
