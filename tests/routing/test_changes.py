"""Which versions an import makes, and what is refused."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.routing.core.changes import begins_too_late, draft, new_versions
from services.routing.core.checks import directory_faults, route_faults, unit_faults
from services.routing.core.directory import Directory
from services.routing.events.directory import Post, Shift
from tests.routing.town import EDITION, NINE, TABLE, TODAY, UNITS, ZONE, mediator, place, unit

LATER = NINE + timedelta(days=1)
OLD = place("S3", "street", "D", name="old", valid_to=date(2020, 1, 1))
NEW = place("S3", "street", "D", name="new", valid_from=date(2020, 1, 1))


def test_the_first_import_numbers_spans_in_order_of_validity():
    made = new_versions([], [NEW, OLD], NINE)
    assert [(unit.name, unit.version, unit.changed_at) for unit in made] == [("old", 1, NINE), ("new", 2, NINE)]


@given(st.lists(st.sampled_from([draft(unit) for unit in (*UNITS, OLD, NEW)]), unique=True))
def test_importing_the_same_twice_makes_nothing(drafts):
    made = new_versions([], drafts, NINE)
    assert len(made) == len(drafts)
    assert new_versions(made, drafts, LATER) == []


def test_a_changed_unit_gets_a_version_and_the_others_none():
    made = new_versions([], UNITS, NINE)
    changed = [replace(unit, name="renamed") if unit.unit == "S1" else unit for unit in UNITS]
    (one,) = new_versions(made, changed, LATER)
    assert (one.unit, one.version, one.name, one.changed_at) == ("S1", 2, "renamed", LATER)


def test_after_a_corrected_past_the_present_is_published_again_as_the_newest():
    made = new_versions([], [OLD, NEW], NINE)
    again = new_versions(made, [replace(OLD, name="older"), NEW], LATER)
    assert [(unit.name, unit.version) for unit in again] == [("older", 3), ("new", 4)]
    assert Directory([*made, *again], ZONE).unit("S3", TODAY).name == "new"


def test_a_new_version_of_a_standing_unit_begins_today_at_the_latest():
    made = new_versions([], [OLD, NEW], NINE)
    tomorrow = place("S3", "street", "D", valid_from=TODAY + timedelta(days=1))
    brand_new = place("S4", "street", "D", valid_from=TODAY + timedelta(days=1))
    assert begins_too_late(made, new_versions(made, [tomorrow, brand_new], LATER), TODAY) == ["S3"]


def faults(*changed):
    units = [*(u for u in UNITS if u.unit not in {c.unit for c in changed}), *changed]
    return directory_faults(Directory(units, ZONE), changed, TODAY)


def test_the_towns_directory_and_routes_are_sound_but_for_the_unit_that_ended():
    sound = [replace(u, posts=(), mediators=()) for u in UNITS if u.unit not in ("centre-D", "centre-S1", "centre-S2")]
    assert directory_faults(EDITION.directory, sound, TODAY) == []
    kinds = [("incident", "05-01"), ("incident", "06-01"), ("dispute", "02"), ("dispute", "0402"), ("dispute", "15")]
    assert route_faults(TABLE, EDITION.directory, kinds, TODAY) == [
        "route incident/06-/street: the unit dept-gone is not in force on 2026-01-05"
    ]
    assert route_faults(TABLE, EDITION.directory, kinds[1:], TODAY)[0] == (
        "route incident/05-/street: no kind of incident begins with '05-'"
    )


def test_what_hangs_in_the_air_is_named():
    assert faults(unit("x", "team", "street", "S1", parent="nobody")) == [
        "x: its parent nobody is not in the directory"
    ]
    assert faults(unit("x", "team", "street", "nowhere", parent="centre-S1")) == [
        "x: the place nowhere that it serves is not in the directory"
    ]


def test_nobody_stands_above_himself():
    assert faults(unit("centre-D", "centre", "district", "D", parent="centre-S1", posts=()))[0] == (
        "centre-D: it stands above itself"
    )


def test_a_directory_without_a_duty_seat_is_refused():
    assert "no duty_seat" in faults(unit("centre-D", "centre", "district", "D", parent="D", posts=()))[-1]


def test_one_unit_by_itself():
    shift = Shift(staff="u-0002", weekdays=(0,), start="8:00", end="25:00")
    wrong = unit(
        "x",
        "team",
        "village",
        lon=1.0,
        valid_to=date(2016, 7, 31),
        posts=(Post(post="head", staff=("somebody",), shifts=(shift,)),),
        mediators=(mediator("u-0001", cap=0),),
    )
    said = unit_faults(wrong)
    for word in ("level", "ends on", "lon and lat", "does not hold it", "weekdays", "HH:MM", "cap", "no staff id"):
        assert any(word in fault for fault in said), word
