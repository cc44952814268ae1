"""经过: a case's log in words, by the time of the fact, the newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

import msgspec

from services.intake.events import CONTRACT
from services.kernel.envelope import Event
from services.portal.core import telling, times
from services.portal.core.catalogue import Catalogue
from services.portal.core.model import CaseEvent

LATE = timedelta(minutes=2)
FIRST = 50
FILTERS = (("all", "全部"), ("people", "人做的"), ("limits", "时限与吹哨"), ("notices", "通知"))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. strong: the part in bold. late: `晚报：09:47 才收到` or empty."""

    sequence: int
    at: datetime
    clock: str
    icon: str
    strong: str
    rest: str
    by: str
    late: str


@dataclass(frozen=True, slots=True)
class Day:
    name: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Days, newest first; `earlier` lines are not shown yet."""

    days: tuple[Day, ...]
    shown: int
    earlier: int


def timeline(
    events: Sequence[CaseEvent], chosen: str, catalogue: Catalogue, zone: tzinfo, most: int = FIRST
) -> Timeline:
    """Tell the log.

    Args:
        chosen: key of a filter; an unknown one shows all.
        most: lines at most, the newest.
    """
    told = [line for event in events for line in [_entry(event, chosen, catalogue, zone)] if line is not None]
    told.sort(key=lambda line: (line.at, line.sequence), reverse=True)
    kept = told[:most]
    days: dict[str, list[Entry]] = {}
    for line in kept:
        days.setdefault(times.day(line.at, zone), []).append(line)
    return Timeline(tuple(Day(name, tuple(lines)) for name, lines in days.items()), len(kept), len(told) - len(kept))


def read(event: CaseEvent) -> Event | None:
    """Give an event its type; None where this portal does not know it, or it does not fit."""
    kind = CONTRACT.events.get(event.type)
    if kind is None:
        return None
    try:
        return msgspec.json.decode(event.data, type=kind)
    except msgspec.ValidationError:
        return None


def _entry(event: CaseEvent, chosen: str, catalogue: Catalogue, zone: tzinfo) -> Entry | None:
    typed = read(event)
    said = telling.tell(typed, catalogue) if typed is not None else telling.unknown(event.type)
    if chosen in ("people", "limits", "notices") and said.group != chosen:
        return None
    at = _fact_time(event, typed)
    late = event.time - at > LATE and said.group == "people"
    return Entry(
        sequence=event.sequence,
        at=at,
        clock=times.clock(at, zone),
        icon=said.icon,
        strong=said.strong,
        rest=said.rest + _words(event),
        by=said.by,
        late=f"晚报：{times.clock(event.time, zone)} 才收到" if late else "",
    )


_OF_THE_REPORT = frozenset({"report", "address", "amount_fen", "point"})


def _words(event: CaseEvent) -> str:
    """Free text of an event; the report itself stands elsewhere on the page."""
    said = "；".join(text for what, text in event.words.items() if what not in _OF_THE_REPORT and text)
    return f"：“{said}”" if said else ""


def _fact_time(event: CaseEvent, typed: Event | None) -> datetime:
    claimed = getattr(typed, "occurred_at", None)
    if isinstance(claimed, datetime) and event.type != "case.registered.v1":
        return min(claimed, event.time)
    return event.fact_at or event.time
