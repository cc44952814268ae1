"""Reads off the rest of a refused body, so that its sender sees the answer instead of a broken connection."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST = 64 * 1024 * 1024
"""Bytes read off and thrown away at most; who sends more than that is cut off."""


class DrainRefused:
    """ASGI middleware around the one that bounds bodies: before a 413 goes out, what is still coming is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        rest = _Rest(receive)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 413:
                await rest.read_off(MOST)
            await send(message)

        await self._app(scope, rest.receive, answer)


class _Rest:
    """A body that knows whether more of it is coming."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._more = True

    async def receive(self) -> Message:
        message = await self._receive()
        self._more = message["type"] == "http.request" and bool(message.get("more_body"))
        return message

    async def read_off(self, most: int) -> None:
        read = 0
        while self._more and read < most:
            read += len((await self.receive()).get("body", b""))
