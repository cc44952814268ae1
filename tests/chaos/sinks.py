"""Where messages arrive: a mail server and a receiver of webhooks, which note each arrival before they answer.

`python -m tests.chaos.sinks FILE SMTP_PORT WEBHOOK_PORT` is a process of its own: a sink that is slow because its
process is busy with load would be an unknown answer, and a repeat of its own making.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import signal
import socket
import subprocess
import sys
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
from deploy.init import REPOSITORY
from tests.chaos.evidence import Arrival
from tests.chaos.reading import Notebook

_START_S = 30.0


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

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        assert isinstance(envelope.content, bytes)
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self._book.note(
            Arrival(
                at=time.time(), id=str(mail["Message-ID"]), channel="email",
                to=str(envelope.rcpt_tos[0]).partition("@")[0], case=str(mail["X-Maodiao-Case"]),
                obligation=str(mail["X-Maodiao-Obligation"]), rank=int(mail["X-Maodiao-Rank"]),
                purpose=str(mail["X-Maodiao-Purpose"]),
            )
        )  # fmt: skip
        return "250 taken"


class _Hooks:
    def __init__(self, book: Notebook) -> None:
        self._book = book

    async def take(self, request: web.Request) -> web.Response:
        body = _bodies.decode(await request.read())
        self._book.note(
            Arrival(
                at=time.time(), id=body.id, channel="webhook", to=request.match_info["staff"], case=body.case,
                obligation=body.obligation, rank=body.rank, purpose=body.purpose,
            )
        )  # fmt: skip
        return web.Response(status=204)


async def serve(notes: Path, smtp_port: int, webhook_port: int) -> None:
    """Take what comes until SIGTERM."""
    stopping, book = asyncio.Event(), Notebook(notes)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    smtp = Controller(_Mailbox(book), hostname="127.0.0.1", port=smtp_port)
    smtp.start()
    app = web.Application()
    app.router.add_post("/{staff}", _Hooks(book).take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", webhook_port).start()
    await stopping.wait()
    await runner.cleanup()
    smtp.stop()
    book.close()


class Sinks:
    """Both, in their process, on free ports of this machine: `async with Sinks(file) as sinks`."""

    def __init__(self, notes: Path) -> None:
        self._notes = notes
        self.smtp_port, self.webhook_port = _free(23_000), _free(24_000)

    async def __aenter__(self) -> Self:
        argv = [
            sys.executable,
            "-m",
            "tests.chaos.sinks",
            str(self._notes),
            str(self.smtp_port),
            str(self.webhook_port),
        ]
        self._process = subprocess.Popen(argv, cwd=REPOSITORY, start_new_session=True)  # noqa: ASYNC220
        deadline = time.monotonic() + _START_S
        while not (_listens(self.smtp_port) and _listens(self.webhook_port)):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("The sinks did not start.")
            await asyncio.sleep(0.05)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        await asyncio.to_thread(self._process.wait, 10)


def _free(first: int) -> int:
    return next(port for port in range(first, first + 500) if port_is_free(port))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
