"""Wakes the sender when deliveries were written, and keeps its gauges."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from services.kernel.store import Unavailable
from services.kernel.telemetry import Logger
from services.notify.doors.metrics import SenderMetrics
from services.notify.store.deliveries import Deliveries

_LOOK_EVERY_S = 5.0


async def listen(
    connect: Callable[[], Awaitable[asyncpg.Connection]],
    wake: asyncio.Event,
    deliveries: Deliveries,
    metrics: SenderMetrics,
    log: Logger,
) -> None:
    """Hear of every batch that said something; deliveries are written in the same statement. Until cancelled.

    Should the connection be lost, the sender still looks by itself twice a second.
    """
    while True:
        try:
            connection = await connect()
            try:
                await connection.add_listener("notify_outbox", lambda *_: wake.set())
                while not connection.is_closed():
                    await asyncio.sleep(_LOOK_EVERY_S)
                    await connection.execute("SELECT 1")  # a dead peer shows only when something is sent
                    many, age = await deliveries.waiting()
                    metrics.due.set(many)
                    metrics.oldest.set(age)
            finally:
                connection.terminate()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, Unavailable, TimeoutError) as error:
            log.warning("listening begins again", error=type(error).__name__)
            await asyncio.sleep(0.5)
