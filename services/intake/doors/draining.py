"""Lets a refused client read why: a body too large is read off, up to a bound, before the answer is sent.

Without it the connection is reset while the client still sends, and it sees a broken connection and no 413.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TOO_LARGE = 413
_MOST = 64 * 1024 * 1024  # bytes read off and thrown away; beyond that the connection is closed after all


class Draining:
    """ASGI middleware, outside of the one that refuses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        more = True

        async def noted() -> Message:
            nonlocal more
            message = await receive()
            more = bool(message.get("more_body")) if message["type"] == "http.request" else False
            return message

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == _TOO_LARGE:
                read = 0
                while more and read < _MOST:
                    read += len((await noted()).get("body", b""))
            await send(message)

        await self._app(scope, noted, answered)
