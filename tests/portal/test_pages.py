"""Pages as they are sent, and what presses on them do."""

import re
from datetime import timedelta

import pytest

from services.portal.core.model import Case, Change
from tests.portal import town
from tests.portal.fakes import limit
from tests.portal.test_signin import Browser, browser

__all__ = ["browser"]
TYPED = {
    "telephone": "139 0000 2716", "name": "冯桂兰", "text": "坐电梯被困四十多分钟", "kind": "0402",
    "community": "120106012001", "amount": "1,860.00", "others": "和畅物业公司", "key": "key-1",
}  # fmt: skip


async def test_a_duty_list_longer_than_the_page_says_so_and_leads_on(browser: Browser) -> None:
    await browser.sign_in("duty")
    assert "先列最急的" not in (await browser.client.get("/duty")).text
    now = browser.clock.now()
    for n in range(204):
        late = limit("dispose", now, 1_000 + n)
        browser.intake.put(Case(case=f"{n:032x}", kind="01-04", state="assigned", limits=(late,), sequence=1))
    page = (await browser.client.get("/duty?f=open")).text
    assert '有 212 件，先列最急的 50 件 <a href="/cases?state=open">再筛一下</a>' in page
    assert page.count('<li id="row-') == 50 + 4
    assert "全部在办" in page and "<b>216</b>" in page and '<b title="至少 2 件">2+</b>' in page
    assert "没有等您处理的" not in (await browser.client.get("/duty?f=near")).text


async def test_registering_sends_the_case_and_shows_a_receipt_with_the_code_once(browser: Browser) -> None:
    await browser.sign_in("window")
    csrf = await browser.csrf("/register")
    answer = await browser.client.post("/register", data={**TYPED, "csrf": csrf})
    assert answer.status_code == 303
    receipt = await browser.client.get(answer.headers["location"])
    assert "7KQM4TXW2H" in receipt.text and "物业及其管理" in receipt.text
    assert "7KQM4TXW2H" not in answer.headers["location"]
    again = await browser.client.post("/register", data={**TYPED, "csrf": csrf})
    assert again.headers["location"] == answer.headers["location"]
    browser.client.cookies.delete("receipt")
    assert "只在登记时显示一次" in (await browser.client.get(answer.headers["location"])).text


async def test_a_form_with_errors_comes_back_with_what_was_typed(browser: Browser) -> None:
    await browser.sign_in("window")
    csrf = await browser.csrf("/register")
    answer = await browser.client.post(
        "/register", data={**TYPED, "name": "", "id_number": "110105194912310021", "csrf": csrf}
    )
    assert answer.status_code == 422
    assert "请写来人姓名" in answer.text and "末位对不上" in answer.text
    assert "坐电梯被困四十多分钟" in answer.text and 'value="key-1"' in answer.text


async def test_what_was_typed_is_escaped(browser: Browser) -> None:
    await browser.sign_in("window")
    csrf = await browser.csrf("/register")
    answer = await browser.client.post(
        "/register", data={**TYPED, "kind": "", "text": "<script>alert(1)</script>", "csrf": csrf}
    )
    assert "<script>alert" not in answer.text and "&lt;script&gt;alert" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'self'; ")


async def test_pressing_a_step_sends_what_was_seen(browser: Browser) -> None:
    await browser.sign_in("duty")
    url = f"/cases/{town.CASE_VENDOR}"
    csrf = await browser.csrf(url)
    answer = await browser.client.post(f"{url}/urge", data={"csrf": csrf, "seen": "5", "key": "k", "next": "/duty"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/duty")
    assert browser.intake.acts == [(town.CASE_VENDOR, "urge", {"seen": 5}, "k")]


async def test_a_stale_press_says_what_changed_and_that_nothing_was_sent(browser: Browser) -> None:
    await browser.sign_in("duty")
    url = f"/cases/{town.CASE_VENDOR}"
    csrf = await browser.csrf(url)
    browser.intake.stale = (Change(type="case.dispatched.v1", sequence=6, says="已改派"),)
    answer = await browser.client.post(f"{url}/urge", data={"csrf": csrf, "seen": "5"})
    assert answer.status_code == 409
    assert "已改派。您的“催办”没有发出" in answer.text and "看现在的" in answer.text


async def test_people_are_masked_and_shown_for_a_purpose(browser: Browser) -> None:
    await browser.sign_in("duty")
    url = f"/cases/{town.CASE_VENDOR}"
    page = (await browser.client.get(url)).text
    assert "王**" in page and "138****1234" in page
    assert "王小明" not in page and "13800001234" not in page and "11010519491231002X" not in page
    csrf = await browser.csrf(url)
    refused = await browser.client.post(f"{url}/parties/p1", data={"csrf": csrf, "purpose": ""})
    assert refused.status_code == 422 and "王小明" not in refused.text
    shown = await browser.client.post(f"{url}/parties/p1", data={"csrf": csrf, "purpose": "联系到场"})
    assert "王小明" in shown.text and "60 秒后收起" in shown.text


async def test_opening_a_whistle_link_acknowledges_nothing(browser: Browser) -> None:
    page = await browser.client.get("/w/good")
    assert "一哨：请到场" in page.text and "打开不算“收到”" in page.text
    assert browser.intake.answers == []
    for name in ("刘大山", "13812341234", "下水主管反复外溢"):
        assert name not in page.text


async def test_a_whistle_is_answered_press_by_press(browser: Browser) -> None:
    steps = [
        ({"step": "", "answer": "coming"}, "我到场了"),
        ({"step": "attend"}, "填四项"),
        ({"step": "answer", "contacted": "住户代表", "measures": "疏通", "limit": "今天 18:00 前"}, "解决了"),
        ({"step": "settle"}, "已解决，多谢"),
    ]
    for fields, then in steps:
        answer = await browser.client.post("/w/good", data={**fields, "key": "k"})
        assert answer.status_code == 303
        assert then in (await browser.client.get("/w/good")).text
    assert [step for _, step, _ in browser.intake.answers] == ["", "attend", "answer", "settle"]
    assert set(browser.intake.answers[2][2]) == {"accepted_at", "contacted", "measures", "limit"}


async def test_a_whistle_press_from_another_site_is_refused(browser: Browser) -> None:
    headers = {"origin": "https://elsewhere.example"}
    answer = await browser.client.post("/w/good", data={"step": "", "answer": "coming"}, headers=headers)
    assert answer.status_code == 403 and browser.intake.answers == []


async def test_an_expired_link_says_whom_to_call(browser: Browser) -> None:
    page = await browser.client.get("/w/old")
    assert page.status_code == 410 and "链接过期了" in page.text and "022-00000000" in page.text


async def test_a_grid_report_sends_the_case_then_its_photo(browser: Browser) -> None:
    await browser.sign_in("grid")
    csrf = await browser.csrf("/report")
    fields = {
        "csrf": csrf,
        "key": "k",
        "kind": "05-01",
        "lon": "117.15",
        "lat": "39.16",
        "text": "占道",
        "community": "",
    }
    answer = await browser.client.post(
        "/report", data=fields, files={"photo": ("a.jpg", b"\xff\xd8\xff", "image/jpeg")}
    )
    assert "已发出" in answer.text
    ((case, photo),) = browser.intake.photos
    assert photo.content == b"\xff\xd8\xff" and browser.intake.made[case].channel == "grid"


async def test_the_screen_says_as_of_and_counts_by_street(browser: Browser) -> None:
    await browser.sign_in("leader")
    page = (await browser.client.get("/screen")).text
    assert "截至" in page and "10:42:18" in page and "91.4%" in page and "1,204 ÷ 1,317" in page
    assert page.count("<circle") == 9


async def test_lag_tells_stopped_from_behind_and_unknown_from_zero(browser: Browser) -> None:
    await browser.sign_in("ops")
    page = (await browser.client.get("/lag")).text
    rows = dict(re.findall(r'<tr data-group="(\w+)"[^>]*>(.*?)</tr>', page))
    assert "停了" in rows["notify"] and "0 个进程" in rows["notify"]
    assert "落后" in rows["escalation"] and "在追" in rows["escalation"]
    assert rows["oversight"].count("没有数据") == 3


async def test_a_silent_timer_is_said_on_every_page(browser: Browser) -> None:
    await browser.sign_in("duty")
    assert "计时器没有声音" not in (await browser.client.get("/duty")).text
    browser.oversight.silence()
    browser.clock.at += timedelta(seconds=5)
    assert "计时器没有声音，请按钟点电话核实" in (await browser.client.get("/duty")).text


@pytest.mark.parametrize("path", ["/duty", "/register", "/cases", "/screen", "/lag", f"/cases/{town.CASE_WHISTLE}"])
async def test_pages_need_a_sign_in(browser: Browser, path: str) -> None:
    answer = await browser.client.get(path)
    assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in?next=")


async def test_a_case_that_is_not_there_is_a_sentence(browser: Browser) -> None:
    await browser.sign_in("duty")
    answer = await browser.client.get("/cases/nothing")
    assert answer.status_code == 404 and "没有这件案件" in answer.text


async def test_assets_are_kept_for_ever_under_names_that_change(browser: Browser) -> None:
    page = (await browser.client.get("/sign-in")).text
    for url in re.findall(r'(?:href|src)="(/static/[^"#]+)', page):
        answer = await browser.client.get(url)
        assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"], url
    assert (await browser.client.get("/static/../settings.py")).status_code == 404


async def test_no_page_names_another_host(browser: Browser) -> None:
    await browser.sign_in("duty")
    for path in ("/duty", "/cases", f"/cases/{town.CASE_WHISTLE}", "/register", "/screen"):
        page = (await browser.client.get(path)).text
        assert not re.findall(r'(?:href|src|action)="(?:https?:)?//', page), path
