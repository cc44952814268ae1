"""Places, numbers, search terms and the checks of what people type."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.core import hygiene, numbers, search
from services.intake.core.places import UNKNOWN, Directory, Found, Outline, Place, rounded, short_name
from services.intake.doors.directory import read_outline
from tests.intake.acting import unit

DATA = Path(__file__).parents[2] / "deploy" / "data"
DAY = date(2026, 1, 5)
SQUARE = Outline([(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)])
DIRECTORY = Directory(
    [
        unit("100", name="红桥区", kind="district", level="district", code="100"),
        unit("1", name="西于庄街道", kind="street", code="1", street="1", lon=1.0, lat=1.0),
        unit("2", name="大胡同街道", kind="street", code="2", lon=1.001, lat=1.0, valid_to=date(2019, 10, 31)),
        unit("3", name="芥园街道", kind="street", code="3", lon=1.02, lat=1.0),
        unit("101", name="增产里社区居委会", kind="community", level="community", code="101", street="1"),
        unit("301", name="红旗社区居委会", kind="community", level="community", code="301", parent="3"),
        unit("302", name="红旗第一社区居委会", kind="community", level="community", code="302", street="3"),
        unit("centre-1", parent="centre-0"),
        unit("centre-0", level="district", has_seat=True),
    ],
    SQUARE,
)


@pytest.mark.parametrize(
    ("place", "found"),
    [
        (Place(), Found()),
        (Place(community="101"), Found("101", "1")),
        (Place(community="301"), Found("301", "3")),
        (Place(community="1"), Found(UNKNOWN, "1")),
        (Place(community="unknown", lon=1.0, lat=1.0), Found(UNKNOWN, "1", True)),
        (Place(lon=1.015, lat=1.0), Found(UNKNOWN, "3", True)),
        (Place(lon=1.002, lat=1.0), Found(UNKNOWN, "1", True)),  # the nearest has ended
        (Place(lon=-1.0, lat=1.0), Found()),  # outside the district
        (Place(lon=5.0, lat=5.0), Found()),  # inside, but nothing near
        (Place(address="增产里 3 号楼"), Found("101", "1", True)),
        (Place(address="红旗第一社区 2 门"), Found("302", "3", True)),  # the longest name
        (Place(address="西于庄大街 1 号"), Found(UNKNOWN, "1", True)),
        (Place(address="某处", lon=1.0, lat=1.0), Found(UNKNOWN, "1", True)),
        (Place(address="某处"), Found()),
    ],
)
def test_resolving(place: Place, found: Found) -> None:
    assert DIRECTORY.resolve(place, DAY) == found


@pytest.mark.parametrize("code", ["999", "2", "centre-1"])
def test_codes_that_are_not_places_in_force_are_refused(code: str) -> None:
    with pytest.raises(KeyError):
        DIRECTORY.resolve(Place(community=code), DAY)


@pytest.mark.parametrize(
    ("name", "on", "there"),
    [("centre-1", DAY, True), ("2", DAY, False), ("2", date(2019, 10, 30), True), ("999", DAY, False)],
)
def test_a_unit_is_there_from_when_it_begins_until_it_ends(name: str, on: date, there: bool) -> None:
    assert DIRECTORY.has(name, on) is there


def test_the_duty_seat_is_the_nearest_parent_s_or_the_district_s() -> None:
    assert DIRECTORY.seat_of("centre-1") == "centre-0"
    assert DIRECTORY.seat_of(None) == DIRECTORY.seat_of("nobody") == "centre-0"
    assert Directory().seat_of("x") == ""


def test_numbers_are_in_the_street_s_name_and_the_year_of_tianjin() -> None:
    new_year = datetime(2025, 12, 31, 16, 30, tzinfo=UTC)
    series = numbers.series_of(DIRECTORY.series_of("1"), "incident")
    assert numbers.number(series, numbers.year_of(new_year), 1) == "西于庄 格〔2026〕0001 号"
    assert DIRECTORY.series_of(None) == "红桥" and short_name("和苑街道办事处") == "和苑"


def test_the_shipped_outline_tells_inside_from_outside() -> None:
    """The requests that the data call placeless lie outside, the rest inside (with the tolerance of a coarse line)."""
    outline = read_outline(DATA / "hongqiao" / "outline.geojson")
    assert outline is not None
    inside = {False: 0, True: 0}
    with (DATA / "demo" / "requests311.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if not row["lon"]:
                continue
            held = outline.holds(float(row["lon"]), float(row["lat"]))
            if row["unroutable"] == "no_place":
                assert not held, row["ref"]
            else:
                inside[held] += 1
    assert inside[False] == 0 and inside[True] > 900


@given(st.floats(116, 118))
def test_a_rounded_coordinate_is_within_fifty_metres_and_hides_the_rest(degrees: float) -> None:
    assert abs(rounded(degrees) - degrees) <= 0.00026 and rounded(rounded(degrees)) == rounded(degrees)


@pytest.mark.parametrize(
    ("number", "wrong"),
    [
        ("11010519491231002X", None),
        ("110105194912310021", "check_digit"),
        ("110105194913310021", "birth"),
        ("1", "form"),
    ],
)
def test_id_numbers(number: str, wrong: str | None) -> None:
    assert hygiene.id_number(number) == wrong


@given(st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_of_an_id_number_is_found(at: int, by: int) -> None:
    number = "11010519491231002X"
    changed = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]
    assert hygiene.id_number(changed) is not None


@pytest.mark.parametrize(
    "number", ["13800001234", "022-26551234", "+86 13800001234", "12345", "4008001234", "26551234"]
)
def test_telephones(number: str) -> None:
    assert hygiene.telephone(number) is None
    assert hygiene.telephone(number + "x") == "form"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("第一行\n第二行", None), ("a\0", "nul"), ("a\u202eb", "direction_marks"), ("\x1b", "control_characters"),
     ("\ud800", "control_characters"), ("👩‍👩‍👧 𠮷", None)],
)  # fmt: skip
def test_texts(text: str, wrong: str | None) -> None:
    assert hygiene.text(text) == wrong


def test_claimed_times() -> None:
    now = datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert hygiene.occurred(now + timedelta(minutes=2), now) is None
    assert hygiene.occurred(now + timedelta(minutes=2, seconds=1), now) == "in_future"
    assert hygiene.occurred(datetime(1948, 1, 1, tzinfo=UTC), now) == "too_early"
    assert hygiene.occurred(datetime(2026, 1, 5), now) == "no_zone"


def test_what_is_looked_for_matches_what_was_indexed() -> None:
    terms = search.of_name("欧阳 测试") | search.of_telephone("+86 138-0000-1234") | search.of_text("电梯夹伤，推诿")
    for query in ("欧阳", "阳测试", "13800001234", "138 0000", "1234", "电梯夹伤", "推诿"):
        assert any(way <= terms for way in search.of_query(query)), query
    for query in ("欧测", "9999", "13900", "楼道"):
        assert not any(way <= terms for way in search.of_query(query)), query
