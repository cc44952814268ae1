"""A storm of bad records stops the worker; a few do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.parking import StormError, StormLimit


@given(st.lists(st.booleans(), max_size=200), st.integers(1, 8), st.integers(1, 20))
def test_it_stops_at_the_first_window_with_so_many_bad_ones(records: list[bool], most: int, of: int) -> None:
    limit = StormLimit(most, of)
    for n, bad in enumerate(records):
        window = records[max(0, n + 1 - of) : n + 1]
        if sum(window) >= most:
            with pytest.raises(StormError):
                limit.saw(bad)
            return
        limit.saw(bad)


def test_what_it_says_tells_what_to_do_and_names_nobody() -> None:
    limit = StormLimit(2, 10)
    limit.saw(True)
    with pytest.raises(StormError, match=r"2 of the last 2 .*maodiao parked"):
        limit.saw(True)
