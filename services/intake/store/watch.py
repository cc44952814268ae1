"""What has just been written, for the pages that are open: woken by NOTIFY, read from the archive of events.

Ids are drawn before commit, so a row may appear below the newest one seen. No transaction of intake lives longer than
5 s (its role's transaction_timeout): rows are looked for again until they are older than that.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import asyncpg
import msgspec

from services.intake.events import TOPIC
from services.kernel.telemetry import Logger

_AGAIN_S = 10.0
_PAUSE_S = 1.0  # a NOTIFY may be lost with its connection: look all the same
_GATHER_S = 0.05  # many cases change at once: tell of them together
_MOST_WAITING = 1_000


class _Head(msgspec.Struct):
    type: str


_heads = msgspec.json.Decoder(_Head)


@dataclass(frozen=True, slots=True)
class Changed:
    """A case has a new event. row: place in the archive, for Last-Event-ID of lists."""

    row: int
    case: str
    sequence: int
    type: str


class Watch:
    """Tells every open page of this process; a page that does not keep up is told to read everything again.

    Args:
        connect: opens a connection of its own. log: telemetry.
    """

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]], log: Logger) -> None:
        self._connect, self._log = connect, log
        self._open: set[asyncio.Queue[Changed | None]] = set()
        self._seen: dict[int, float] = {}
        self._floor: int | None = None

    @contextmanager
    def subscribed(self) -> Iterator[asyncio.Queue[Changed | None]]:
        """A queue of changes from now on; None in it means: some were left out."""
        queue: asyncio.Queue[Changed | None] = asyncio.Queue(_MOST_WAITING)
        self._open.add(queue)
        try:
            yield queue
        finally:
            self._open.discard(queue)

    async def run(self) -> None:
        """Listen until cancelled; after a fault of the database begin again from where it was."""
        while True:
            try:
                async with self._session() as (connection, woken):
                    while True:
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(woken.wait(), _PAUSE_S)
                        woken.clear()
                        await self._look(connection)
                        await asyncio.sleep(_GATHER_S)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as fault:
                self._log.warning("watch begins again", error=type(fault).__name__)
                await asyncio.sleep(_PAUSE_S)

    @contextlib.asynccontextmanager
    async def _session(self) -> AsyncIterator[tuple[asyncpg.Connection, asyncio.Event]]:
        connection, woken = await self._connect(), asyncio.Event()
        try:
            await connection.add_listener("intake_outbox", lambda *_: woken.set())
            if self._floor is None:
                self._floor = await connection.fetchval("SELECT coalesce(max(id), 0) FROM intake.event")
            yield connection, woken
        finally:
            connection.terminate()

    async def _look(self, connection: asyncpg.Connection) -> None:
        rows = await connection.fetch(
            "SELECT id, key, sequence, body FROM intake.event WHERE topic = $1 AND id > $2 ORDER BY id LIMIT 5000",
            TOPIC,
            self._floor,
        )
        now = asyncio.get_running_loop().time()
        for row in rows:
            if row["id"] not in self._seen:
                self._seen[row["id"]] = now
                self._tell(Changed(row["id"], row["key"], row["sequence"], _heads.decode(row["body"]).type))
        old = [id_ for id_, at in self._seen.items() if at < now - _AGAIN_S]
        if old:
            self._floor = max(old)
            self._seen = {id_: at for id_, at in self._seen.items() if id_ > self._floor}

    def _tell(self, changed: Changed) -> None:
        for queue in self._open:
            if queue.full():
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(None)
            else:
                queue.put_nowait(changed)
