"""How limits and moments are written."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.portal.core.times import Light, as_of, countdown, day, left, length, moment, waited
from tests.portal.fakes import ZONE, limit

NOW = datetime(2026, 11, 24, 2, 42, 18, tzinfo=UTC)  # 10:42:18 in Tianjin, a Tuesday


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (40, "还剩 40 秒"),
        (60, "还剩 1 分钟"),
        (12 * 60 + 59, "还剩 12 分钟"),
        (59 * 60 + 59, "还剩 59 分钟"),
        (6 * 3600 + 48 * 60 - 18, "今天 17:30 前"),
        (15 * 3600, "还剩 15 小时"),
        (6 * 86400 + 5, "还剩 6 天"),
        (0, "还剩 0 秒"),
        (-1, "超时 1 秒"),
        (-3 * 60 - 30, "超时 3 分钟"),
        (-5 * 3600, "超时 5 小时"),
        (-2 * 86400, "超时 2 天"),
    ],
)
def test_time_left_is_said_in_the_unit_that_matters(seconds: int, words: str) -> None:
    assert left(NOW + timedelta(seconds=seconds), NOW, ZONE)[0] == words


@given(st.integers(-10_000_000, 10_000_000))
def test_never_says_late_before_the_limit_or_left_after_it(seconds: int) -> None:
    words, _ = left(NOW + timedelta(seconds=seconds), NOW, ZONE)
    assert words.startswith("超时") == (seconds < 0)


@pytest.mark.parametrize(
    ("gone", "status", "light"),
    [
        (0, "running", Light.NORMAL),
        (23.9, "running", Light.NORMAL),
        (24, "running", Light.NEAR),
        (30, "running", Light.NEAR),
        (30.1, "running", Light.OVERDUE),
        (40, "missed", Light.OVERDUE),
        (40, "unconfirmed", Light.UNKNOWN),
        (40, "met", Light.DONE),
    ],
)
def test_the_light_of_a_limit_of_thirty_minutes(gone: float, status: str, light: Light) -> None:
    found = countdown(limit("dispose", NOW - timedelta(minutes=gone), 30, status), NOW, ZONE)
    assert found.light is light
    assert 0 <= found.used <= 1
    assert found.near == pytest.approx(0.8)


@given(st.integers(0, 100_000))
def test_the_share_used_grows_and_ends_at_one(minutes: int) -> None:
    lasting = limit("dispose", NOW, 30)
    earlier, later = (countdown(lasting, NOW + timedelta(minutes=m), ZONE).used for m in (minutes, minutes + 1))
    assert earlier <= later <= 1


def test_moments_carry_what_is_not_understood() -> None:
    assert moment(NOW, NOW, ZONE) == "10:42"
    assert moment(NOW + timedelta(days=6), NOW, ZONE) == "11 月 30 日 10:42"
    assert moment(NOW + timedelta(days=60), NOW, ZONE) == "2027 年 1 月 23 日 10:42"
    assert day(NOW, ZONE) == "11 月 24 日 周二"
    assert as_of(NOW, ZONE) == "10:42:18"


def test_waits_and_lengths() -> None:
    assert waited(NOW - timedelta(seconds=12), NOW) == "12 秒"
    assert waited(NOW - timedelta(seconds=100), NOW) == "1 分 40 秒"
    assert waited(NOW + timedelta(seconds=5), NOW) == "0 秒"
    assert [length(timedelta(seconds=s)) for s in (40, 90, 1800, 7200, 2_592_000, 84_480, 250_000)] == [
        "40 秒", "90 秒", "30 分钟", "2 小时", "30 天", "约 23 小时", "约 3 天"
    ]  # fmt: skip
