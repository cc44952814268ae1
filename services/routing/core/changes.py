"""Which new versions of units a set of drafts makes. Pure: importing the same twice makes none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final

from msgspec.structs import replace

from services.routing.core.directory import Unit

NOT_YET: Final = datetime.min.replace(tzinfo=UTC)
"""`changed_at` of a draft, which has no version either (0)."""


def draft(unit: Unit) -> Unit:
    """The unit as somebody wrote it, without what its publication gives it."""
    return replace(unit, version=0, changed_at=NOT_YET)


def new_versions(existing: Iterable[Unit], drafts: Iterable[Unit], now: datetime) -> list[Unit]:
    """The versions to publish, by unit and in order of validity.

    From the first draft on that differs from what stands, all later ones of the unit are published again: the
    newest version must be the one that is valid last, because readers of the compacted topic see that one alone.

    Args:
        existing: every version that stands. drafts: the units as they should be, one per span of validity.
        now: the time of publication.
    """
    standing: dict[str, list[Unit]] = defaultdict(list)
    for unit in existing:
        standing[unit.unit].append(unit)
    wanted: dict[str, list[Unit]] = defaultdict(list)
    for unit in drafts:
        wanted[unit.unit].append(draft(unit))
    made: list[Unit] = []
    for id_, spans in sorted(wanted.items()):
        newest = _newest_per_start(standing[id_])
        version = max((unit.version for unit in standing[id_]), default=0)
        changed = False
        for span in sorted(spans, key=lambda unit: unit.valid_from):
            changed = changed or newest.get(span.valid_from) != span
            if changed:
                version += 1
                made.append(replace(span, version=version, changed_at=now))
    return made


def begins_too_late(existing: Iterable[Unit], made: Iterable[Unit], today: date) -> list[str]:
    """Ids of standing units whose new version would begin after today: until then nobody could see the old one."""
    known = {unit.unit for unit in existing}
    return sorted({unit.unit for unit in made if unit.unit in known and unit.valid_from > today})


def _newest_per_start(versions: Iterable[Unit]) -> dict[date, Unit]:
    return {unit.valid_from: draft(unit) for unit in sorted(versions, key=lambda unit: unit.version)}
