"""The panel (调解组) of a dispute: mediator, head of the street's judicial office (司法所长), stationed lawyer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.routing.core.directory import LEVELS, Directory, holders
from services.routing.core.leads import BUSIER, merged
from services.routing.core.places import Place
from services.routing.core.routes import PanelSeat, Route
from services.routing.core.view import View
from services.routing.events.assignments import Candidate
from services.routing.events.directory import Mediator

NO_MEDIATOR: Final = "no_mediator"

RECUSED: Final = "recused"
FIELD: Final = "field"
CAP: Final = "cap"
RANK: Final = "rank"


@dataclass(frozen=True, slots=True)
class Composed:
    """Staff ids for the seats; without a mediator there is no panel. candidates: everybody considered, with loads."""

    mediator: str | None
    judicial_head: str | None
    lawyer: str | None
    candidates: tuple[Candidate, ...]


def compose(route: Route, kind: str, place: Place, recused: Sequence[str], view: View, day: date) -> Composed:
    """Fill the seats of a route's panel.

    A mediator or lawyer has status normal, a field that begins the kind (or no fields), and fewer open cases than
    their cap; the fewest wins, ties go by staff id. The rank asked for comes first, another is taken where nobody
    has it. Where a level has nobody, the next above is asked.

    Args:
        recused: staff ids that must not sit on this case (人民调解法: 回避).
    """
    chosen: dict[str, str | None] = {}
    considered: tuple[Candidate, ...] = ()
    for seat in route.panel:
        if seat.seat == "judicial_head":
            chosen[seat.seat] = _judicial_head(seat, place, recused, view.edition.directory, day)
            continue
        found, candidates = _officer(seat, kind, place, recused, view, day)
        chosen[seat.seat] = found
        considered = merged(considered, candidates)
    return Composed(chosen.get("mediator"), chosen.get("judicial_head"), chosen.get("lawyer"), considered)


def _judicial_head(
    seat: PanelSeat, place: Place, recused: Sequence[str], directory: Directory, day: date
) -> str | None:
    code = place.code(seat.of)
    offices = directory.serving("judicial_office", code, seat.of, day) if code is not None else ()
    heads = (staff for office in offices for staff in holders(office, "judicial_head") if staff not in recused)
    return next(heads, None)


def _officer(
    seat: PanelSeat, kind: str, place: Place, recused: Sequence[str], view: View, day: date
) -> tuple[str | None, tuple[Candidate, ...]]:
    considered: tuple[Candidate, ...] = ()
    for level in LEVELS[LEVELS.index(seat.of) :]:
        pool = _stationed(view.edition.directory, seat.seat, level, place.code(level), day)
        found, candidates = _fairest(pool, seat.level, kind, recused, view)
        considered = merged(considered, candidates)
        if found is not None:
            return found, considered
    return None, considered


def _stationed(directory: Directory, role: str, level: str, code: str | None, day: date) -> tuple[Mediator, ...]:
    """Officers of a role stationed at the centre of a level, each once, by staff id."""
    centres = directory.serving("centre", code, level, day) if code is not None else ()
    found = {officer.staff: officer for centre in centres for officer in centre.mediators if officer.role == role}
    return tuple(officer for _, officer in sorted(found.items()))


def _fairest(
    pool: Sequence[Mediator], rank: str | None, kind: str, recused: Sequence[str], view: View
) -> tuple[str | None, tuple[Candidate, ...]]:
    against = {officer.staff: _why_not(officer, kind, recused, view) for officer in pool}
    free = [officer for officer in pool if against[officer.staff] is None]
    asked = [officer for officer in free if rank is None or officer.level == rank] or free
    chosen = min(((view.load(officer.staff), officer.staff) for officer in asked), default=None)
    staff = chosen[1] if chosen is not None else None
    for officer in free:
        if officer.staff != staff:
            against[officer.staff] = BUSIER if officer in asked else RANK
    return staff, tuple(Candidate(id=id_, load=view.load(id_), left_out=why) for id_, why in against.items())


def _why_not(officer: Mediator, kind: str, recused: Sequence[str], view: View) -> str | None:
    if officer.staff in recused:
        return RECUSED
    if officer.status != "normal":
        return officer.status
    if officer.fields and not any(kind.startswith(field) for field in officer.fields):
        return FIELD
    return CAP if view.load(officer.staff) >= officer.cap else None
