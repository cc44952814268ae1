"""A relay whose connection breaks begins again, in whatever words the driver says so."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest
import structlog
from prometheus_client import CollectorRegistry

from services.kernel.broker import KafkaLogin
from services.kernel.relay import Relay, RelayPlan
from services.kernel.telemetry import RelayMetrics


class Broken:
    """A connection that the server has closed: the next statement fails."""

    def __init__(self, fault: Exception) -> None:
        self._fault = fault
        self.terminated = False

    async def execute(self, _: str) -> None:
        raise self._fault

    def terminate(self) -> None:
        self.terminated = True


@pytest.mark.parametrize(
    "fault",
    [
        ConnectionResetError(),
        asyncpg.IdleSessionTimeoutError("terminating connection due to idle-session timeout"),
        asyncpg.InterfaceError("connection is closed"),
        # Seen when the server closes the connection while the driver prepares its next statement.
        asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"),
    ],
    ids=lambda fault: type(fault).__name__,
)
async def test_a_broken_connection_is_replaced(fault: Exception, tmp_path: Path) -> None:
    made: list[Broken] = []
    again = asyncio.Event()

    async def connect() -> Broken:
        if made:
            again.set()
            await asyncio.Event().wait()
        made.append(Broken(fault))
        return made[-1]

    password = tmp_path / "password"
    password.write_text("x")
    login = KafkaLogin(kafka="127.0.0.1:1", kafka_user="x", kafka_password_file=password)
    metrics = RelayMetrics("toy", CollectorRegistry())
    relay = Relay(RelayPlan("toy", "toy-1"), login, connect, structlog.get_logger(), metrics)  # type: ignore[arg-type]
    running = asyncio.create_task(relay.run())
    try:
        waiting = asyncio.create_task(again.wait())
        done, _ = await asyncio.wait({running, waiting}, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        assert waiting in done, running
        assert made[0].terminated
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
