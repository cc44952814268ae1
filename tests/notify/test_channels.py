"""Channels against real servers on this machine: what each answer of the other side means."""

from __future__ import annotations

import email
import email.policy
import hmac
import json
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web
from aiosmtpd.controller import Controller

from services.notify.doors.channels.email import EmailChannel, Server
from services.notify.doors.channels.port import Failed, Message, Retry, Sent
from services.notify.doors.channels.webhook import WebhookChannel, webhook_key
from tests.clock import ManualClock

from .examples import NINE, SUBJECT

MESSAGE = Message(
    "0f" * 16,
    {"case": SUBJECT, "obligation": "w1", "rank": 1, "purpose": "whistle"},
    "【矛调】一哨：请到场",
    "一哨：请到场。\nhttp://portal.invalid/w/x\n",
    "http://portal.invalid/w/x",
)
ADDRESS = "head@example.invalid"


@dataclass
class Mailbox:
    """Answers with whatever a test wants."""

    rcpt: str = "250 ok"
    data: str = "250 taken"
    contents: list[bytes] = field(default_factory=list)

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:  # noqa: N802 - aiosmtpd's name
        if self.rcpt.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        self.contents.append(envelope.content)
        return self.data


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def channel(port: int, timeout_s: float = 5.0) -> EmailChannel:
    return EmailChannel(Server("127.0.0.1", port, "maodiao@test.invalid", timeout_s=timeout_s), ManualClock(NINE))


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, EmailChannel]]:
    box, port = Mailbox(), free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, channel(port)
    controller.stop()


async def test_a_mail_taken_is_sent_in_chinese_with_an_id_of_the_delivery(mailbox):
    box, mail = mailbox
    assert await mail.send(ADDRESS, MESSAGE) == Sent()
    (content,) = box.contents
    read = email.message_from_bytes(content, policy=email.policy.default)
    assert read["Subject"] == MESSAGE.title and read["To"] == ADDRESS
    assert read["Message-ID"] == f"<{'0f' * 16}@test.invalid>" and read["Auto-Submitted"] == "auto-generated"
    assert (read["X-Maodiao-Case"], read["X-Maodiao-Purpose"]) == (SUBJECT, "whistle")
    assert read.get_content().splitlines() == MESSAGE.text.splitlines()


@pytest.mark.parametrize(
    ("where", "answer", "result"),
    [
        ("rcpt", "550 nobody of that name", Failed("smtp_550")),
        ("rcpt", "450 mailbox busy", Retry("smtp_450")),
        ("data", "554 no", Failed("smtp_554")),
        ("data", "451 later", Retry("smtp_451")),
        ("rcpt", "421 closing", Retry("smtp_421")),
    ],
)
async def test_what_the_mail_server_says_decides_and_its_words_stay_with_it(mailbox, where, answer, result):
    box, mail = mailbox
    setattr(box, where, answer)
    assert await mail.send(ADDRESS, MESSAGE) == result


async def test_nobody_listening_is_tried_again():
    assert await channel(free_port()).send(ADDRESS, MESSAGE) == Retry("smtp_unanswered")


async def test_a_server_that_says_nothing_is_tried_again():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        result = await channel(silent.getsockname()[1], timeout_s=0.2).send(ADDRESS, MESSAGE)
    assert result == Retry("smtp_unanswered")


async def test_an_address_with_a_line_break_goes_nowhere(mailbox):
    box, mail = mailbox
    assert await mail.send("a@b.invalid\r\nBcc: c@d.invalid", MESSAGE) == Failed("address")
    assert box.contents == []


@dataclass
class Hook:
    """A receiver of webhooks on this machine."""

    url: str = ""
    answers: list[web.Response] = field(default_factory=list)
    requests: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.requests.append((request.headers, await request.read()))
        return self.answers.pop(0) if self.answers else web.Response(status=204)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    receiver, app = Hook(), web.Application()
    app.router.add_post("/duty", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/duty"
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def webhooks() -> AsyncIterator[WebhookChannel]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=0.5)) as session:
        yield WebhookChannel(session, webhook_key(b"link key"), ManualClock(NINE))


async def test_a_receiver_can_check_who_sent_it_and_drop_a_repeat(hook, webhooks):
    assert await webhooks.send(hook.url, MESSAGE) == Sent()
    ((headers, content),) = hook.requests
    at = headers["x-maodiao-timestamp"]
    expected = hmac.new(webhook_key(b"link key"), f"{at}.".encode() + content, "sha256").hexdigest()
    assert headers["x-maodiao-signature"] == f"sha256={expected}"
    assert headers["idempotency-key"] == MESSAGE.id
    body = json.loads(content)
    assert (body["case"], body["rank"], body["link"]) == (SUBJECT, 1, MESSAGE.link)


@pytest.mark.parametrize(
    ("status", "headers", "result"),
    [
        (500, {}, Retry("webhook_500")),
        (429, {"retry-after": "7"}, Retry("webhook_429", timedelta(seconds=7))),
        (503, {"retry-after": "Wed, 21 Oct"}, Retry("webhook_503")),
        (503, {"retry-after": "9" * 20}, Retry("webhook_503")),
        (404, {}, Failed("webhook_404")),
        (302, {"location": "http://127.0.0.1:1/elsewhere"}, Failed("webhook_302")),
    ],
)
async def test_what_the_receiver_answers_decides(hook, webhooks, status, headers, result):
    hook.answers = [web.Response(status=status, headers=headers)]
    assert await webhooks.send(hook.url, MESSAGE) == result
    assert len(hook.requests) == 1


async def test_a_receiver_that_is_not_there_is_tried_again(webhooks):
    assert await webhooks.send(f"http://127.0.0.1:{free_port()}/duty", MESSAGE) == Retry("webhook_unanswered")


async def test_a_receiver_that_says_nothing_is_tried_again(webhooks):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        result = await webhooks.send(f"http://127.0.0.1:{silent.getsockname()[1]}/duty", MESSAGE)
    assert result == Retry("webhook_unanswered")


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "ftp://x.invalid",
        "https://",
        "https://x:99999",
        "nonsense",
        "",
        "http://[::1",
        "http://..",
    ],
)
async def test_what_is_no_web_address_is_not_called(webhooks, address):
    assert await webhooks.send(address, MESSAGE) == Failed("address")


def test_the_key_of_webhooks_is_not_the_key_of_links():
    assert webhook_key(b"link key") != b"link key" and len(webhook_key(b"link key")) == 32
