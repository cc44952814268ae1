from datetime import UTC, date, datetime

from services.routing.core.directory import Directory
from services.routing.core.places import Place, locate
from tests.routing.town import EDITION, SEAT, TODAY, UNITS, ZONE, place, unit

DIRECTORY = EDITION.directory


def ids(units):
    return [unit.unit for unit in units]


def test_a_unit_stands_only_within_its_validity():
    assert DIRECTORY.unit("S9", date(2019, 10, 30)) is not None
    assert DIRECTORY.unit("S9", date(2019, 10, 31)) is None
    assert DIRECTORY.unit("S9", date(2016, 7, 30)) is None


def test_the_newest_version_whose_validity_holds_the_day_counts():
    old = place("S3", "street", "D", name="old", valid_to=date(2020, 1, 1))
    new = place("S3", "street", "D", name="new", version=2, valid_from=date(2020, 1, 1))
    corrected = place("S3", "street", "D", name="corrected", version=3, valid_from=date(2020, 1, 1))
    directory = Directory([corrected, old, new], ZONE)
    assert directory.unit("S3", date(2019, 12, 31)).name == "old"
    assert directory.unit("S3", date(2020, 1, 1)).name == "corrected"


def test_the_day_is_the_districts_own():
    assert DIRECTORY.day(datetime(2026, 1, 4, 16, tzinfo=UTC)) == TODAY
    assert DIRECTORY.day(datetime(2026, 1, 4, 15, 59, tzinfo=UTC)) == date(2026, 1, 4)


def test_successors_are_followed_and_circles_are_left():
    chain = Directory(
        [
            place("A", "street", None, valid_to=date(2018, 1, 1), successor="B"),
            place("B", "street", None, valid_to=date(2019, 1, 1), successor="C"),
            place("C", "street", None),
            place("X", "street", None, valid_to=date(2018, 1, 1), successor="Y"),
            place("Y", "street", None, valid_to=date(2018, 1, 1), successor="X"),
        ],
        ZONE,
    )
    assert chain.successor("A", TODAY).unit == "C"
    assert chain.successor("X", TODAY) is None
    assert DIRECTORY.successor("C9", TODAY) is None, "none known"
    assert DIRECTORY.successor("S8", TODAY) is None, "outside the district"


def test_what_serves_a_code():
    assert ids(DIRECTORY.serving("team", "S1", "street", TODAY)) == ["team-S1a", "team-S1b"]
    assert ids(DIRECTORY.serving("team", "S2", "street", TODAY)) == [], "it has ended"
    assert DIRECTORY.ever_serving("team", "S2", "street") == ("team-S2",)
    assert DIRECTORY.centre("street", "S2", TODAY).unit == "centre-S2"
    assert ids(DIRECTORY.ancestors("station-C1", TODAY)) == ["centre-S1", "centre-D", "D"]
    assert DIRECTORY.district(TODAY) == "D"


def test_the_seat_of_the_street_comes_before_that_of_the_district():
    assert DIRECTORY.seat("S1", TODAY).unit == "centre-S1"
    assert DIRECTORY.seat(None, TODAY).unit == "centre-D"
    bare = Directory([place("D", "district", None), unit("centre-S1", "centre", "street", "S1")], ZONE)
    assert bare.seat("S1", TODAY) is None


def at(hour: int, day: int = 5) -> datetime:
    return datetime(2026, 1, day, hour, tzinfo=ZONE)


def test_shifts_run_past_midnight_and_belong_to_the_day_of_their_start():
    centre = unit("x", "centre", "street", posts=SEAT)

    def on_duty(moment):
        return DIRECTORY.on_duty(centre, "duty_seat", moment)

    assert on_duty(at(8)) == ("u-day",), "start inclusive"
    assert on_duty(at(20)) == ("u-night",), "end exclusive"
    assert on_duty(at(7)) == (), "Sunday has no night shift, so nobody is on duty on Monday before eight"
    assert on_duty(at(7, day=6)) == ("u-night",)
    assert on_duty(at(3, day=10)) == ("u-night",), "Friday's night runs into Saturday"
    assert DIRECTORY.on_duty(centre, "head", at(9)) == ()


def test_where_a_case_is():
    assert locate(DIRECTORY, "C1", None, TODAY) == Place("C1", "S1", "D")
    assert locate(DIRECTORY, None, "S1", TODAY) == Place(None, "S1", "D")
    assert locate(DIRECTORY, None, None, TODAY) == Place(None, None, "D")


def test_ended_codes_lead_to_a_successor_or_a_level_up():
    assert locate(DIRECTORY, "C8", None, TODAY) == Place("C2", "S2", "D")
    assert locate(DIRECTORY, "C9", None, TODAY) == Place(None, "S1", "D", ended="C9")
    assert locate(DIRECTORY, None, "S9", TODAY) == Place(None, "S2", "D")
    assert locate(DIRECTORY, None, "S8", TODAY) == Place(None, None, "D", ended="S8")
    assert locate(DIRECTORY, "never", "S1", TODAY) == Place(None, "S1", "D")


def test_all_units_of_a_day_are_in_force():
    found = ids(DIRECTORY.all(TODAY))
    assert found == sorted(found)
    assert {"S9", "S8", "C9", "C8", "team-S2", "dept-gone"} == {u.unit for u in UNITS} - set(found)
