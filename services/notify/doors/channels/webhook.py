"""A POST to an address that the person's organisation gave: a chat robot's gateway, a duty phone's server.

The body is signed: `X-Maodiao-Signature: sha256=<hex of HMAC-SHA256(key, timestamp "." body)>`. The key is made of
the installation's link key (`maodiao staff webhook-key` shows it), so it is never a key that could sign a link.
"""

from __future__ import annotations

import hmac
from datetime import timedelta

import httpx
import msgspec

from services.kernel.clock import Clock
from services.notify.doors.channels.port import Failed, Message, Result, Retry, Sent

_LAST_PORT = 65_535  # the library lets more through, and the socket then fails in a way that is no answer
_LATER = (408, 425, 429)  # refused now, not for good


def webhook_key(link_key: bytes) -> bytes:
    """The key that signs webhooks; of it the link key can't be found."""
    return hmac.digest(link_key, b"maodiao webhook", "sha256")


def signature(key: bytes, timestamp: int, body: bytes) -> str:
    """The value of the header. timestamp: Unix seconds, sent beside it, so that an old message can be refused."""
    return "sha256=" + hmac.new(key, f"{timestamp}.".encode() + body, "sha256").hexdigest()


class WebhookChannel:
    """Follows no redirect: an address is where the operator said, or it has failed."""

    def __init__(self, client: httpx.AsyncClient, key: bytes, clock: Clock) -> None:
        self._client, self._key, self._clock = client, key, clock

    async def send(self, address: str, message: Message) -> Result:
        """See `Channel`."""
        try:
            url = httpx.URL(address)
        except (httpx.InvalidURL, ValueError):
            return Failed("address")
        if url.scheme not in ("http", "https") or not url.host or (url.port or 0) > _LAST_PORT:
            return Failed("address")
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
            response = await self._client.post(url, content=body, headers=headers, follow_redirects=False)
        except httpx.HTTPError:
            return Retry("webhook_unanswered")
        return _result(response)


def _result(response: httpx.Response) -> Result:
    code = response.status_code
    if response.is_success:
        return Sent()
    if code in _LATER or code >= httpx.codes.INTERNAL_SERVER_ERROR:
        asked = response.headers.get("retry-after", "")
        return Retry(f"webhook_{code}", timedelta(seconds=int(asked)) if asked.isascii() and asked.isdigit() else None)
    return Failed(f"webhook_{code}")
