"""The one screen's figures."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.oversight.core.screen import Counts, NextDue, Street, day_begin, figures, screen, share, status
from tests.oversight.logs import NINE, at

COUNTS = Counts(
    today=46, yesterday=51, open=187, unroutable=1, near=2, overdue=2, overdue_before=5, whistles=3,
    by_rank={1: 1, 2: 2}, due=180, closed=1317, resolved=1204,
)  # fmt: skip


def test_six_figures_each_with_what_it_was_made_of() -> None:
    made = {f.name: f for f in figures(COUNTS)}
    assert list(made) == ["today", "open", "overdue", "near", "whistles", "resolved"]
    assert (made["resolved"].value, made["resolved"].numerator, made["resolved"].denominator) == (0.914, 1204, 1317)
    assert (made["overdue"].value, made["overdue"].denominator, made["overdue"].before) == (2, 187, 5)
    assert made["whistles"].note_zh == "一哨 1，二哨 2"


@pytest.mark.parametrize(
    ("numerator", "denominator", "is_"), [(19, 19, None), (20, 20, 1.0), (0, 0, None), (0, 20, 0.0)]
)
def test_no_percentage_under_twenty_cases(numerator: int, denominator: int, is_: float | None) -> None:
    assert share(numerator, denominator) == is_
    made = figures(replace(COUNTS, resolved=numerator, closed=denominator))[-1]
    assert (made.value, made.numerator, made.denominator) == (is_, numerator, denominator)


@given(st.integers(-120, 120))
def test_near_and_overdue_follow_from_the_time_of_the_question(minutes: int) -> None:
    found = status(at(minutes), at(24), at(30))
    assert found == ("overdue" if minutes > 30 else "near" if minutes >= 24 else "normal")


def test_the_day_begins_at_local_midnight() -> None:
    assert day_begin(NINE, timedelta(hours=8)) == NINE - timedelta(hours=9)


def test_limits_by_time_and_streets_by_code_not_by_number() -> None:
    later, sooner = (
        NextDue(c, "05-01", None, None, "assigned", "l", "dispose", at(m), at(0)) for c, m in (("a", 9), ("b", 3))
    )
    streets = (Street("120106002", 1, 0, 1, 0), Street(None, 2, 0, 0, 0), Street("120106001", 9, 0, 0, 0))
    made = screen(NINE, COUNTS, streets, (), (later, sooner))
    assert [n.case for n in made.next_due] == ["b", "a"]
    assert [s.street for s in made.by_street] == ["120106001", "120106002", None]
