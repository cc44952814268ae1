"""A POST to an address that the person's organisation gave: a chat robot's gateway, a duty phone's server.

The body is signed: `X-Maodiao-Signature: sha256=<hex of HMAC-SHA256(key, timestamp "." body)>`. The key is made of
the installation's link key (`maodiao staff webhook-key` shows it), so it is never a key that could sign a link.
"""

from __future__ import annotations

import hmac
import re
from datetime import timedelta
from http import HTTPStatus

import aiohttp
import msgspec

from services.kernel.clock import Clock
from services.notify.doors.channels.port import Failed, Message, Result, Retry, Sent

_SECONDS = re.compile(r"[0-9]{1,9}")  # more digits would be no span of time; a date is not read
_LATER = (408, 425, 429)  # refused now, not for good


def webhook_key(link_key: bytes) -> bytes:
    """The key that signs webhooks; of it the link key can't be found."""
    return hmac.digest(link_key, b"maodiao webhook", "sha256")


def signature(key: bytes, timestamp: int, body: bytes) -> str:
    """The value of the header. timestamp: Unix seconds, sent beside it, so that an old message can be refused."""
    return "sha256=" + hmac.new(key, f"{timestamp}.".encode() + body, "sha256").hexdigest()


class WebhookChannel:
    """Follows no redirect: an address is where the operator said, or it has failed.

    aiohttp, because a call of the library that the doors use costs eight times the processor time.

    Args:
        session: with the time limit of a call, and open until this process ends.
    """

    def __init__(self, session: aiohttp.ClientSession, key: bytes, clock: Clock) -> None:
        self._session, self._key, self._clock = session, key, clock

    async def send(self, address: str, message: Message) -> Result:
        """See `Channel`."""
        body = msgspec.json.encode(
            {
                "id": message.id,
                **message.reference,
                "title": message.title,
                "text": message.text,
                "link": message.link,
            }
        )
        at = int(self._clock.now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": message.id,
            "X-Maodiao-Timestamp": str(at),
            "X-Maodiao-Signature": signature(self._key, at, body),
        }
        try:
            async with self._session.post(address, data=body, headers=headers, allow_redirects=False) as response:
                return _result(response.status, response.headers.get("Retry-After", ""))
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError, UnicodeError):  # the last: no name of a host
            return Failed("address")
        except (aiohttp.ClientError, TimeoutError):
            return Retry("webhook_unanswered")


def _result(status: int, retry_after: str) -> Result:
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Sent()
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        after = timedelta(seconds=int(retry_after)) if _SECONDS.fullmatch(retry_after) else None
        return Retry(f"webhook_{status}", after)
    return Failed(f"webhook_{status}")
