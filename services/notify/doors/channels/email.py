"""E-mail by SMTP (RFC 5321)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import aiosmtplib

from services.kernel.clock import Clock
from services.notify.doors.channels.port import Failed, Message, Result, Retry, Sent

_PERMANENT = 500  # replies of 500 and above say: do not try this again (RFC 5321, 4.2.1)


@dataclass(frozen=True, slots=True)
class Server:
    """Where to hand mail over. sender: the address in From. tls: none, starttls, tls (from the first byte)."""

    host: str
    port: int
    sender: str
    tls: str = "none"
    user: str | None = None
    password: str | None = None
    timeout_s: float = 10.0


class EmailChannel:
    """A connection per message: a mail server that restarts costs one attempt and nothing else."""

    def __init__(self, server: Server, clock: Clock) -> None:
        self._server, self._clock = server, clock
        self._tls = ssl.create_default_context() if server.tls != "none" else None

    async def send(self, address: str, message: Message) -> Result:
        """See `Channel`. A time-out after the data were sent is an unknown answer: it is tried again, and the equal
        Message-ID lets the mail system drop the repeat."""
        server = self._server
        try:
            await aiosmtplib.send(
                self.compose(address, message),
                sender=server.sender,
                recipients=[address],
                hostname=server.host,
                port=server.port,
                username=server.user,
                password=server.password,
                timeout=server.timeout_s,
                use_tls=server.tls == "tls",
                start_tls=server.tls == "starttls",
                tls_context=self._tls,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = [refused.code for refused in error.recipients]
            return _by_code(max(codes, default=0))
        except aiosmtplib.SMTPAuthenticationError:  # ours to mend; the person's address is not at fault
            return Retry("smtp_login")
        except aiosmtplib.SMTPResponseException as error:
            return _by_code(error.code)
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            return Retry("smtp_unanswered")
        except ValueError:  # an address that can't be written into a header
            return Failed("address")
        return Sent()

    def compose(self, address: str, message: Message) -> EmailMessage:
        """The mail. Auto-Submitted keeps out-of-office answers away (RFC 3834)."""
        mail = EmailMessage(policy=SMTP)
        mail["From"], mail["To"], mail["Subject"] = self._server.sender, address, message.title
        mail["Date"] = format_datetime(self._clock.now())
        mail["Message-ID"] = f"<{message.id}@{self._server.sender.rpartition('@')[2]}>"
        mail["Auto-Submitted"] = "auto-generated"
        for name, value in message.reference.items():
            mail[f"X-Maodiao-{name.title()}"] = str(value)
        mail.set_content(message.text, cte="base64")
        return mail


def _by_code(code: int) -> Result:
    return Failed(f"smtp_{code}") if code >= _PERMANENT else Retry(f"smtp_{code}")
