"""The mail server of the demo: everybody's inbox, by case."""

import asyncio
import email
import email.policy
import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from typing import Final, Self

import httpx
from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.demo.expecting import Unexpected, until

_HEADERS: Final = BytesHeaderParser(policy=email.policy.default)
_LINK: Final = re.compile(r"https?://\S+")


class Mail:
    """A mail that was taken. Its head is read at once, its text when somebody opens it."""

    def __init__(self, to: str, content: bytes) -> None:
        """`to` is the address, `content` the mail as it came."""
        head = _HEADERS.parsebytes(content)
        self.to, self.at = to, datetime.now(UTC)
        self.id = str(head["Message-ID"])
        self.subject = str(head["Subject"])
        self.case = str(head["X-Maodiao-Case"])
        self.obligation = str(head["X-Maodiao-Obligation"])
        self.rank = int(head["X-Maodiao-Rank"] or 0)
        self.purpose = str(head["X-Maodiao-Purpose"])
        self._content = content

    @property
    def staff(self) -> str:
        """To whom, by staff id: the invented addresses are made of them."""
        return self.to.partition("@")[0]

    @property
    def link(self) -> str:
        """The link in the text. Raises: Unexpected, where there is none."""
        mail = email.message_from_bytes(self._content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage), "the policy makes these"
        part = mail.get_body(("plain",))
        found = _LINK.search(part.get_content()) if part is not None else None
        if found is None:
            raise Unexpected(f"expected a link in the mail «{self.subject}»; saw none")
        return found.group()


class Mailbox:
    """An SMTP server on a free port of its host: `async with Mailbox() as mailbox`."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Port 0: a free one."""
        self._host, self._port = host, port
        self._server: asyncio.Server | None = None
        self.ids: set[str] = set()
        self.repeated = 0
        self._by_case: defaultdict[str, list[Mail]] = defaultdict(list)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="demo.invalid", loop=loop), self._host, self._port
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None, "entered"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def total(self) -> int:
        """How many different mails came."""
        return len(self.ids)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a mail; one that came before is counted and dropped, as mail systems do by Message-ID."""
        content = envelope.content or b""
        mail = Mail(envelope.rcpt_tos[0], content if isinstance(content, bytes) else content.encode())
        if mail.id in self.ids:
            self.repeated += 1
        else:
            self.ids.add(mail.id)
            self._by_case[mail.case].append(mail)
        return "250 taken"

    def first(self) -> Mapping[str, datetime]:
        """When the first mail about each case came."""
        return {case: mails[0].at for case, mails in self._by_case.items()}

    def counts(self) -> Mapping[str, int]:
        """How many different mails came about each case."""
        return {case: len(mails) for case, mails in self._by_case.items()}

    def of(self, case: str) -> tuple[Mail, ...]:
        """What came about a case, in order."""
        return tuple(self._by_case.get(case, ()))

    async def wait(self, case: str, purpose: str, rank: int = 0, within_s: float = 15.0) -> Mail:
        """The first mail about a case with this purpose (`whistle`, `assignment` …) and rank (0: any).

        Raises: Unexpected, where none comes in time.
        """

        async def look() -> list[Mail]:
            return [mail for mail in self.of(case) if mail.purpose == purpose and rank in (0, mail.rank)]

        expected = f"a mail of purpose {purpose}{f', rank {rank}' if rank else ''}"
        came = await until(
            look, bool, expected, within_s, lambda _: [(mail.purpose, mail.rank) for mail in self.of(case)] or "no mail"
        )
        return came[0]


class SignedLink:
    """A link out of a mail, opened and answered without signing in."""

    def __init__(self, http: httpx.AsyncClient, link: str) -> None:
        """`http` has the portal as its base; `link` as it stands in the mail."""
        self._http, self._page = http, link
        self._path = f"/v1/links/{link.rpartition('/')[2]}"

    async def open(self) -> None:
        """Open the page. It acknowledges nothing."""
        answer = await self._http.get(self._page)
        if answer.status_code != 200:
            raise Unexpected(f"expected the page of a signed link; saw {answer.status_code} {answer.text[:200]}")

    async def press(self, step: str = "", **fields: str) -> None:
        """Answer: step empty for the first answer, else `attend`, `answer`, `settle`."""
        path = f"{self._path}/{step}" if step else self._path
        answer = await self._http.post(path, json=fields)
        if not answer.is_success:
            raise Unexpected(f"expected a press on a signed link; saw {answer.status_code} {answer.text[:300]}")
