"""The small pure parts: who works for a unit, timelines, latency, the vendor's morning, lines of the display."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.commands import accounts
from deploy.commands.directory import read_files
from deploy.demo.cast import working
from deploy.demo.display import lines_each
from deploy.demo.latency import latencies, measured
from deploy.demo.outside import reported
from deploy.demo.schedule import Request
from deploy.demo.stage import TWO_OF_EACH, scale
from deploy.demo.stories import lift
from deploy.demo.stories.vendor import ZONE, picture, seven
from deploy.demo.timeline import timeline
from deploy.demo.views import Logged
from deploy.setup import District, shown
from services.intake.core import hygiene
from services.intake.doors import cloudevents
from services.intake.events import facts, reception
from services.intake.store.photos import media_type_of
from services.kernel.core import Record
from services.portal.core.catalogue import Catalogue

from .books import SEVEN, two

PEOPLE = accounts.read(District().people)


def test_every_unit_that_leads_incidents_has_somebody_who_works():
    found = working(PEOPLE.accounts)
    assert found["enforce-120106001"].post == "on_duty"
    assert found["dept-urban-management"].post == "on_duty"
    assert all(found[entry.unit].unit == entry.unit for entry in PEOPLE.accounts if entry.post == "on_duty")


def test_somebody_on_duty_goes_before_the_head_in_any_order():
    pair = [entry for entry in PEOPLE.accounts if entry.unit == "enforce-120106003"]
    assert working(pair)["enforce-120106003"].post == working(pair[::-1])["enforce-120106003"].post == "on_duty"


def test_the_lifts_mediator_is_the_only_one_of_level_gold_that_its_centre_has():
    read = read_files()
    centre = next(unit for unit in read.units if unit.unit == lift.CENTRE)
    gold = [one.staff for one in centre.mediators if one.role == "mediator" and one.level == "gold"]
    assert gold == [entry.staff for entry in PEOPLE.accounts if entry.login == lift.GOLD]
    (route,) = [one for one in read.table.routes if (one.family, one.kind) == ("dispute", lift.KIND)]
    assert [seat.level for seat in route.panel if seat.seat == "mediator"] == ["gold"]


def test_the_accounts_shown_are_the_marked_ones_and_bear_their_passwords():
    drawn = {entry.login: f"pw-{entry.login}" for entry in PEOPLE.accounts}
    text = shown(PEOPLE, drawn)
    assert "pw-duty-001 " in text
    assert "pw-duty-003" not in text


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))
def test_seven_oclock_is_the_last_one_that_has_been(now: datetime):
    at = seven(now)
    assert timedelta() <= now - at < timedelta(days=1)
    assert (at.astimezone(ZONE).hour, at.minute, at.second) == (7, 0, 0)
    assert hygiene.occurred(at, now) is None


def test_the_picture_is_a_photo_as_intake_knows_them():
    assert media_type_of(picture()) == "image/png"


def test_what_the_outside_system_sends_is_read_by_intakes_own_door():
    request = Request("D0001", 0, "05-01", 117.15, 39.16, 5.0, "")
    event = reported(request, "a1b2c3", SEVEN)
    sent = cloudevents.read(Record("inbound.demo311", 0, 0, None, msgspec.json.encode(event), (), 0), "demo311")
    assert isinstance(sent, cloudevents.Sent)
    assert (sent.event_id, sent.event) == ("a1b2c3-D0001", event.data)


def test_a_timeline_goes_by_the_time_of_the_fact_and_counts_from_the_first_event():
    def logged(number: int, event: reception.Accepted | facts.LimitMissed, at: datetime, fact: datetime) -> Logged:
        data = msgspec.Raw(msgspec.json.encode(event))
        return Logged(sequence=number, id=str(number), type=event.TYPE, time=at, fact_at=fact, data=data)

    at = [SEVEN + timedelta(seconds=n) for n in range(4)]
    late = facts.LimitMissed(fact_at=at[1], limit="accept#1", step="accept", due_at=at[1])
    log = [
        logged(1, reception.Accepted(unit="u", by="u-1"), at[0], at[0]),
        logged(2, reception.Accepted(unit="u", by="u-1"), at[2], at[2]),
        logged(3, late, at[3], at[1]),
    ]
    lines = timeline(log, Catalogue())
    assert [line.after_s for line in lines] == [0, 1, 2]
    assert lines[1].english == "limit missed"
    assert timeline([], Catalogue()) == []


def test_latency_is_from_registered_to_the_first_of_each():
    books, did = two()
    case = did.cases["D1"]
    found = latencies(books.records["case.intake"], {case: SEVEN + timedelta(seconds=1)})
    assert [(one.count, one.median_ms) for one in found] == [(2, 0), (1, 1000), (2, 250)]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=300))
def test_the_percentile_is_one_of_the_values_and_leaves_at_most_one_in_a_hundred_above(spans: list[float]):
    found = measured("x", spans)
    assert sum(span * 1000 > found.p99_ms + 1e-6 for span in spans) <= len(spans) / 100
    assert found.p99_ms in [span * 1000 for span in spans]


def test_nothing_measured_is_said_as_such():
    assert measured("x", []).count == 0


def test_two_workers_run_where_there_is_memory_for_them():
    assert scale(TWO_OF_EACH) == {"routing": 2, "escalation": 2}
    assert scale(TWO_OF_EACH - 1) == {}


@pytest.mark.parametrize(("height", "tracks"), [(24, 4), (50, 4), (10, 4), (24, 0)])
def test_all_stories_fit_into_a_terminal_of_usual_height(height: int, tracks: int):
    lines = lines_each(height, tracks)
    assert lines >= 1
    assert height < 24 or tracks * (lines + 2) + 2 <= height
