"""A mail server for a machine without one: what would have been sent lies in a folder, a file each."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST: Final = "127.0.0.1"


class Maildrop:
    """Takes every mail and writes it to `folder`, readable for its owner alone. Nothing leaves the machine."""

    def __init__(self, folder: Path) -> None:
        """Nothing listens yet; the folder is made at the start."""
        self.folder = folder
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen on a free port. Returns: which."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: SMTP(self, hostname="maodiao.invalid", loop=loop), HOST, 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Write one mail."""
        content = envelope.content or b""
        await asyncio.to_thread(self._write, content if isinstance(content, bytes) else content.encode())
        return "250 taken"

    def _write(self, content: bytes) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        path, again = self.folder / f"{stamp}.eml", 0
        while True:
            try:
                path.touch(mode=0o600, exist_ok=False)
            except FileExistsError:
                again += 1
                path = self.folder / f"{stamp}-{again}.eml"
            else:
                path.write_bytes(content)
                return
