"""一屏观全城: the numbers of oversight as the wall shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from services.portal.core import numbers, words
from services.portal.core.catalogue import Catalogue
from services.portal.core.limits import Spoken, spoken
from services.portal.core.model import Limit
from services.portal.core.outline import Drawing, Ring, draw
from services.portal.core.overview import Figure, Screen, ScreenDue, ScreenWhistle, StreetCount
from services.portal.core.times import left

SIZE = (760.0, 760.0)
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
    drawing = draw(ring, names.streets, *SIZE, margin=56)
    counts = {count.street: count for count in screen.by_street}
    spots = _spots(drawing, counts)
    due = screen.next_due[:FIRST]
    return Wall(
        drawing=drawing,
        spots=spots,
        beside=tuple((names.street(place.code), _open(counts.get(place.code))) for place in drawing.beside),
        whistles=tuple(_whistle(one, names, now, zone) for one in screen.whistles[:FIRST]),
        whistles_words=_how_many(len(screen.whistles), len(screen.whistles)),
        due=tuple(_due(one, names, now, zone) for one in due),
        due_words=f"前 {len(due)} 件，共在办 {numbers.count(screen.open)} 件" if due else "",
        figures=_figures(screen),
        map_words="，".join(f"{spot.name} {spot.open} 件" for spot in spots),
    )


def _how_many(all_: int, known: int) -> str:
    return f"前 {FIRST} 件，共 {all_} 件" if known > FIRST else f"全部 {all_} 件"


def _open(count: StreetCount | None) -> str:
    return "0" if count is None else f"{count.open:,}"


def _spots(drawing: Drawing, counts: Mapping[str, StreetCount]) -> tuple[MapSpot, ...]:
    made = []
    for spot in drawing.spots:
        count = counts.get(spot.code, StreetCount(street=spot.code))
        mark, number = _mark(count)
        long = len(spot.name) + (3 if spot.rough else 0)
        mark_x = spot.left + 8 + long * 26
        made.append(
            MapSpot(
                name=spot.name,
                x=spot.x,
                y=spot.y,
                left=spot.left,
                top=spot.top,
                wide=8 + long * 26 + (24 + 17 * len(str(number)) + 8 if mark else 0),
                rough=spot.rough,
                open=_open(count),
                mark=mark,
                mark_x=mark_x,
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
    limit = Limit(limit="", step=one.step, start=near, near_at=near, due_at=one.due_at, status=one.status)
    return DueLine(
        limit=spoken(limit, now, zone),
        case=one.case,
        title=names.kind(one.kind),
        street=names.street(one.street),
        unit=names.unit(one.lead),
    )


_LABELS: Mapping[str, tuple[str, str, str, str]] = {
    "today": ("今天受理", "Today", "", ""),
    "open": ("在办", "Open", "", ""),
    "overdue": ("超时", "Overdue", "overdue", "overdue"),
    "near": ("临期", "Near", "near", "near"),
    "whistles": ("吹哨在途", "Out", "whistle", "whistle"),
    "resolved": ("化解率", "Resolved", "", ""),
    "resolution_rate": ("化解率", "Resolved", "", ""),
}


def _figures(screen: Screen) -> tuple[Number, ...]:
    return tuple(_number(figure) for figure in screen.figures[:6])


def _number(figure: Figure) -> Number:
    chinese, english, shape, tone = _LABELS.get(figure.name, (figure.name, "", "", ""))
    share = figure.unit == "share" or (figure.unit == "" and figure.denominator is not None and "rate" in figure.name)
    if share:
        said = numbers.rate(figure)
        under = "重开的不算化解" if figure.denominator is None else f"{numbers.made_of(figure)} 件，重开的不算化解"
    else:
        said = numbers.count(None if figure.value is None else round(figure.value))
        under = "" if figure.denominator is None else f"共 {figure.denominator:,} 件里"
    calm = figure.value == 0 and bool(tone)
    return Number(chinese, english, "normal" if calm else shape, "normal" if calm else tone, said, under)
