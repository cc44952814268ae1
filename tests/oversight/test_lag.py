"""Lag and its states, from looks alone."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.oversight.core.lag import (
    GroupSeen,
    Look,
    PartitionLag,
    Patience,
    Place,
    Sight,
    State,
    Track,
    by_group,
    survey,
)

NINE = datetime(2026, 11, 24, 1, tzinfo=UTC)
PATIENCE = Patience(behind=timedelta(seconds=5), stalled=timedelta(seconds=15))


def after(seconds: float) -> datetime:
    return NINE + timedelta(seconds=seconds)


def look(
    seconds: float, committed: int | None, end: int, *, members: int = 1, age: float | None = None, begin: int = 0
) -> Look:
    oldest = None if age is None else after(seconds - age)
    return Look(
        after(seconds), (GroupSeen("escalation", members, {("case.intake", 3): Sight(committed, begin, end, oldest)}),)
    )


def last(looks: Iterable[Look]) -> PartitionLag:
    tracks: dict[Place, Track] = {}
    verdicts: tuple[PartitionLag, ...] = ()
    for each in looks:
        tracks, verdicts = survey(tracks, each, PATIENCE)
    return verdicts[-1]


def test_a_group_that_keeps_up_is_ok_and_waits_zero_seconds() -> None:
    seen = last([look(0, 10, 10)])
    assert (seen.lag, seen.seconds, seen.state) == (0, 0.0, State.OK)


def test_a_quiet_topic_is_ok_however_long_ago_the_last_commit() -> None:
    assert last([look(0, 10, 10), look(90_000, 10, 10)]).state is State.OK


def test_a_record_that_has_just_come_to_a_quiet_topic_is_no_stall() -> None:
    seen = last([look(0, 10, 10), look(90_000, 10, 11, age=0.2)])
    assert seen.seconds == pytest.approx(0.2)
    assert (seen.lag, seen.state) == (1, State.OK)


def test_moving_but_old_is_behind() -> None:
    assert last([look(s, s, 1000, age=60) for s in range(0, 40, 2)]).state is State.BEHIND


def test_members_without_commits_while_records_wait_are_stalled() -> None:
    states = [last([look(s, 10, 12, age=s) for s in range(0, until, 2)]).state for until in (16, 18)]
    assert states == [State.BEHIND, State.STALLED]


def test_one_commit_ends_a_stall() -> None:
    assert last([*(look(s, 10, 12, age=s) for s in range(0, 30, 2)), look(30, 11, 12, age=1)]).state is State.OK


@pytest.mark.parametrize(("committed", "end"), [(10, 12), (10, 10), (None, 3)])
def test_nobody_in_the_group_is_stopped_not_stalled(committed: int | None, end: int) -> None:
    assert last([look(s, committed, end, members=0, age=s) for s in range(0, 60, 2)]).state is State.STOPPED


def test_taken_back_is_rewound_until_it_has_caught_up() -> None:
    looks = [look(0, 100, 100), look(2, 40, 100, age=1), look(4, 90, 100, age=1), look(6, 100, 100)]
    assert [last(looks[: n + 1]).state for n in range(4)] == [State.OK, State.REWOUND, State.REWOUND, State.OK]


def test_no_commit_counts_from_the_beginning_and_says_minus_one() -> None:
    seen = last([look(0, None, 12, begin=2, age=1)])
    assert (seen.current, seen.lag) == (-1, 10)


def test_an_empty_partition_that_nobody_committed_is_ok() -> None:
    seen = last([look(0, None, 7, begin=7)])
    assert (seen.lag, seen.seconds, seen.state) == (0, 0.0, State.OK)


def test_an_unknown_age_is_none_and_never_a_number() -> None:
    assert last([look(0, 1, 3)]).seconds is None


def test_trend_and_last_commit() -> None:
    seen = last([look(0, 10, 10), look(2, 12, 20, age=1), look(4, 12, 40, age=1)])
    assert (seen.trend, seen.moved_at) == (28, after(2))


def test_what_the_broker_forgets_disappears() -> None:
    tracks, _ = survey({}, look(0, 1, 3), PATIENCE)
    assert survey(tracks, Look(after(2), ()), PATIENCE) == ({}, ())


def test_a_group_shows_its_worst_partition_and_a_stopped_group_stays() -> None:
    idle = GroupSeen("notify", 0, {})
    sights = {("case.intake", 0): Sight(5, 0, 5), ("case.intake", 1): Sight(1, 0, 5, after(-9))}
    groups = (idle, GroupSeen("routing", 2, sights))
    _, verdicts = survey({}, Look(NINE, groups), PATIENCE)
    stopped, routing = by_group(verdicts, groups)
    assert (stopped.group, stopped.state, stopped.lag) == ("notify", State.STOPPED, 0)
    assert (routing.state, routing.lag, routing.seconds, routing.members) == (State.BEHIND, 4, 9.0, 2)


sights = st.builds(
    Sight,
    committed=st.none() | st.integers(0, 50),
    begin=st.integers(0, 20),
    end=st.integers(20, 60),
    oldest=st.none() | st.integers(-100, 100).map(after),
)


@given(st.lists(st.tuples(sights, st.integers(0, 2)), min_size=1, max_size=40))
def test_lag_is_never_negative_and_zero_lag_is_zero_seconds(steps: list[tuple[Sight, int]]) -> None:
    looks = [
        Look(after(2 * n), (GroupSeen("g", members, {("t", 0): sight}),)) for n, (sight, members) in enumerate(steps)
    ]
    seen = last(looks)
    assert seen.lag >= 0
    assert seen.seconds is None or seen.seconds >= 0
    assert (seen.lag == 0) <= (seen.seconds == 0.0)
    assert (seen.state is State.STOPPED) == (seen.members == 0)
    assert (seen.state is State.STALLED) <= (seen.lag > 0)
