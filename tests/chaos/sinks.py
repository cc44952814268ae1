"""Where messages arrive: a mail server and a receiver of webhooks, which note each arrival before they answer."""

from __future__ import annotations

import email
import email.policy
import time
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from aiohttp import web
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.embedded.folder import port_is_free
from tests.chaos.evidence import Arrival
from tests.chaos.reading import Notebook


class _Body(msgspec.Struct):
    id: str
    case: str
    obligation: str
    rank: int
    purpose: str


_bodies = msgspec.json.Decoder(_Body)


class _Mailbox:
    def __init__(self, book: Notebook) -> None:
        self._book = book

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self._book.note(
            Arrival(
                at=time.time(),
                id=str(mail["Message-ID"]),
                channel="email",
                to=str(envelope.rcpt_tos[0]).partition("@")[0],
                case=str(mail["X-Maodiao-Case"]),
                obligation=str(mail["X-Maodiao-Obligation"]),
                rank=int(mail["X-Maodiao-Rank"]),
                purpose=str(mail["X-Maodiao-Purpose"]),
            )
        )
        return "250 taken"


class Sinks:
    """Both, on free ports of this machine: `async with Sinks(file) as sinks`."""

    def __init__(self, notes: Path) -> None:
        self._book = Notebook(notes)
        self.smtp_port, self.webhook_port = _free(23_000), _free(24_000)
        self._smtp = Controller(_Mailbox(self._book), hostname="127.0.0.1", port=self.smtp_port)
        self._runner: web.AppRunner | None = None

    def webhook(self, staff: str) -> str:
        """The address at which this person's webhook is taken."""
        return f"http://127.0.0.1:{self.webhook_port}/{staff}"

    async def __aenter__(self) -> Self:
        self._smtp.start()
        app = web.Application()
        app.router.add_post("/{staff}", self._take)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.webhook_port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._smtp.stop()
        self._book.close()

    async def _take(self, request: web.Request) -> web.Response:
        body = _bodies.decode(await request.read())
        self._book.note(
            Arrival(
                at=time.time(), id=body.id, channel="webhook", to=request.match_info["staff"], case=body.case,
                obligation=body.obligation, rank=body.rank, purpose=body.purpose,
            )
        )  # fmt: skip
        return web.Response(status=204)


def _free(first: int) -> int:
    return next(port for port in range(first, first + 500) if port_is_free(port))
