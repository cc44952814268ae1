"""What people read: what is wanted, where, by when, and how to answer; never who is in dispute with whom."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.host.tokens import TokenError, check_link
from services.notify.core import inputs
from services.notify.core.cases import PREFIX
from services.notify.core.inputs import Key
from services.notify.doors.directory import Names
from services.notify.doors.messages import WORDS, Composer, in_words
from tests.clock import ManualClock

from .examples import NINE, SUBJECT, blown
from .fakes import World

KEY = b"k" * 32
NAMES = Names(
    {"team": ("执法中队", "Team")},
    {"120106001002": ("增产里社区", "Zengchanli"), "120106001": ("西于庄街道", "Xiyuzhuang")},
)
REGISTERED = inputs.Registered("红矛2026-000123", "05-01", "120106001002", "120106001")


async def made(*givens, names: Names = NAMES):
    world = World()
    for one in givens:
        await world.feed(one, topic="case.intake" if not isinstance(one, inputs.Blown) else "case.escalation")
    state = world.row.state
    assert state is not None
    (claim, *_) = await world.claim(9, timedelta(minutes=1))
    call = state.call(claim.key)
    assert call is not None
    composer = Composer("https://maodiao.invalid/", KEY, ManualClock(NINE), lambda: names, timedelta(days=3))
    return claim, composer.message(claim, state, call)


async def test_a_whistle_says_where_by_when_and_how_to_answer():
    _, message = await made(REGISTERED, blown(rank=2))
    assert message.title == "【矛调】二哨：请到场·增产里社区 Whistle 2: please come to the site"
    for words in (
        "执法中队",
        "增产里社区",
        "红矛2026-000123",
        "30 分钟内到场",
        "打开链接不算“收到”",
        "收到，派人去",
        "3 天内有效",
    ):
        assert words in message.text
    assert message.text.index("二哨") < message.text.index("Whistle 2")
    token = message.link.removeprefix("https://maodiao.invalid/w/")
    link = check_link(token, KEY, NINE + timedelta(days=2))
    assert (link.case, link.obligation, link.rank, link.staff, link.unit) == (SUBJECT, "w1", 2, "u-head", "team")
    with pytest.raises(TokenError):
        check_link(token, KEY, NINE + timedelta(days=3, seconds=1))


async def test_before_the_case_was_read_the_whistle_still_says_what_is_wanted():
    _, message = await made(blown(), names=Names())
    assert "一哨：请到场" in message.text and "None" not in message.text and "地点" not in message.text


async def test_the_id_is_the_deliverys_and_not_the_attempts():
    world = World()
    await world.feed(blown())
    composer = Composer("x", KEY, ManualClock(NINE), Names, timedelta(days=3))
    ids = set()
    for _ in range(2):
        (claim,) = await world.claim(1, timedelta(0))
        assert world.row.state is not None
        call = world.row.state.call(claim.key)
        assert call is not None
        ids.add(composer.message(claim, world.row.state, call).id)
    assert len(ids) == 1


async def test_whoever_gets_it_in_anothers_place_is_told_so():
    world = World(contacts={"u-head": ()})
    await world.feed(blown(), inputs.Failed(Key("whistle", "w1", 1), "u-head", "no_contact"))
    claims = {c.staff: c for c in await world.claim(9, timedelta(0))}
    state = world.row.state
    assert state is not None
    call = state.call(claims["u-day"].key)
    assert call is not None
    composer = Composer("x", KEY, ManualClock(NINE), Names, timedelta(days=3))
    assert "没有联系上，现转给您" in composer.message(claims["u-day"], state, call).text


async def test_everything_but_a_whistle_leads_to_the_case_after_signing_in():
    _, message = await made(REGISTERED, inputs.SeatNeeded(NINE, 2, 2, "unroutable", seat="street"))
    assert message.link == f"https://maodiao.invalid/cases/{SUBJECT}" and "无处可派" in message.title
    assert "请先登录" in message.text


def test_every_purpose_has_words():
    assert set(PREFIX) | {"whistle", "stood_down"} == set(WORDS)


@pytest.mark.parametrize(
    ("seconds", "zh"),
    [(1800, "30 分钟"), (20, "20 秒"), (7200, "2 小时"), (86400, "1 天"), (90, "90 秒"), (5400, "90 分钟")],
)
def test_spans_in_words(seconds, zh):
    assert in_words(seconds)[0] == zh
