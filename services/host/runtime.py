"""Runs the roles of one service process (door, worker, relay) until a signal or a fault ends it.

A composition root builds the parts and calls `run`. Any part that ends with an error ends the process: a supervisor
starts it again, and it finds its place in the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Generic

import asyncpg
import uvicorn
import uvloop
from fastapi import FastAPI

from services.host.settings import ServiceSettings
from services.kernel.core import I, S, V
from services.kernel.processor import Processor
from services.kernel.progress import follow_marks
from services.kernel.relay import ArchiveError, Relay, RelayPlan
from services.kernel.telemetry import Logger, RelayMetrics
from services.kernel.transports.aiokafka import KafkaTransport
from services.kernel.transports.port import GroupPlan, Transport
from services.kernel.waking import Waker

_GRACE_S = 8.0  # for the batch in flight; then the process ends all the same


@dataclass(slots=True)
class Part:
    """Something that runs until cancelled."""

    name: str
    run: Callable[[], Coroutine[object, object, None]]


@dataclass(slots=True)
class Parts:
    """What this process runs, and what is closed afterwards, last opened first."""

    running: list[Part] = field(default_factory=list)
    closing: list[Callable[[], Awaitable[object]]] = field(default_factory=list)

    def add(self, name: str, run: Callable[[], Coroutine[object, object, None]]) -> None:
        self.running.append(Part(name, run))


async def open_pool(settings: ServiceSettings, *, most: int = 6) -> asyncpg.Pool:
    """Connections as the service's role. max_connections is soon used up: each process has a budget."""
    # asyncpg would reset a connection given back with a statement for each of ours, which change no session. A service
    # finds rows by keys; a plan made while a table was empty would read all of it for as long as the session lives.
    return await asyncpg.create_pool(
        settings.dsn_with_password, min_size=1, max_size=most, command_timeout=30, reset=lambda _: asyncio.sleep(0),
        server_settings={"application_name": settings.instance, "jit": "off", "enable_seqscan": "off"},
    )  # fmt: skip


async def open_connection(settings: ServiceSettings) -> asyncpg.Connection:
    """A connection of its own, for a relay or a listener."""
    return await asyncpg.connect(
        settings.dsn_with_password, command_timeout=10, server_settings={"application_name": settings.instance}
    )


def door(app: FastAPI, settings: ServiceSettings) -> Part:
    """The HTTP door on the settings' address."""
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=64 * 1024,
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined] # the signals are ours

    async def serve() -> None:
        try:
            await server.serve()
        except SystemExit as error:  # uvicorn's way to say that the port is taken
            raise RuntimeError(f"The port {settings.http_port} on {settings.http_host} can't be opened.") from error

    return Part("door", serve)


def relay(schema: str, settings: ServiceSettings, log: Logger, waker: Waker, log_topic: str | None = None) -> Part:
    """The service's relay; `log_topic` where it owns the subjects' log and so writes marks. waker: of this process."""
    plan = RelayPlan(schema, settings.instance, log_topic)
    made = Relay(plan, settings, lambda: open_connection(settings), log, RelayMetrics(schema), waker)
    return Part("relay", made.run)


@dataclass(frozen=True, slots=True)
class Worker(Generic[S, I, V]):
    """A processor on a transport, with its marks, its limits and its redrives."""

    processor: Processor[S, I, V]
    plan: GroupPlan
    log: Logger
    fires: bool  # limits fire here: follow the marks
    transport: str = "aiokafka"
    look_every_s: float = 1.0  # for a redrive asked for, a mark that was ahead of the records, records that wait

    def parts(self) -> Sequence[Part]:
        parts = [Part("worker", self._transport().run), Part("redrive", self._redrive)]
        if self.fires:
            woken = asyncio.Event()
            parts += [Part("marks", lambda: self._follow(woken)), Part("limits", lambda: self._fire(woken))]
        return parts

    def _transport(self) -> Transport:
        if self.transport == "faust":
            from services.kernel.transports.faust import FaustTransport  # only where it is wanted: a slow import

            return FaustTransport(self.plan, self.processor)
        return KafkaTransport(self.plan, self.processor)

    async def _follow(self, woken: asyncio.Event) -> None:
        def heard(mark: object) -> None:
            self.processor.marks.add(mark)  # type: ignore[arg-type]
            woken.set()

        await follow_marks(self.plan.login, f"{self.plan.instance}-marks", heard, self.log)

    async def _fire(self, woken: asyncio.Event) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), self.look_every_s)
            woken.clear()
            while await self.processor.fire():  # noqa: ASYNC110 - not a wait: lets records come between two rounds
                await asyncio.sleep(0)

    async def _redrive(self) -> None:
        while True:
            await asyncio.sleep(self.look_every_s)
            await self.processor.settle()
            if applied := await self.processor.redrive():
                self.log.info("redriven", records=applied)


def run(main: Callable[[], Awaitable[Parts]], log: Logger) -> None:
    """Build the parts, run them, and leave: exit 0 on SIGTERM and SIGINT, 1 when a part failed."""
    sys.exit(uvloop.run(_run(main, log)))


def calm_collector() -> None:
    """What stands now lives as long as the process, and a batch makes tens of thousands of objects and drops them all:
    Python's collector need not look at every few hundred of them."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


async def _run(main: Callable[[], Awaitable[Parts]], log: Logger) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopped.set)
    try:
        parts = await main()
    except ArchiveError as error:
        log.error("can't start", reason=str(error))  # noqa: TRY400 - the sentence says all
        return 1
    calm_collector()
    tasks = [asyncio.create_task(part.run(), name=part.name) for part in parts.running]
    waiter = asyncio.create_task(stopped.wait(), name="signal")
    log.info("started", parts=[part.name for part in parts.running], pid=os.getpid())
    await asyncio.wait([waiter, *tasks], return_when=asyncio.FIRST_COMPLETED)
    code = _report([task for task in tasks if task.done()], log)
    for task in (waiter, *tasks):
        task.cancel()
    await asyncio.wait([waiter, *tasks], timeout=_GRACE_S)
    for close in reversed(parts.closing):
        await asyncio.wait_for(close(), _GRACE_S)
    log.info("stopped", code=code)
    return code


def _report(ended: Sequence[asyncio.Task[None]], log: Logger) -> int:
    for task in ended:
        error = None if task.cancelled() else task.exception()
        if error is None:
            log.error("a part ended by itself", part=task.get_name())
        else:
            log.error(
                "a part failed", part=task.get_name(), error=type(error).__name__, reason=str(error), exc_info=error
            )
    return 1 if ended else 0
