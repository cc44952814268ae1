"""Channels against real servers on this machine: what each answer of the other side means."""

from __future__ import annotations

import email
import email.policy
import hmac
import json
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import httpx
import pytest
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
    """A receiver of webhooks."""

    answers: list[httpx.Response | Exception] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else httpx.Response(204)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
async def hook() -> AsyncIterator[tuple[Hook, WebhookChannel]]:
    receiver = Hook()
    async with httpx.AsyncClient(transport=httpx.MockTransport(receiver)) as client:
        yield receiver, WebhookChannel(client, webhook_key(b"link key"), ManualClock(NINE))


async def test_a_receiver_can_check_who_sent_it_and_drop_a_repeat(hook):
    receiver, channel_ = hook
    assert await channel_.send("https://hooks.invalid/duty", MESSAGE) == Sent()
    (request,) = receiver.requests
    at = request.headers["x-maodiao-timestamp"]
    expected = hmac.new(webhook_key(b"link key"), f"{at}.".encode() + request.content, "sha256").hexdigest()
    assert request.headers["x-maodiao-signature"] == f"sha256={expected}"
    assert request.headers["idempotency-key"] == MESSAGE.id
    body = json.loads(request.content)
    assert (body["case"], body["rank"], body["link"]) == (SUBJECT, 1, MESSAGE.link)


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        (httpx.Response(500), Retry("webhook_500")),
        (httpx.Response(429, headers={"retry-after": "7"}), Retry("webhook_429", timedelta(seconds=7))),
        (httpx.Response(503, headers={"retry-after": "Wed, 21 Oct"}), Retry("webhook_503")),
        (httpx.Response(404), Failed("webhook_404")),
        (httpx.Response(302, headers={"location": "https://elsewhere.invalid"}), Failed("webhook_302")),
        (httpx.ConnectError("x"), Retry("webhook_unanswered")),
        (httpx.ReadTimeout("x"), Retry("webhook_unanswered")),
    ],
)
async def test_what_the_receiver_answers_decides(hook, answer, result):
    receiver, channel_ = hook
    receiver.answers = [answer]
    assert await channel_.send("https://hooks.invalid/duty", MESSAGE) == result
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    "address", ["file:///etc/passwd", "ftp://x.invalid", "https://", "https://x:99999", "nonsense"]
)
async def test_what_is_no_web_address_is_not_called(hook, address):
    receiver, channel_ = hook
    assert await channel_.send(address, MESSAGE) == Failed("address")
    assert receiver.requests == []


def test_the_key_of_webhooks_is_not_the_key_of_links():
    assert webhook_key(b"link key") != b"link key" and len(webhook_key(b"link key")) == 32
