"""Which unit leads (主办): the route of the kind at a level, then whoever of its units has the fewest open cases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from services.routing.core.directory import COMMUNITY, LEVELS, Directory, Unit, has_post
from services.routing.core.places import Place
from services.routing.core.routes import Route, RouteTable, UnitNamed
from services.routing.core.view import View
from services.routing.events.assignments import Assigned, Basis, Candidate, Unroutable

NO_PLACE: Final = "no_place"
NO_ROUTE: Final = "no_route"
UNIT_ENDED: Final = "unit_ended"
ALL_DECLINED: Final = "all_declined"

DECLINED: Final = "declined"
ENDED: Final = "ended"
BUSIER: Final = "busier"
LAST_LEAD: Final = "last_lead"
NO_RULE: Final = "none"


@dataclass(frozen=True, slots=True)
class Matter:
    """What the search for a lead needs of a case. hops: proposals since a human last settled who has it."""

    family: str
    kind: str
    place: Place
    declined: tuple[str, ...]
    hops: int


@dataclass(frozen=True, slots=True)
class Tried:
    """What was looked at on the way: the route that was reached, and everybody considered."""

    rule: str
    candidates: tuple[Candidate, ...] = ()


def lead(matter: Matter, view: View, at: datetime) -> Assigned | Unroutable:
    """The lead unit for a case, or why there is none.

    The entry level comes first (one level up where the community is unknown); where every unit of a level declined
    or has ended, the case goes up a level (上下联动).

    Args:
        at: time of the log, which says which units and which route table are in force.
    """
    table = view.edition.table(at)
    entry = table.entry(matter.family, matter.kind) if table is not None else None
    if table is None or entry is None:
        return unroutable(NO_ROUTE, matter.place, Tried(NO_RULE), view, at)
    begin = _begin(entry, matter.place)
    if begin is None:
        reason = UNIT_ENDED if matter.place.ended is not None else NO_PLACE
        return unroutable(reason, matter.place, Tried(entry.id), view, at)
    tried = Tried(entry.id)
    for route in _upwards(table, entry, begin, matter):
        chosen, candidates = _choose(route, matter, view, at)
        tried = Tried(route.id, merged(tried.candidates, candidates))
        if chosen is not None:
            return _assigned(chosen, route, matter, tried, view, at)
    return unroutable(_why_nobody(tried), matter.place, tried, view, at)


def again(unit: Unit, matter: Matter, view: View, at: datetime) -> Assigned:
    """The unit that had the case before it was closed."""
    tried = Tried(LAST_LEAD, (Candidate(id=unit.unit, load=view.load(unit.unit)),))
    day = view.edition.directory.day(at)
    return Assigned(
        unit=unit.unit,
        centre=_centre(view.edition.directory, matter.place, unit, unit.level, day),
        level=unit.level,
        hops=matter.hops,
        basis=basis(tried.rule, matter.place, tried.candidates, view),
    )


def unroutable(reason: str, place: Place, tried: Tried, view: View, at: datetime) -> Unroutable:
    """无处可派: the case goes to a duty seat with its reason."""
    ground = basis(tried.rule, place, tried.candidates, view)
    return Unroutable(reason=reason, seat=seat(place, view, at), basis=ground)


def seat(place: Place, view: View, at: datetime) -> str:
    """Whose duty seat: the street's, or else the district's; an import refuses a directory that has none."""
    directory = view.edition.directory
    found = directory.seat(place.street, directory.day(at))
    return found.unit if found is not None else place.district or "unknown"


def basis(rule: str, place: Place, candidates: tuple[Candidate, ...], view: View) -> Basis:
    return Basis(rule=rule, place=place.finest, directory_version=view.edition.version, candidates=candidates)


def merged(first: Iterable[Candidate], then: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Everybody considered, once; who was considered twice stands as seen last."""
    return tuple({candidate.id: candidate for candidate in (*first, *then)}.values())


def named(unit: UnitNamed, place: Place, directory: Directory, day: date) -> tuple[tuple[Unit, ...], tuple[str, ...]]:
    """Units in force that a route means here, and ids of those that have ended without a known successor."""
    if unit.unit is not None:
        standing = directory.unit(unit.unit, day) or directory.successor(unit.unit, day)
        return ((standing,), ()) if standing is not None else ((), (unit.unit,))
    kind, level, code = unit.kind or "", unit.of or "", place.code(unit.of or "")
    if code is None:
        return (), ()
    found = {one.unit: one for one in directory.serving(kind, code, level, day)}
    ended = []
    for id_ in directory.ever_serving(kind, code, level):
        if directory.unit(id_, day) is None:
            heir = directory.successor(id_, day)
            if heir is not None and heir.kind == kind:
                found[heir.unit] = heir
            else:
                ended.append(id_)
    return tuple(found.values()), tuple(ended)


def _begin(entry: Route, place: Place) -> str | None:
    """The level at which a new case begins; None: the place does not tell."""
    higher = LEVELS[LEVELS.index(entry.level) + 1] if entry.level == COMMUNITY else entry.level
    return next((level for level in (entry.level, higher) if place.code(level) is not None), None)


def _upwards(table: RouteTable, entry: Route, begin: str, matter: Matter) -> Iterable[Route]:
    for level in LEVELS[LEVELS.index(begin) :]:
        route = entry if level == entry.level else table.at_level(matter.family, matter.kind, level)
        if route is not None:
            yield route


def _choose(route: Route, matter: Matter, view: View, at: datetime) -> tuple[Unit | None, tuple[Candidate, ...]]:
    """The unit with the fewest open cases of those that may lead; ties go by id."""
    directory = view.edition.directory
    units, ended = named(route.lead, matter.place, directory, directory.day(at))
    free = sorted((view.load(u.unit), u.unit) for u in units if u.unit not in matter.declined)
    chosen = next((unit for unit in units if free and unit.unit == free[0][1]), None)
    candidates = []
    for unit in units:
        left_out = DECLINED if unit.unit in matter.declined else None if unit is chosen else BUSIER
        candidates.append(Candidate(id=unit.unit, load=view.load(unit.unit), left_out=left_out))
    candidates += [Candidate(id=id_, load=view.load(id_), left_out=ENDED) for id_ in ended]
    return chosen, tuple(candidates)


def _assigned(chosen: Unit, route: Route, matter: Matter, tried: Tried, view: View, at: datetime) -> Assigned:
    directory = view.edition.directory
    day = directory.day(at)
    assisting = _others(route.assist, matter, directory, day, (chosen.unit, *matter.declined))
    return Assigned(
        unit=chosen.unit,
        centre=_centre(directory, matter.place, chosen, route.level, day),
        level=route.level,
        assisting=assisting,
        informed=_others(route.inform, matter, directory, day, (chosen.unit, *assisting)),
        hops=matter.hops,
        basis=basis(tried.rule, matter.place, tried.candidates, view),
    )


def _others(
    wanted: Iterable[UnitNamed], matter: Matter, directory: Directory, day: date, but: tuple[str, ...]
) -> tuple[str, ...]:
    """Ids of the units that assist or are informed: each once, without those that already have a part."""
    found = [unit.unit for one in wanted for unit in named(one, matter.place, directory, day)[0]]
    return tuple(dict.fromkeys(id_ for id_ in found if id_ not in but))


def _centre(directory: Directory, place: Place, chosen: Unit, level: str, day: date) -> str:
    """The centre that supervises: of the case's level, or the next above that has a duty seat to do it."""
    for up in LEVELS[LEVELS.index(level) :] if level in LEVELS else LEVELS[-1:]:
        centre = directory.centre(up, place.code(up), day)
        if centre is not None and has_post(centre, "duty_seat"):
            return centre.unit
    return chosen.unit


def _why_nobody(tried: Tried) -> str:
    reasons = {candidate.left_out for candidate in tried.candidates}
    if DECLINED in reasons:
        return ALL_DECLINED
    return UNIT_ENDED if ENDED in reasons else NO_ROUTE
