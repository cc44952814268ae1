"""The administrative units of Hongqiao, their label points, the outline, and the kinds."""

from __future__ import annotations

from collections import Counter
from datetime import date
from itertools import pairwise

from .tables import inside, rings, table

EDITIONS = {
    "2016-07-31", "2017-10-31", "2018-10-31", "2019-10-31", "2020-06-30", "2021-10-31", "2022-10-31", "2023-06-30",
}  # fmt: skip
UNITS = table("hongqiao/units.csv")
FAR = date.max


def span(row: dict[str, str]) -> tuple[date, date]:
    return date.fromisoformat(row["valid_from"]), date.fromisoformat(row["valid_to"]) if row["valid_to"] else FAR


def test_nine_streets_and_114_communities_are_in_force():
    now = Counter(row["kind"] for row in UNITS if not row["valid_to"])
    assert now == {"district": 1, "street": 9, "community": 114}


def test_the_two_streets_that_ended_have_the_successors_that_the_sources_name():
    in_force = {row["unit"] for row in UNITS if not row["valid_to"]}
    ended = {row["unit"]: row["successor"] for row in UNITS if row["kind"] == "street" and row["unit"] not in in_force}
    assert ended == {"120106002": "120113008", "120106011": "120106006"}


def test_validity_goes_by_editions_and_spans_of_a_unit_do_not_overlap():
    by_unit: dict[str, list[tuple[date, date]]] = {}
    for row in UNITS:
        assert {row["valid_from"]} <= EDITIONS and {row["valid_to"]} <= EDITIONS | {""}
        start, end = span(row)
        assert start < end, row
        by_unit.setdefault(row["unit"], []).append((start, end))
    for unit, spans in by_unit.items():
        assert all(a[1] <= b[0] for a, b in pairwise(sorted(spans))), unit


def test_a_unit_lives_within_the_life_of_its_parent():
    life: dict[str, list[tuple[date, date]]] = {}
    for row in UNITS:
        life.setdefault(row["unit"], []).append(span(row))
    for row in UNITS:
        if row["kind"] == "district":
            assert row["parent"] == ""
            continue
        start, end = span(row)
        parents = life[row["parent"]]
        assert min(a for a, _ in parents) <= start and end <= max(b for _, b in parents), row
        assert row["unit"].startswith(row["parent"])


def test_a_successor_is_known_or_said_to_be_unknown():
    known = {row["unit"] for row in UNITS}
    for row in UNITS:
        if not row["valid_to"]:
            assert row["successor"] == ""
        else:
            said = row["successor"]
            assert said == "none known" or said in known or said.startswith("120113008"), row
    unknown = [row for row in UNITS if row["successor"] == "none known"]
    assert len(unknown) == 97 and all(row["kind"] != "street" for row in unknown)


def test_every_row_has_names_and_a_source():
    for row in UNITS:
        assert (
            row["name"]
            and row["name_en"].isascii()
            and row["name_en"][0].isupper()
            and row["source"].startswith("nbs:")
        )


def test_label_points_belong_to_units_and_lie_in_the_district():
    known, outlines, places = {row["unit"] for row in UNITS}, rings(), table("hongqiao/places.csv")
    assert len({row["unit"] for row in places}) == len(places)
    for row in places:
        assert row["unit"] in known and row["quality"] in {"label", "rough"}
        point = float(row["lon"]), float(row["lat"])
        assert any(inside(point, ring) for ring in outlines.values()), row
    streets = {row["unit"] for row in UNITS if row["kind"] == "street" and not row["valid_to"]}
    assert streets <= {row["unit"] for row in places}


def test_the_outlines_are_closed_and_only_the_current_one_has_heyuan():
    outlines = rings()
    assert all(ring[0] == ring[-1] for ring in outlines.values())
    (heyuan,) = ((float(r["lon"]), float(r["lat"])) for r in table("hongqiao/places.csv") if r["unit"] == "120106012")
    assert inside(heyuan, outlines["120106-current"]) and not inside(heyuan, outlines["120106-2016"])


def test_kinds_have_two_families_and_unique_codes():
    kinds = table("kinds.csv")
    assert len({row["code"] for row in kinds}) == len(kinds)
    assert Counter(row["family"] for row in kinds) == {"dispute": 78, "incident": 54 + 1}
    assert {"0101", "0402", "05-01"} <= {row["code"] for row in kinds}
    for row in kinds:
        assert row["code"].startswith(row["class_code"]) and ("-" in row["code"]) == (row["family"] == "incident")
        assert all(row[c] for c in row) and row["name_en"].isascii() and not row["name_zh"].isascii()
