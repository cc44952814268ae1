from datetime import timedelta

import msgspec
import pytest

from services.routing.core.leads import ALL_DECLINED, NO_PLACE, NO_ROUTE, UNIT_ENDED, Matter, lead
from services.routing.core.places import Place, locate
from services.routing.core.routes import PanelSeat, RouteTable, UnitNamed, in_force
from services.routing.events.assignments import Candidate
from tests.routing.town import EDITION, NINE, TABLE, TODAY, by_kind, route, view


def matter(kind, community=None, street=None, family="incident", declined=(), hops=0):
    return Matter(family, kind, locate(EDITION.directory, community, street, TODAY), declined, hops)


def propose(*args, loads=None, **kwargs):
    return lead(matter(*args, **kwargs), view(**(loads or {})), NINE)


def test_the_longest_kind_wins_within_its_family():
    assert TABLE.entry("dispute", "0402").id == "dispute/0402/street"
    assert TABLE.entry("dispute", "0499").id == "dispute/04/street"
    assert TABLE.entry("incident", "0402") is None
    assert TABLE.entry("dispute", "02").level == "community"
    assert TABLE.at_level("dispute", "0402", "district").id == "dispute/04/district"


def test_a_table_with_a_repeated_row_is_refused():
    row = route("incident", "05-", "street", by_kind("team", "street"))
    with pytest.raises(ValueError, match="incident/05-/street"):
        RouteTable(version=1, start=NINE, routes=(row, row))
    with pytest.raises(ValueError, match="entry of incident/05-"):
        RouteTable(version=1, start=NINE, routes=(row, route("incident", "05-", "district", UnitNamed(unit="x"))))


def test_rows_that_say_too_much_or_too_little_are_refused():
    for fields in ({}, {"unit": "x", "kind": "team", "of": "street"}, {"kind": "team"}, {"unit": "x", "of": "street"}):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(fields, UnitNamed)
    with pytest.raises(ValueError, match="one mediator"):
        route("dispute", "01", "street", UnitNamed(unit="x"), panel=(PanelSeat(seat="lawyer", of="street"),))


def test_the_table_in_force_is_the_last_that_has_started():
    later = RouteTable(version=2, start=NINE + timedelta(hours=1), routes=())
    assert in_force((TABLE, later), NINE) is TABLE
    assert in_force((TABLE, later), later.start) is later
    assert in_force((TABLE,), TABLE.start - timedelta(seconds=1)) is None


def test_the_unit_with_the_fewest_open_cases_leads_and_the_basis_says_so():
    event = propose("05-01", "C1", loads={"team_S1a": 3, "team_S1b": 2})
    assert (event.unit, event.centre, event.level) == ("team-S1b", "centre-S1", "street")
    assert event.informed == ("centre-S1",)
    assert event.basis.rule == "incident/05-/street"
    assert event.basis.place == "C1"
    assert event.basis.directory_version == 7
    assert event.basis.candidates == (
        Candidate(id="team-S1a", load=3, left_out="busier"),
        Candidate(id="team-S1b", load=2),
    )


def test_equal_loads_go_by_id():
    assert propose("05-01", "C1").unit == "team-S1a"


def test_the_most_specific_row_brings_its_assisting_unit():
    assert propose("0402", "C1", family="dispute").assisting == ("dept-housing",)
    assert propose("0401", "C1", family="dispute").assisting == ()


def test_a_unit_that_declined_is_left_out_and_then_the_case_goes_up():
    assert propose("05-01", "C1", declined=("team-S1a",)).unit == "team-S1b"
    up = propose("05-01", "C1", declined=("team-S1a", "team-S1b"), hops=2)
    assert (up.unit, up.level, up.centre, up.hops) == ("dept-housing", "district", "centre-D", 2)
    assert [c.left_out for c in up.basis.candidates] == ["declined", "declined", None]


def test_when_everybody_declined_the_duty_seat_decides():
    event = propose("05-01", "C1", declined=("team-S1a", "team-S1b", "dept-housing"))
    assert (event.reason, event.seat) == (ALL_DECLINED, "centre-S1")


def test_a_community_case_begins_at_its_station_and_its_street_supervises():
    event = propose("02", "C1", family="dispute")
    assert (event.unit, event.level) == ("station-C1", "community")
    assert event.centre == "centre-S1", "a station has no duty seat"


def test_unknown_community_begins_one_level_up():
    assert propose("02", None, "S1", family="dispute").unit == "centre-S1"


@pytest.mark.parametrize(
    ("kind", "community", "street", "family", "reason", "seat"),
    [
        ("05-01", None, None, "incident", NO_PLACE, "centre-D"),
        ("02", None, None, "dispute", NO_PLACE, "centre-D"),
        ("21-00", "C1", None, "incident", NO_ROUTE, "centre-S1"),
        ("06-01", "C1", None, "incident", UNIT_ENDED, "centre-S1"),
        ("05-01", None, "S8", "incident", UNIT_ENDED, "centre-D"),
    ],
)
def test_unroutable_goes_to_a_duty_seat_with_its_reason(kind, community, street, family, reason, seat):
    event = propose(kind, community, street, family=family)
    assert (event.reason, event.seat) == (reason, seat)


def test_what_the_district_leads_needs_no_street():
    assert propose("15", family="dispute").unit == "dept-housing"


def test_an_ended_team_is_passed_over():
    event = propose("05-01", "C2")
    assert event.unit == "dept-housing"
    assert event.basis.candidates[0] == Candidate(id="team-S2", load=0, left_out="ended")


def test_before_any_table_is_in_force_nothing_has_a_route():
    early = TABLE.start - timedelta(days=1)
    assert lead(Matter("incident", "05-01", Place("C1", "S1", "D"), (), 0), view(), early).reason == NO_ROUTE
