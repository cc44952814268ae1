"""Players, mail and links at their edges: what they send, what they repeat, what they say when refused."""

from __future__ import annotations

import email.message
import json

import aiosmtplib
import httpx
import pytest

from deploy.demo.expecting import Unexpected, until
from deploy.demo.mailbox import Mailbox, SignedLink
from deploy.demo.players import Player
from deploy.demo.views import Place, Report

PORTAL = "http://portal.invalid"


class Portal:
    """Answers as told; notes what came."""

    def __init__(self) -> None:
        self.came: list[httpx.Request] = []
        self.answers: list[httpx.Response | httpx.TransportError] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/session":
            return httpx.Response(200, json={"token": "t", "more": 1})
        self.came.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer

    def http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=PORTAL, transport=httpx.MockTransport(self))


async def test_a_press_says_what_was_seen_and_bears_a_key_and_a_token():
    portal = Portal()
    portal.answers = [httpx.Response(200, json={"sequence": 8})]
    async with portal.http() as http:
        assert await Player(http, "duty", "pw", "c", "u-1").press("abc", "verify", 7, passed=True) == 8
    (sent,) = portal.came
    assert json.loads(sent.content) == {"seen": 7, "passed": True}
    assert sent.headers["authorization"] == "Bearer t"
    assert sent.headers["idempotency-key"]


async def test_where_no_answer_came_the_same_press_is_sent_again_with_the_same_key(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("deploy.demo.players.AGAIN_S", 0.0)
    portal = Portal()
    portal.answers = [httpx.ReadError("broken"), httpx.Response(502), httpx.Response(200, json={"sequence": 8})]
    async with portal.http() as http:
        await Player(http, "duty", "pw", "c", "u-1").press("abc", "accept", 7)
    assert len({sent.headers["idempotency-key"] for sent in portal.came}) == 1
    assert len({sent.content for sent in portal.came}) == 1
    assert len(portal.came) == 3


async def test_a_refusal_is_said_with_who_what_and_the_answer():
    portal = Portal()
    portal.answers = [httpx.Response(409, json={"title": "stale"})]
    async with portal.http() as http:
        with pytest.raises(Unexpected, match=r"duty .*accept.*409.*stale"):
            await Player(http, "duty", "pw", "c", "u-1").press("abc", "accept", 7)


async def test_a_report_sends_only_what_it_says():
    portal = Portal()
    receipt = {"case": "abc", "number": "1", "code": "X", "sequence": 1, "street": None, "community": "unknown"}
    portal.answers = [httpx.Response(201, json=receipt)]
    report = Report(family="incident", kind="05-01", channel="grid", place=Place(lon=1.0, lat=2.0), text="t")
    async with portal.http() as http:
        assert (await Player(http, "g", "pw", "c", "u-1").register(report)).case == "abc"
    assert json.loads(portal.came[0].content)["place"] == {"lon": 1.0, "lat": 2.0}


async def test_a_link_is_opened_by_get_and_answered_by_post():
    portal = Portal()
    portal.answers = [httpx.Response(200), httpx.Response(200), httpx.Response(200)]
    async with portal.http() as http:
        link = SignedLink(http, f"{PORTAL}/w/tok.en")
        await link.open()
        await link.press(answer="coming")
        await link.press("attend")
    seen = [(sent.method, sent.url.path) for sent in portal.came]
    assert seen == [("GET", "/w/tok.en"), ("POST", "/v1/links/tok.en"), ("POST", "/v1/links/tok.en/attend")]


def _mail(case: str, id_: str, purpose: str = "whistle", rank: int = 1) -> email.message.EmailMessage:
    mail = email.message.EmailMessage()
    mail["From"], mail["To"], mail["Subject"], mail["Message-ID"] = "a@demo.invalid", "u-2@demo.invalid", "一哨", id_
    mail["X-Maodiao-Case"], mail["X-Maodiao-Obligation"] = case, "w1"
    mail["X-Maodiao-Rank"], mail["X-Maodiao-Purpose"] = str(rank), purpose
    mail.set_content(f"请到场。\n{PORTAL}/w/tok.en\n链接 3 天内有效。", cte="base64")
    return mail


async def test_mail_is_kept_by_case_and_a_repeat_is_counted_and_dropped():
    async with Mailbox() as mailbox:
        for mail in (_mail("a", "<1@x>"), _mail("a", "<1@x>"), _mail("b", "<2@x>", "assignment", 0)):
            await aiosmtplib.send(mail, hostname="127.0.0.1", port=mailbox.port)
        found = await mailbox.wait("a", "whistle", rank=1, within_s=5)
        assert (found.staff, found.link, found.obligation) == ("u-2", f"{PORTAL}/w/tok.en", "w1")
        assert (mailbox.total, mailbox.repeated, mailbox.counts()) == (2, 1, {"a": 1, "b": 1})
        with pytest.raises(Unexpected, match=r"a mail of purpose assignment within 0 s; saw .*whistle"):
            await mailbox.wait("a", "assignment", within_s=0)


async def test_waiting_in_vain_says_what_was_expected_and_what_was_seen():
    async def look() -> int:
        return 3

    with pytest.raises(Unexpected, match="expected four within 0 s; saw 3"):
        await until(look, lambda seen: seen == 4, "four", 0)
