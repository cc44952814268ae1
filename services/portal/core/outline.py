"""The district's outline and the centres of its streets as a drawing: label points, not borders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, radians

from services.portal.core.catalogue import Place

RADIUS = 21.0
HEIGHT = 32.0


@dataclass(frozen=True, slots=True)
class Spot:
    """A street: circle at x, y; its label's box from left, top. place: right, left, below, above. rough: derived."""

    code: str
    name: str
    x: float
    y: float
    left: float
    top: float
    width: float
    rough: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """`path` is the `d` of an SVG path in a box of width × height; `beside`: streets without a point."""

    path: str
    width: float
    height: float
    spots: tuple[Spot, ...]
    beside: tuple[Place, ...]


Ring = Sequence[tuple[float, float]]


def draw(
    ring: Ring, streets: Sequence[Place], widths: Mapping[str, float], width: float, height: float, margin: float
) -> Drawing:
    """Fit an outline and points into a box, north up.

    Args:
        ring: the outline as longitude, latitude in WGS 84 degrees. Empty: the streets alone decide the fit.
        streets: with or without a point. widths: of their labels, by code, in the drawing's units.
        margin: room kept on all sides, in the same units.
    """
    placed = [street for street in streets if street.lon is not None and street.lat is not None]
    points = [*ring, *((street.lon or 0.0, street.lat or 0.0) for street in placed)]
    if not points:
        return Drawing("", width, height, (), tuple(streets))
    fit = _Fit.over(points, width, height, margin)
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in map(fit, ring)) + "Z" if ring else ""
    beside = tuple(street for street in streets if street.lon is None or street.lat is None)
    return Drawing(path, width, height, _spots(placed, widths, fit, width), beside)


@dataclass(frozen=True, slots=True)
class _Fit:
    """Degrees to the drawing: an equirectangular projection, right enough for one district."""

    west: float
    north: float
    across: float
    scale: float
    left: float
    top: float

    @staticmethod
    def over(points: Sequence[tuple[float, float]], width: float, height: float, margin: float) -> _Fit:
        west, east = min(p[0] for p in points), max(p[0] for p in points)
        south, north = min(p[1] for p in points), max(p[1] for p in points)
        across = cos(radians((south + north) / 2))
        wide, high = max((east - west) * across, 1e-9), max(north - south, 1e-9)
        scale = min((width - 2 * margin) / wide, (height - 2 * margin) / high)
        return _Fit(west, north, across, scale, (width - wide * scale) / 2, (height - high * scale) / 2)

    def __call__(self, point: tuple[float, float]) -> tuple[float, float]:
        return (
            self.left + (point[0] - self.west) * self.across * self.scale,
            self.top + (self.north - point[1]) * self.scale,
        )


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


def _spots(streets: Sequence[Place], widths: Mapping[str, float], fit: _Fit, width: float) -> tuple[Spot, ...]:
    """Place each label right, left, below or above of its circle: the first that meets nothing; else the least bad."""
    centres = [(street, *fit((street.lon or 0.0, street.lat or 0.0))) for street in streets]
    taken = [_Box(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for _, x, y in centres]
    spots = []
    for index, (street, x, y) in enumerate(centres):
        name = street.name.removesuffix("办事处").removesuffix("街道")
        long = widths[street.code]
        others = [box for number, box in enumerate(taken) if number != index]
        box = min(_around(x, y, long), key=lambda one: _badness(one, others, width))
        taken.append(box)
        spots.append(Spot(street.code, name, x, y, box.left, box.top, long, street.rough))
    return tuple(spots)


def _around(x: float, y: float, long: float) -> tuple[_Box, ...]:
    gap, half = RADIUS + 6, HEIGHT / 2
    return (
        _Box(x + gap, y - half, x + gap + long, y + half),
        _Box(x - gap - long, y - half, x - gap, y + half),
        _Box(x - long / 2, y + gap, x + long / 2, y + gap + HEIGHT),
        _Box(x - long / 2, y - gap - HEIGHT, x + long / 2, y - gap),
    )


def _badness(box: _Box, others: Sequence[_Box], width: float) -> int:
    outside = 4 if box.left < 0 or box.right > width else 0
    return outside + sum(box.meets(other) for other in others)
