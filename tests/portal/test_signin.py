"""Sign-in: the rule of wrong tries, sessions, forms that came from elsewhere."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.host.tokens import check
from services.portal.core.signin import TRIES, WAIT, Attempts, after_wrong, locked
from services.portal.store.memory import MemoryAccounts
from tests.clock import ManualClock
from tests.portal import town
from tests.portal.fakes import PASSWORD, FakeIntake, FakeOversight, accounts, app, portal

NOW = datetime(2026, 11, 24, 2, 42, 18, tzinfo=UTC)


def test_five_wrong_tries_then_fifteen_minutes() -> None:
    attempts = Attempts()
    for _ in range(TRIES):
        assert not locked(attempts, NOW)
        attempts = after_wrong(attempts, NOW)
    assert locked(attempts, NOW + WAIT - timedelta(seconds=1))
    assert not locked(attempts, NOW + WAIT)
    assert after_wrong(attempts, NOW + WAIT) == Attempts(1)


@given(st.lists(st.integers(0, 2000), max_size=40))
def test_never_more_than_five_tries_within_fifteen_minutes_of_the_fifth(gaps: list[int]) -> None:
    now, attempts, tried = NOW, Attempts(), []
    for gap in gaps:
        now += timedelta(seconds=gap)
        if not locked(attempts, now):
            attempts = after_wrong(attempts, now)
            tried.append(now)
    for first in range(len(tried) - TRIES):
        assert tried[first + TRIES] - tried[first] > timedelta(0)
    for at in range(0, len(tried) - TRIES, TRIES):
        assert tried[at + TRIES] - tried[at + TRIES - 1] >= WAIT


class Browser:
    """A browser without script."""

    def __init__(self, client: httpx.AsyncClient, clock: ManualClock) -> None:
        self.client, self.clock = client, clock
        self.intake: FakeIntake
        self.oversight: FakeOversight
        self.accounts: MemoryAccounts

    async def sign_in(self, login: str, password: str = PASSWORD, goes_on: str = "/") -> httpx.Response:
        page = await self.client.get("/sign-in", params={"next": goes_on})
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        return await self.client.post("/sign-in", data={**fields, "login": login, "password": password})

    async def csrf(self, path: str) -> str:
        page = await self.client.get(path)
        found = re.search(r'name="csrf" value="([^"]+)"', page.text)
        assert found, page.text[:400]
        return found.group(1)


@pytest.fixture
async def browser() -> Browser:
    clock = ManualClock(NOW)
    intake = FakeIntake(clock)
    town.fill(intake, NOW)
    oversight = FakeOversight(intake, town.screen(NOW), town.lag(NOW))
    known = await accounts()
    made = app(portal(clock, intake, oversight, known))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(made), base_url="http://portal")
    browser = Browser(client, clock)
    browser.intake, browser.oversight, browser.accounts = intake, oversight, known
    return browser


async def test_a_right_password_leads_to_the_start_page_of_the_role(browser: Browser) -> None:
    answer = await browser.sign_in("duty")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie
    assert (await browser.client.get("/")).headers["location"] == "/duty"


async def test_wrong_and_unknown_read_alike_and_wait_alike(browser: Browser) -> None:
    for login in ("duty", "nobody"):
        for _ in range(5):
            answer = await browser.sign_in(login, "wrong")
            assert answer.status_code == 401 and "工号或密码不对" in answer.text
        assert "试错 5 次，15 分钟后再试" in (await browser.sign_in(login)).text
    browser.clock.at += timedelta(minutes=15)
    assert (await browser.sign_in("duty")).status_code == 303


@pytest.mark.parametrize("login", ["a\x00b", "王", "\u202ea", "'; drop", "-x", "a b"])
async def test_a_login_that_can_not_exist_is_just_wrong_and_not_looked_up(browser: Browser, login: str) -> None:
    asked: list[str] = []

    async def find(login: str) -> None:
        asked.append(login)

    browser.accounts.find = find  # type: ignore[method-assign, assignment]
    answer = await browser.client.post("/v1/session", json={"login": login, "password": "x"})
    assert answer.status_code == 401 and "工号或密码不对" in answer.text
    assert asked == []


async def test_somebody_with_two_posts_chooses(browser: Browser) -> None:
    await browser.sign_in("two")
    assert (await browser.client.get("/mine")).headers["location"] == "/sign-in/place"
    csrf = await browser.csrf("/sign-in/place")
    chosen = await browser.client.post("/sign-in/place", data={"csrf": csrf, "ordinal": "1"})
    assert chosen.headers["location"] == "/mine"
    assert "区矛调中心" in (await browser.client.get("/mine")).text


async def test_a_form_from_elsewhere_is_refused_and_nothing_is_done(browser: Browser) -> None:
    await browser.sign_in("duty")
    url = f"/cases/{town.CASE_VENDOR}/urge"
    answer = await browser.client.post(url, data={"csrf": "guessed", "seen": "5"})
    assert answer.status_code == 403 and "没有发出" in answer.text
    assert browser.intake.acts == []


async def test_a_sign_in_form_without_its_cookie_is_refused(browser: Browser) -> None:
    answer = await browser.client.post("/sign-in", data={"login": "duty", "password": PASSWORD, "pre": "x"})
    assert answer.status_code == 403


@pytest.mark.parametrize("goes_on", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example"])
async def test_sign_in_never_leads_away(browser: Browser, goes_on: str) -> None:
    assert (await browser.sign_in("duty", goes_on=goes_on)).headers["location"] == "/"


async def test_a_session_ends_by_time_and_by_hand(browser: Browser) -> None:
    await browser.sign_in("duty")
    assert (await browser.client.get("/duty")).status_code == 200
    await browser.client.post("/sign-out", data={"csrf": await browser.csrf("/duty")})
    assert (await browser.client.get("/duty")).status_code == 303
    await browser.sign_in("duty")
    browser.clock.at += timedelta(hours=1)
    assert (await browser.client.get("/duty")).headers["location"].startswith("/sign-in")


async def test_a_token_for_programs_says_who_they_are(browser: Browser) -> None:
    answer = await browser.client.post("/v1/session", json={"login": "duty", "password": PASSWORD})
    who = check(answer.json()["token"], b"k" * 32, NOW)
    assert (who.staff, who.unit, who.role) == ("u-0005", "centre-120106", "seat")
    assert (await browser.client.post("/v1/session", json={"login": "duty", "password": "x"})).status_code == 401
    two = await browser.client.post("/v1/session", json={"login": "two", "password": PASSWORD})
    assert two.status_code == 422 and len(two.json()["places"]) == 2
    picked = {"login": "two", "password": PASSWORD, "post": "head"}
    assert (await browser.client.post("/v1/session", json=picked)).json()["role"] == "centre"
    extra = await browser.client.post("/v1/session", json={"login": "duty", "password": PASSWORD, "role": "leader"})
    assert extra.status_code == 422
