"""A person's morning in a real browser: sign in, register, the case, the duty seat, the whistle, the wall."""

import asyncio
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from services.host.tokens import Identity
from services.portal.core.model import Case
from tests.browser.conftest import Site
from tests.portal import town
from tests.portal.fakes import limit

pytestmark = pytest.mark.browser


def test_signs_in_registers_and_opens_the_case(page: Page, site: Site) -> None:
    """The one journey that also runs against the real services: the clerk, the form, the receipt, the case."""
    site.sign_in(page, "window")
    expect(page.get_by_role("heading", name="窗口登记")).to_be_visible()
    page.fill("#telephone", "139 0000 2716")
    page.fill("#name", "冯桂兰")
    page.fill("#id_number", "120106195403184023")
    expect(page.locator("#id_number-live")).to_be_visible()
    page.fill("#id_number", "")
    page.fill("#text", "物业电梯停运，被困四十多分钟，去医院花了钱，物业不赔")
    page.get_by_role("radio", name="物业及其管理").check()
    page.select_option("#community", index=5)
    expect(page.locator("#foresee")).to_contain_text("因为地点在")
    page.fill("#others", "和畅物业公司")
    page.fill("#amount", "1860.00")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("heading", name="受理登记回执")).to_be_visible()
    code = page.locator(".code b").inner_text()
    assert len(code) >= 8 and code not in page.url
    page.get_by_role("link", name="看这件案子").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("物业及其管理")
    expect(page.locator("#log")).to_contain_text("窗口登记")
    expect(page.locator("#people")).to_contain_text("冯**")
    assert "冯桂兰" not in page.content()


def test_wrong_input_comes_back_with_the_focus_on_what_is_wrong(page: Page, site: Site) -> None:
    site.sign_in(page, "window")
    page.goto(f"{site.url}/register")
    page.fill("#text", "坐电梯被困")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#summary")).to_contain_text("请写来人姓名")
    expect(page.locator("#summary")).to_be_focused()
    assert page.input_value("#text") == "坐电梯被困"


def test_a_draft_comes_back_whole_and_goes_with_its_writer(page: Page, site: Site) -> None:
    site.sign_in(page, "window")
    page.goto(f"{site.url}/register")
    page.fill("#name", "冯桂兰")
    page.fill("#text", "坐电梯被困")
    page.get_by_role("radio", name="打电话").check()
    page.get_by_role("checkbox", name="来人要求保密").check()
    page.get_by_role("button", name="存草稿").click()
    kept = page.evaluate("sessionStorage.getItem('draft')")
    page.reload()
    expect(page.locator("#name")).to_have_value("冯桂兰")
    expect(page.get_by_role("radio", name="打电话")).to_be_checked()
    expect(page.get_by_role("checkbox", name="来人要求保密")).to_be_checked()
    page.route("**/sign-out", lambda route: route.fulfill(status=204))  # the page stays
    page.get_by_role("button", name="退出").click()
    until(page, lambda: page.evaluate("sessionStorage.getItem('draft')") is None)
    page.goto(f"{site.url}/register")
    page.evaluate("kept => sessionStorage.setItem('draft', kept)", kept)
    page.context.clear_cookies()  # as when the session ended by itself
    site.sign_in(page, "window")
    page.goto(f"{site.url}/register")
    expect(page.locator("#name")).to_have_value("")


def until(page: Page, holds: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until something holds on the other side; fails when it does not in time."""
    for _ in range(int(seconds * 20)):
        if holds():
            return
        page.wait_for_timeout(50)
    pytest.fail(f"did not come true within {seconds} s")


@pytest.fixture
def fake(site: Site) -> Site:
    if site.intake is None:
        pytest.skip("needs services that pretend")
    return site


def test_keys_move_along_the_queue_and_none_blows_a_whistle(page: Page, fake: Site) -> None:
    assert fake.intake is not None
    fake.sign_in(page, "duty")
    page.wait_for_selector("#duty-list li.chosen")
    first = page.locator("li.chosen").get_attribute("data-case")
    page.keyboard.press("j")
    assert page.locator("li.chosen").get_attribute("data-case") != first
    expect(page.locator("#duty-detail h1")).to_contain_text("占道废品收购")
    page.keyboard.press("k")
    assert page.locator("li.chosen").get_attribute("data-case") == first
    before = len(fake.intake.acts)
    page.keyboard.press("y")
    expect(page.locator("li.chosen [data-confirm]")).to_be_focused()
    assert len(fake.intake.acts) == before
    page.keyboard.press("Enter")
    until(page, lambda: len(fake.intake.acts) > before)
    assert fake.intake.acts[-1][1:3] == ("confirm", {"seen": 9, "obligation": "w1", "rank": 2})


def test_enter_in_the_list_is_the_row_s_only_on_the_row(page: Page, fake: Site) -> None:
    fake.sign_in(page, "duty")
    page.wait_for_selector("#duty-list li.chosen")
    page.keyboard.press("Shift+Tab")  # the search box stands before the first row, the last filter before that
    page.keyboard.press("Shift+Tab")
    expect(page.locator(".filters a").last).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/duty?f=held")
    page.locator("#all-keys summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#all-keys p")).to_be_visible()
    page.goto(f"{fake.url}/duty?f=open")
    page.locator(f"#row-{'e' * 32} .act a").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/cases/{'e' * 32}?open=dispatch*")
    page.goto(f"{fake.url}/duty?f=open")
    page.wait_for_selector("#duty-list li.chosen")
    page.locator("li.chosen a.row").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/cases/{'c' * 32}")


def test_keys_outside_the_list_do_nothing(page: Page, fake: Site) -> None:
    fake.sign_in(page, "duty")
    page.wait_for_selector("#duty-list li.chosen")
    first = page.locator("li.chosen").get_attribute("data-case")
    page.evaluate("document.activeElement.blur()")
    stood = page.url
    for key in ("j", "6", "Enter", "?"):
        page.keyboard.press(key)
    assert page.locator("li.chosen").get_attribute("data-case") == first
    expect(page.locator("#all-keys p")).to_be_hidden()
    assert page.url == stood
    page.locator("#duty-list .band").first.click()
    page.keyboard.press("j")
    assert page.locator("li.chosen").get_attribute("data-case") != first


def test_new_rows_wait_behind_a_bar_until_n(page: Page, fake: Site) -> None:
    assert fake.intake is not None and fake.loop is not None
    fake.sign_in(page, "duty")
    page.goto(f"{fake.url}/duty?f=open")
    page.wait_for_selector("#duty-list li.chosen")
    rows = page.locator("#duty-rows li").count()
    page.fill("#q", "电梯")
    counted = page.locator(".filters a").last.inner_text()
    now = fake.intake.clock.now()
    fake.intake.put(Case(case="8" * 32, kind="01-04", street="120106001", state="assigned", lead="dept-sanitation",
                         registered_at=now, sequence=1, limits=(limit("dispose", now, 30),)))  # fmt: skip
    asyncio.run_coroutine_threadsafe(fake.intake.wake(), fake.loop).result(5)
    expect(page.locator("#new-rows")).to_be_visible()
    expect(page.locator("#new-rows .words")).to_have_text("有 1 件新到，没有插进列表")
    assert page.locator("#duty-rows li").count() == rows
    assert page.locator(".filters a").last.inner_text() != counted
    assert page.input_value("#q") == "电梯"
    page.locator("li.chosen a.row").focus()
    page.keyboard.press("n")
    expect(page.locator("#duty-rows li")).to_have_count(rows + 1)
    expect(page.locator("#new-rows")).to_be_hidden()


def test_a_case_changes_live_while_a_form_under_the_hand_stays(page: Page, fake: Site) -> None:
    assert fake.intake is not None and fake.loop is not None
    fake.sign_in(page, "duty")
    page.goto(f"{fake.url}/cases/{town.CASE_VENDOR}?open=dispatch")
    page.fill("#dispatch-reason", "那边近")
    who = Identity(staff="u-0041", unit="dept-water", post="head", role="department")
    act = fake.intake.act(who, town.CASE_VENDOR, "dispose", {"seen": 5}, "k")
    asyncio.run_coroutine_threadsafe(act, fake.loop).result(5)
    expect(page.locator("#log")).to_contain_text("区排水所处置好了")
    assert page.input_value("#dispatch-reason") == "那边近"
    expect(page.locator("#busy")).to_be_visible()


def test_people_are_shown_for_a_purpose_in_place(page: Page, fake: Site) -> None:
    fake.sign_in(page, "duty")
    page.goto(f"{fake.url}/cases/{town.CASE_WHISTLE}")
    first = page.locator("#people li").first
    first.locator("summary").click()
    first.get_by_placeholder("用途，必填").fill("约上门时间")
    first.get_by_role("button", name="看 60 秒").click()
    expect(page.locator("#people li").first).to_contain_text("刘大山")


def test_a_head_answers_on_the_phone_with_three_presses(page: Page, fake: Site) -> None:
    assert fake.intake is not None
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{fake.url}/w/good")
    expect(page.get_by_role("heading", level=1)).to_contain_text("一哨：请到场")
    assert fake.intake.answers == []
    page.get_by_role("button", name=re.compile("收到，我去")).click()
    page.get_by_role("button", name=re.compile("我到场了")).click()
    page.fill("#contacted", "住户代表")
    page.fill("#measures", "疏通主管")
    page.fill("#limit", "今天 18:00 前")
    page.get_by_role("button", name=re.compile("交四项")).click()
    page.get_by_role("button", name=re.compile("解决了")).click()
    expect(page.locator(".said")).to_contain_text("已解决，多谢")
    assert [step for _, step, _ in fake.intake.answers] == ["", "attend", "answer", "settle"]


def test_a_page_that_asks_again_says_when_nothing_answers(page: Page, fake: Site) -> None:
    page.clock.install()
    fake.sign_in(page, "ops")
    page.goto(f"{fake.url}/lag")
    expect(page.locator(".bar .live")).to_be_visible()
    page.clock.fast_forward(31_000)
    expect(page.locator("#strip-stale")).to_be_hidden()
    page.route("**/lag", lambda route: route.fulfill(status=503))
    page.clock.fast_forward(31_000)
    expect(page.locator("#strip-stale .words")).to_contain_text("数据停在")
    expect(page.locator(".bar .stopped")).to_be_visible()
    expect(page.locator(".bar .live")).to_be_hidden()
    for said in page.locator("#lag-table td b").all():
        expect(said).to_have_css("color", "rgb(74, 87, 99)")  # 跟上 in green would be a promise
    stood = page.locator(".bar .clock").inner_text()
    page.clock.fast_forward(5_000)
    assert page.locator(".bar .clock").inner_text() == stood
    page.unroute("**/lag")
    page.get_by_role("button", name="重新连接").click()
    expect(page.locator("#strip-stale")).to_be_hidden()
    expect(page.locator(".bar .live")).to_be_visible()


CONTRASTS = """() => {
  const part = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const numbers = colour => colour.match(/[0-9.]+/g).map(Number);
  const light = c => 0.2126 * part(c[0]) + 0.7152 * part(c[1]) + 0.0722 * part(c[2]);
  const ground = node => {
    for (; node; node = node.parentElement) {
      const found = numbers(getComputedStyle(node).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const said = node => [...node.childNodes].some(one => one.nodeType === 3 && one.data.trim());
  return [...document.body.querySelectorAll("*")]
    .filter(node => !node.closest("svg") && said(node) && node.offsetParent)
    .map(node => {
      const [a, b] = [light(numbers(getComputedStyle(node).color)), light(ground(node))];
      return [node.textContent.trim(), (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
    });
}"""


@pytest.mark.parametrize("stale", [False, True])
def test_the_wall_can_be_read_live_and_stale(page: Page, fake: Site, stale: bool) -> None:
    page.clock.install()
    page.set_viewport_size({"width": 1920, "height": 1080})
    fake.sign_in(page, "leader")
    if stale:
        page.route("**/live/screen", lambda route: route.fulfill(status=503))
    page.goto(f"{fake.url}/screen")
    if stale:
        page.clock.fast_forward(31_000)
        expect(page.locator("body")).to_have_class(re.compile("stale"))
        for said in page.locator(".count, .figures b").all():
            expect(said).to_have_css("color", "rgb(179, 192, 204)")
    found = page.evaluate(CONTRASTS)
    assert len(found) > 40
    assert [(words, round(ratio, 2)) for words, ratio in found if ratio < 4.5] == []


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1366, 680), (390, 844), (320, 640)])
def test_no_page_scrolls_sideways(page: Page, fake: Site, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    for login, paths in {
        "duty": ("/duty", "/cases", f"/cases/{town.CASE_WHISTLE}"),
        "window": ("/register", f"/cases/{town.CASE_VENDOR}/receipt"),
        "ops": ("/lag", "/screen"),
        "grid": ("/report", "/reported"),
    }.items():
        page.context.clear_cookies()
        fake.sign_in(page, login)
        for path in (*paths, "/w/good"):
            page.goto(fake.url + path)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path} is {wide} wide at {width}"


def test_pages_work_without_script(browser: Browser, fake: Site) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    fake.sign_in(page, "duty")
    page.goto(f"{fake.url}/cases/{town.CASE_VENDOR}?open=dispatch")
    page.select_option("#dispatch-unit", "dept-water")
    page.fill("#dispatch-reason", "归排水所")
    assert fake.intake is not None
    before = len(fake.intake.acts)
    page.locator("details[open] button").click()
    until(page, lambda: len(fake.intake.acts) > before)
    assert fake.intake.acts[-1][1] == "dispatch"
    assert fake.intake.acts[-1][2]["unit"] == "dept-water"
    context.close()
