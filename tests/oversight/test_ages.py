"""A record's time is found by asking for offsets by time."""

from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from services.oversight.core.ages import PRECISION_MS, AgeSearch

times = st.lists(st.integers(0, 10_000_000), min_size=1, max_size=30).map(sorted)


def find(log: list[int], begin: int, offset: int, now: int) -> tuple[int | None, int]:
    search, rounds = AgeSearch(offset, now), 0
    while (question := search.question) is not None:
        rounds += 1
        assert rounds < 60
        at = bisect_left(log, question, lo=begin)
        search.heard(at, log[at]) if at < len(log) else search.heard(None, None)
    return search.written, rounds


@given(times, st.data())
def test_the_time_of_any_record_is_found(log: list[int], data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(log) - 1))
    begin = data.draw(st.integers(0, offset))
    now = data.draw(st.integers(log[-1], log[-1] + 1_000_000))
    written, _ = find(log, begin, offset, now)
    assert written is not None
    assert abs(written - log[offset]) <= PRECISION_MS


def test_a_record_that_retention_removed_has_the_age_of_the_oldest_left() -> None:
    assert find([10, 20, 90_000], 2, 1, 100_000)[0] == 90_000


def test_a_day_is_searched_in_few_rounds() -> None:
    log = list(range(0, 86_400_000, 1000))
    written, rounds = find(log, 0, 43_217, 86_400_000)
    assert written == 43_217_000
    assert rounds <= 22


def test_a_record_from_the_future_ends_the_search() -> None:
    assert find([0, 5_000], 0, 1, 1_000)[0] is not None
