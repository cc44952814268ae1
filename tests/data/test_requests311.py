"""The thousand requests of the demo."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from .tables import DATA, inside, metres_to_border, rings, table

REQUESTS = table("demo/requests311.csv")
MAPPING = {row["nyc_type"]: row["kind"] for row in table("demo/kinds311.csv")}
INCIDENTS = {row["code"] for row in table("kinds.csv") if row["family"] == "incident"}
# Eleven-digit mobile numbers, eighteen-digit identity numbers, North American telephones and social security numbers.
PERSONAL = re.compile(r"(?<!\d)(1[3-9]\d{9}|\d{17}[\dXx]|\d{3}-\d{2}-\d{4}|\(?\d{3}\)?[ -]\d{3}-\d{4})(?!\d)")


def test_a_thousand_in_order_of_time_with_numbers_of_our_own():
    assert [row["ref"] for row in REQUESTS] == [f"D{n:04}" for n in range(1, 1001)]
    times = [int(row["offset_s"]) for row in REQUESTS]
    assert times[0] == 0 and all(a <= b for a, b in pairwise(times)) and times[-1] < 2 * 86_400


def test_kinds_are_ours_and_follow_the_mapping():
    assert set(MAPPING.values()) <= INCIDENTS
    assert all(row["kind"] == MAPPING[row["nyc_type"]] for row in REQUESTS)
    assert len({row["kind"] for row in REQUESTS}) >= 10


def test_at_least_one_in_a_hundred_is_unroutable_and_each_for_the_reason_given():
    outlines = rings().values()
    for row in REQUESTS:
        assert bool(row["lon"]) == bool(row["lat"])
        point = (float(row["lon"]), float(row["lat"])) if row["lon"] else None
        placed = point is not None and any(inside(point, ring) for ring in outlines)
        reason = "no_place" if not placed else "no_route" if row["kind"] == "21-00" else ""
        assert row["unroutable"] == reason, row
        if point and not placed:
            assert min(metres_to_border(point, ring) for ring in outlines) >= 300
    assert sum(bool(row["unroutable"]) for row in REQUESTS) >= 10


def test_places_of_the_others_lie_in_the_current_outline_and_are_coarse():
    current = rings()["120106-current"]
    for row in REQUESTS:
        if not row["unroutable"]:
            assert inside((float(row["lon"]), float(row["lat"])), current)
        for value in (row["lon"], row["lat"]):
            assert re.fullmatch(r"(\d{2,3}\.\d{4})?", value)


def test_closings_are_minutes_or_open():
    closed = [float(row["minutes_to_close"]) for row in REQUESTS if row["minutes_to_close"]]
    assert min(closed) >= 0.1 and len(closed) >= 900 and len(closed) < 1000


FILES = sorted(
    p for p in DATA.parent.rglob("*") if p.parts[len(DATA.parent.parts)] in {"data", "policy"} and p.is_file()
)


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.suffix in {".csv", ".yaml", ".geojson", ".md"}], ids=lambda p: p.name
)
def test_nothing_looks_like_a_telephone_or_an_identity_number(path):
    text = re.sub(r"https?://\S+", "", path.read_text(encoding="utf-8"))  # an article's number is nobody's
    assert not PERSONAL.search(text), PERSONAL.search(text)


def test_the_search_for_numbers_of_people_can_find_them():
    for planted in ("tel 13812345678.", "11010519491231002X", "078-05-1120", "(212) 555-0100"):
        assert PERSONAL.search(planted)
    assert not PERSONAL.search("120106001002,117.158270,39.165182")
