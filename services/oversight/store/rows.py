"""Writes the projection's rows in the batch's one statement: only those that changed, only where the epoch is ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import NoneType
from typing import get_args, get_type_hints

from services.kernel.core import Row
from services.kernel.database import Db
from services.kernel.fold import Work
from services.kernel.tables import Part, columns
from services.oversight.core.cases import Case
from services.oversight.core.rows import (
    KEYS,
    AnyRow,
    AwaitingRow,
    CaseRow,
    HeldRow,
    LimitRow,
    WhistleRow,
    rows,
)

TABLES: dict[type[AnyRow], str] = {
    CaseRow: "case_row",
    LimitRow: "limit_row",
    WhistleRow: "whistle_row",
    AwaitingRow: "awaiting_row",
    HeldRow: "held_row",
}
_SQL_TYPES = {str: "text", int: "int", datetime: "timestamptz", bool: "boolean"}


class ProjectionRows:
    """The kernel's `Extension` of oversight. Its decisions look at nothing, so its view is None."""

    async def view(self, connection: Db) -> None:
        """Nothing is read."""
        return

    def parts(self, view: None, before: Mapping[str, Row[Case]], works: Sequence[Work[Case]]) -> Sequence[Part]:
        """The rows that this batch puts and removes."""
        put: dict[type[AnyRow], list[AnyRow]] = {}
        gone: dict[type[AnyRow], list[AnyRow]] = {}
        for work in works:
            if not work.changed:
                continue
            old = _keyed(work.subject, work.partition, before[work.subject].state if work.subject in before else None)
            new = _keyed(work.subject, work.partition, work.row.state)
            for key, row in new.items():
                if old.get(key) != row:
                    put.setdefault(type(row), []).append(row)
            for key in old.keys() - new.keys():
                gone.setdefault(type(old[key]), []).append(old[key])
        return [
            *(_put(kind, put[kind]) for kind in TABLES if kind in put),
            *(_remove(kind, gone[kind]) for kind in TABLES if kind in gone),
        ]


def _keyed(subject: str, partition: int, case: Case | None) -> dict[tuple[object, ...], AnyRow]:
    return {(type(row), *row[: KEYS[type(row)]]): row for row in rows(subject, partition, case)}


def _names(kind: type[AnyRow]) -> list[str]:
    return [f'"{name}"' for name in kind._fields]


def _unnest(kind: type[AnyRow], names: Sequence[str]) -> str:
    hints = get_type_hints(kind)
    places = ", ".join(f"{{{n}}}::{_sql_type(hints[field])}[]" for n, field in enumerate(kind._fields[: len(names)]))
    return f"unnest({places}) AS u({', '.join(names)})"


def _sql_type(hint: type) -> str:
    """Of a column's type; `| None` only says that the column may be null."""
    return _SQL_TYPES[next(part for part in get_args(hint) or (hint,) if part is not NoneType)]


def _put(kind: type[AnyRow], changed: Sequence[AnyRow]) -> Part:
    names, key = _names(kind), _names(kind)[: KEYS[kind]]
    picked = ", ".join(f"u.{name}" for name in names)
    sets = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    sql = (
        f"put_{TABLES[kind]} AS (INSERT INTO {{{{schema}}}}_state.{TABLES[kind]} ({', '.join(names)}) "  # noqa: S608 - names of our own
        f"SELECT {picked} FROM {_unnest(kind, names)} JOIN live USING (partition) "
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {sets})"
    )
    return Part((sql,), tuple(columns(list(changed), len(names))))


def _remove(kind: type[AnyRow], gone: Sequence[AnyRow]) -> Part:
    # The partition stands behind the key in every kind of row, so that one prefix of the columns names both.
    names = _names(kind)[: KEYS[kind] + 1]
    same = " AND ".join(f"t.{name} = u.{name}" for name in names)
    sql = (
        f"cut_{TABLES[kind]} AS (DELETE FROM {{{{schema}}}}_state.{TABLES[kind]} t "  # noqa: S608
        f"USING live, {_unnest(kind, names)} WHERE live.partition = u.partition AND {same})"
    )
    return Part((sql,), tuple(columns([row[: len(names)] for row in gone], len(names))))
