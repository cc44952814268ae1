"""A storm of bad records stops the worker; a few do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.core import Record
from services.kernel.parking import StormError, StormLimit


def at(offset: int) -> Record:
    return Record("t", 0, offset, None, None)


@given(st.lists(st.booleans(), max_size=200), st.integers(1, 8), st.integers(1, 20))
def test_it_stops_at_the_first_window_with_so_many_bad_ones(records: list[bool], most: int, of: int) -> None:
    limit = StormLimit(most, of)
    for n, bad in enumerate(records):
        window = records[max(0, n + 1 - of) : n + 1]
        if sum(window) >= most:
            with pytest.raises(StormError):
                limit.saw(at(n), bad)
            return
        limit.saw(at(n), bad)


def test_what_it_says_tells_what_to_do_and_names_nobody() -> None:
    limit = StormLimit(2, 10)
    limit.saw(at(0), True)
    with pytest.raises(StormError, match=r"2 of the last 2 .*maodiao parked"):
        limit.saw(at(1), True)


def test_a_batch_that_is_tried_again_and_again_is_counted_once() -> None:
    limit = StormLimit(2, 10)
    for _ in range(50):
        limit.saw(at(0), True)
