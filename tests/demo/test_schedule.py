"""The compressed day: what is sent when, and what is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.demo import schedule
from deploy.demo.perform import REQUESTS
from deploy.demo.schedule import LATEST_S, SOONEST_S, Request, compressed, left_alone, plan

DAY = schedule.read(REQUESTS)


def request(ref: str, minutes: float | None = 10.0, unroutable: str = "", offset_s: float = 0.0) -> Request:
    return Request(ref, offset_s, "05-01", 117.15, 39.16, minutes, unroutable)


def test_the_table_has_a_thousand_requests_of_one_day_and_some_that_nobody_leads():
    assert len(DAY) == len({one.ref for one in DAY}) == 1000
    assert all(0 <= one.offset_s <= schedule.DAY_S for one in DAY)
    assert sum(bool(one.unroutable) for one in DAY) >= 10


@given(st.integers())
def test_a_seed_leaves_twenty_routable_closed_requests_alone_and_always_the_same(seed: int):
    alone = left_alone(DAY, seed, 20)
    by_ref = {one.ref: one for one in DAY}
    assert len(alone) == 20
    assert alone == left_alone(list(reversed(DAY)), seed, 20)
    assert all(by_ref[ref].minutes_to_close is not None and not by_ref[ref].unroutable for ref in alone)


def test_another_seed_leaves_others_alone():
    assert left_alone(DAY, 1, 20) != left_alone(DAY, 2, 20)


def test_fewer_than_asked_for_are_left_where_there_are_fewer():
    assert left_alone([request("D1"), request("D2", unroutable="no_route"), request("D3", None)], 1, 20) == {"D1"}


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_longer_stays_longer_and_within_the_limits_of_the_demo(one: float, other: float):
    shorter, longer = sorted((one, other))
    assert SOONEST_S <= compressed(shorter) <= compressed(longer) <= LATEST_S


def test_the_day_is_sent_in_order_within_the_time_given():
    planned = plan(DAY, 311, 60.0)
    times = [one.send_s for one in planned]
    assert times == sorted(times)
    assert times[0] == 0.0
    assert times[-1] <= 60.0
    assert {one.request.ref for one in planned} == {one.ref for one in DAY}


def test_what_was_never_closed_or_was_chosen_is_left_and_nothing_else():
    planned = plan(DAY, 311, 60.0, left=20)
    alone = left_alone(DAY, 311, 20)
    left = {one.request.ref for one in planned if one.dispose_s is None}
    assert left == alone | {one.ref for one in DAY if one.minutes_to_close is None}


@pytest.mark.parametrize(("offset_s", "send_s"), [(0, 0), (43_200, 30), (86_400, 60)])
def test_offsets_shrink_by_one_scale(offset_s: float, send_s: float):
    assert plan([request("D1", offset_s=offset_s)], 1, 60.0)[0].send_s == pytest.approx(send_s)
