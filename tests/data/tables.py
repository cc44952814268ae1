"""Readers and plane geometry for the tests of the shipped tables. Pure but for reading the files."""

from __future__ import annotations

import csv
import json
import math
from itertools import pairwise
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2] / "deploy"
DATA = ROOT / "data"
POLICY = ROOT / "policy"
Point = tuple[float, float]
Ring = list[Point]


def table(path: str) -> list[dict[str, str]]:
    with (DATA / path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def document(path: Path) -> dict:  # type: ignore[type-arg]
    loaded: dict = yaml.safe_load(path.read_text(encoding="utf-8"))  # type: ignore[type-arg]
    return loaded


def rings() -> dict[str, Ring]:
    features = json.loads((DATA / "hongqiao/outline.geojson").read_text(encoding="utf-8"))["features"]
    return {f["properties"]["id"]: [(x, y) for x, y in f["geometry"]["coordinates"][0]] for f in features}


def inside(point: Point, ring: Ring) -> bool:
    """Even-odd rule; degrees taken as a plane, which a district of ten kilometres allows."""
    x, y = point
    odd = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            odd = not odd
    return odd


def metres_to_border(point: Point, ring: Ring) -> float:
    kx, ky = 111_320 * math.cos(math.radians(point[1])), 110_950.0
    nearest = math.inf
    for a, b in pairwise(ring):
        ax, ay = (a[0] - point[0]) * kx, (a[1] - point[1]) * ky
        dx, dy = (b[0] - a[0]) * kx, (b[1] - a[1]) * ky
        length = dx * dx + dy * dy
        t = 0.0 if length == 0 else max(0.0, min(1.0, -(ax * dx + ay * dy) / length))
        nearest = min(nearest, math.hypot(ax + t * dx, ay + t * dy))
    return nearest
