"""Whom a call tries, and in which order."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.core.chains import call_chain, seat_chain
from services.notify.core.roster import DUTY_SEAT, Directory, directory_of, on_duty
from services.notify.events.deliveries import RosterUnit

from .examples import DIRECTORY, EVERY_DAY, NIGHT, NINE, post, shift


def people(chain) -> list[tuple[str, str | None]]:
    return [(step.role, step.staff) for step in chain.steps]


def test_a_whistle_for_the_head_tries_head_then_who_is_on_duty_then_the_seat_above():
    assert people(call_chain(DIRECTORY, "team", "head", NINE)) == [
        ("head", "u-head"),
        ("on_duty", "u-day"),
        ("duty_seat", "u-seat"),
    ]


def test_an_assignment_tries_who_is_on_duty_before_the_head():
    assert people(call_chain(DIRECTORY, "team", "on_duty", NINE)) == [
        ("on_duty", "u-day"),
        ("head", "u-head"),
        ("duty_seat", "u-seat"),
    ]


def test_at_night_the_empty_step_stands_in_the_chain_and_the_night_seat_follows():
    assert people(call_chain(DIRECTORY, "team", "on_duty", NIGHT)) == [
        ("on_duty", None),
        ("head", "u-head"),
        ("duty_seat", "u-night"),
    ]


def test_a_leader_is_called_by_post_not_by_whoever_is_head_of_the_office():
    assert people(call_chain(DIRECTORY, "leaders", "party_secretary", NINE))[0] == ("holder", "u-secretary")


def test_a_unit_that_nobody_knows_is_heard_at_the_districts_seat():
    assert [s.staff for s in call_chain(DIRECTORY, "gone", "head", NINE).steps if s.staff] == ["u-district"]


def test_a_seat_climbs_to_the_district():
    assert people(seat_chain(DIRECTORY, "street", NINE)) == [("duty_seat", "u-seat"), ("duty_seat", "u-district")]
    assert people(seat_chain(DIRECTORY, "team", NINE)) == people(seat_chain(DIRECTORY, "street", NINE))
    assert people(seat_chain(DIRECTORY, None, NINE)) == [("duty_seat", "u-district")]


def test_parents_in_a_ring_end():
    ring = directory_of([RosterUnit(unit="a", version=1, parent="b"), RosterUnit(unit="b", version=1, parent="a")])
    assert people(call_chain(ring, "a", "head", NINE)) == [("head", None), ("on_duty", None)]
    assert seat_chain(ring, "a", NINE).steps == ()


@pytest.mark.parametrize(
    ("hours", "minute", "there"),
    [((22, 6), 21 * 60 + 59, False), ((22, 6), 22 * 60, True), ((22, 6), 5 * 60 + 59, True), ((22, 6), 360, False)],
)
def test_a_shift_past_midnight(hours, minute, there):
    unit = RosterUnit(unit="x", version=1, posts=(post("p", "u", shifts=(shift("u", *hours),)),))
    local_midnight = NINE - timedelta(hours=9)
    assert bool(on_duty(unit, "p", local_midnight + timedelta(minutes=minute))) is there


def test_a_shift_past_midnight_belongs_to_the_weekday_on_which_it_begins():
    friday = RosterUnit(unit="x", version=1, posts=(post("p", "u", shifts=(shift("u", 22, 6, (5,)),)),))
    saturday_two = datetime.fromisoformat("2026-11-28T02:00:00+08:00")
    assert on_duty(friday, "p", saturday_two) == ("u",)
    assert on_duty(friday, "p", saturday_two - timedelta(days=1)) == ()


names = st.sampled_from(["a", "b", "c", "d"])
staff = st.sampled_from(["u1", "u2", "u3"])
shifts = st.lists(st.builds(shift, staff, st.integers(0, 23), st.integers(0, 24), st.just(EVERY_DAY)), max_size=2)
posts = st.builds(
    lambda name, people, when: post(name, *people, shifts=tuple(when)),
    st.sampled_from(["head", "on_duty", DUTY_SEAT, "leader"]),
    st.lists(staff, max_size=2, unique=True),
    shifts,
)
units = st.builds(
    lambda name, parent, ps: RosterUnit(unit=name, version=1, parent=parent, posts=tuple(ps)),
    names,
    st.none() | names,
    st.lists(posts, max_size=3, unique_by=lambda p: p.post),
)
directories = st.lists(units, max_size=4, unique_by=lambda u: u.unit).map(directory_of)


@given(directories, st.none() | names, st.sampled_from(["head", "on_duty", DUTY_SEAT, "leader"]))
def test_the_slice_alone_gives_the_same_chain_and_the_same_slice(directory: Directory, unit, name):
    for choose in (lambda d: call_chain(d, unit or "a", name, NINE), lambda d: seat_chain(d, unit, NINE)):
        chain = choose(directory)
        assert choose(directory_of(chain.roster)) == chain


@given(directories, names)
def test_nobody_is_tried_twice(directory: Directory, unit):
    tried = [step.staff for step in call_chain(directory, unit, "head", NINE).steps if step.staff]
    assert len(tried) == len(set(tried))
