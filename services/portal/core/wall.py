"""一屏观全城: the numbers of oversight as the wall shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from services.portal.core import numbers, words
from services.portal.core.catalogue import Catalogue, Place
from services.portal.core.limits import Spoken, spoken
from services.portal.core.model import Limit
from services.portal.core.outline import Drawing, Ring, draw
from services.portal.core.overview import Figure, Screen, ScreenDue, ScreenWhistle, StreetCount
from services.portal.core.times import left

SIZE = (860.0, 640.0)
FIRST = 6


@dataclass(frozen=True, slots=True)
class MapSpot:
    """A street on the map. mark: overdue, whistle, near or empty; only troubled streets carry one."""

    name: str
    x: float
    y: float
    left: float
    top: float
    wide: float
    rough: bool
    open: str
    mark: str
    mark_x: float
    mark_count: int


@dataclass(frozen=True, slots=True)
class WhistleLine:
    head: str
    case: str
    title: str
    street: str
    unit: str


@dataclass(frozen=True, slots=True)
class DueLine:
    limit: Spoken
    case: str
    title: str
    street: str
    unit: str


@dataclass(frozen=True, slots=True)
class Number:
    chinese: str
    english: str
    shape: str
    tone: str
    words: str
    under: str


@dataclass(frozen=True, slots=True)
class Wall:
    drawing: Drawing
    spots: tuple[MapSpot, ...]
    beside: tuple[tuple[str, str], ...]
    whistles: tuple[WhistleLine, ...]
    whistles_words: str
    due: tuple[DueLine, ...]
    due_words: str
    figures: tuple[Number, ...]
    map_words: str


def wall(screen: Screen, ring: Ring, names: Catalogue, now: datetime, zone: tzinfo) -> Wall:
    """Lay out the wall.

    Args:
        ring: the district's outline, longitude and latitude in WGS 84 degrees.
    """
    counts = {count.street: count for count in screen.by_street}
    widths = {street.code: _width(street, counts) for street in names.streets}
    drawing = draw(ring, names.streets, widths, *SIZE, margin=36)
    spots = _spots(drawing, counts)
    due = screen.next_due[:FIRST]
    return Wall(
        drawing=drawing,
        spots=spots,
        beside=tuple((names.street(place.code), _open(counts.get(place.code))) for place in drawing.beside),
        whistles=tuple(_whistle(one, names, now, zone) for one in screen.whistles[:FIRST]),
        whistles_words=_how_many(max(screen.whistles_total, len(screen.whistles))),
        due=tuple(_due(one, names, now, zone) for one in due),
        due_words=_how_many(max(screen.due_total, len(screen.next_due))) if due else "",
        figures=_figures(screen),
        map_words="，".join(f"{spot.name} {spot.open} 件" for spot in spots),
    )


def _how_many(total: int) -> str:
    return f"前 {FIRST} 件，共 {total} 件" if total > FIRST else f"全部 {total} 件"


def _open(count: StreetCount | None) -> str:
    return "0" if count is None else f"{count.open:,}"


GLYPH = 26.0
"""Width of a Chinese character of a label, in the drawing's units; a digit is two thirds of it."""


def _width(street: Place, counts: Mapping[str, StreetCount]) -> float:
    name = street.name.removesuffix("办事处").removesuffix("街道")
    mark, number = _mark(counts.get(street.code, StreetCount(street=street.code)))
    return 8 + GLYPH * (len(name) + (3 if street.rough else 0)) + (32 + GLYPH * 0.66 * len(str(number)) if mark else 0)


def _spots(drawing: Drawing, counts: Mapping[str, StreetCount]) -> tuple[MapSpot, ...]:
    made = []
    for spot in drawing.spots:
        count = counts.get(spot.code, StreetCount(street=spot.code))
        mark, number = _mark(count)
        letters = len(spot.name) + (3 if spot.rough else 0)
        made.append(
            MapSpot(
                name=spot.name,
                x=spot.x,
                y=spot.y,
                left=spot.left,
                top=spot.top,
                wide=spot.width,
                rough=spot.rough,
                open=_open(count),
                mark=mark,
                mark_x=spot.left + 8 + letters * GLYPH,
                mark_count=number,
            )
        )
    return tuple(made)


def _mark(count: StreetCount) -> tuple[str, int]:
    for mark, number in (("overdue", count.overdue), ("whistle", count.whistles), ("near", count.near)):
        if number:
            return mark, number
    return "", 0


def _whistle(one: ScreenWhistle, names: Catalogue, now: datetime, zone: tzinfo) -> WhistleLine:
    rank = words.rank(one.rank)
    said = _WHISTLES.get(one.status, "")
    if one.status in ("blown", "acknowledged", "requested", "") and one.due_at is not None:
        said = left(one.due_at, now, zone)[0]
    return WhistleLine(
        head=f"{rank} {said}".strip(),
        case=one.case,
        title=names.kind(one.kind),
        street=names.street(one.street),
        unit=words.called(one.post, names.unit(one.unit or None)),
    )


_WHISTLES = {
    "proposed": "待确认", "requested": "在吹", "blown": "已吹出", "acknowledged": "已收到", "attended": "已到场",
    "exhausted": "各级都吹过",
}  # fmt: skip


def _due(one: ScreenDue, names: Catalogue, now: datetime, zone: tzinfo) -> DueLine:
    near = one.near_at or one.due_at - timedelta(minutes=10)
    limit = Limit(limit="", step=one.step, start=near, near_at=near, due_at=one.due_at)
    return DueLine(
        limit=spoken(limit, now, zone),
        case=one.case,
        title=names.kind(one.kind),
        street=names.street(one.street),
        unit=names.unit(one.lead),
    )


_MARKS = {"overdue": "overdue", "near": "near", "whistles": "whistle"}


def _figures(screen: Screen) -> tuple[Number, ...]:
    return tuple(_number(figure) for figure in screen.figures[:6])


def _number(figure: Figure) -> Number:
    mark = _MARKS.get(figure.name, "")
    calm = bool(mark) and figure.value == 0
    if figure.unit == "share":
        said = numbers.rate(figure)
        under = f"{numbers.made_of(figure)} 件，重开的不算" if figure.denominator else "还没有结过案"
    else:
        said = numbers.count(None if figure.value is None else round(figure.value))
        under = f"昨天此时 {figure.before:,}" if figure.before is not None else figure.note_zh
        if figure.before is None and figure.denominator is not None:
            under = f"在办 {figure.denominator:,} 件里"
    tone = "normal" if calm else mark
    return Number(figure.zh or figure.name, figure.en, tone, tone, said, under)
