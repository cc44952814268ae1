"""Marks: limits fire once the worker's position has reached the offset of a mark, never before, and none is lost."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.marks import Mark, Marks
from tests.kernel.toy import NINE


def at(seconds: int) -> datetime:
    return NINE + timedelta(seconds=seconds)


def mark(offset: int, seconds: int, partition: int = 0) -> Mark:
    return Mark(relay="r", upto=at(seconds), offsets={partition: offset})


def listening() -> Marks:
    marks = Marks()
    marks.assign({0: None})
    return marks


def test_a_mark_ahead_of_the_position_says_nothing_yet() -> None:
    marks = listening()
    marks.add(mark(10, 5))
    assert marks.passed({0: 9}) == {}
    assert marks.passed({0: 10}) == {0: at(5)}
    assert marks.passed({0: 10}) == {0: at(5)}, "until it is said that they have fired"
    marks.fired({0: at(5)})
    assert marks.passed({0: 10}) == {}


def test_a_silent_partition_moves_by_marks_at_the_same_offset() -> None:
    marks = listening()
    for second in (1, 2, 3):
        marks.add(mark(4, second))
        assert marks.passed({0: 4}) == {0: at(second)}
        marks.fired({0: at(second)})


def test_marks_of_other_partitions_and_before_the_assignment_are_not_heard() -> None:
    marks = Marks()
    marks.add(mark(0, 1))
    marks.assign({0: at(3)})
    marks.add(mark(0, 2))
    marks.add(mark(0, 9, partition=1))
    assert marks.passed({0: 5, 1: 5}) == {}, "what had fired before is not fired again"
    marks.add(mark(0, 4))
    assert marks.passed({0: 5}) == {0: at(4)}
    marks.assign({})
    assert marks.passed({0: 5}) == {}


def test_a_mark_of_a_relay_that_woke_late_takes_nothing_back() -> None:
    marks = listening()
    marks.add(mark(10, 50))
    marks.add(mark(8, 40))  # behind: its offset and its time are both older
    marks.add(mark(10, 45))
    assert marks.passed({0: 10}) == {0: at(50)}


steps = st.lists(st.tuples(st.sampled_from("mpf"), st.integers(0, 3), st.integers(0, 3)), max_size=60)


@given(steps)
def test_what_is_passed_is_the_newest_mark_behind_the_position(taken: list[tuple[str, int, int]]) -> None:
    """Against the plain definition, over marks whose offsets and times never fall."""
    marks, all_marks = listening(), list[tuple[int, datetime]]()
    offset = second = position = 0
    fired: datetime | None = None
    for kind, one, two in taken:
        if kind == "m":
            offset, second = offset + one, second + two
            all_marks.append((offset, at(second)))
            marks.add(mark(offset, second))
        elif kind == "p":
            position += one
        else:
            behind = [upto for where, upto in all_marks if where <= position]
            newest = max(behind, default=None)
            expected = {0: newest} if newest is not None and (fired is None or newest > fired) else {}
            assert marks.passed({0: position}) == expected
            if expected and one:
                marks.fired(expected)
                fired = newest
