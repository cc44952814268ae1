"""One process of notify: its door, its worker with the sender, and its relay, wired together."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from datetime import timedelta
from urllib.request import getproxies

import aiohttp

from services.host import runtime
from services.host.http import Health, make_app
from services.host.logs import configure_logging
from services.host.runtime import Part, Parts, Worker
from services.kernel.clock import SystemClock
from services.kernel.fold import Folder
from services.kernel.processor import Processor
from services.kernel.relay import check_archive
from services.kernel.telemetry import Logger, ProcessorMetrics
from services.kernel.transports.port import GroupPlan
from services.kernel.waking import Waker
from services.notify.core.cases import Calls
from services.notify.core.patience import Patience
from services.notify.doors.channels.email import EmailChannel, Server
from services.notify.doors.channels.port import Channel
from services.notify.doors.channels.webhook import WebhookChannel, webhook_key
from services.notify.doors.directory import DirectoryFollower
from services.notify.doors.http import router
from services.notify.doors.messages import Composer
from services.notify.doors.metrics import SenderMetrics, keep_gauges
from services.notify.doors.outcomes import StoredOutcomes
from services.notify.doors.sender import Pace, Sender
from services.notify.doors.topics import reader
from services.notify.events import TOPIC
from services.notify.settings import NotifySettings
from services.notify.store.cases import CaseStore
from services.notify.store.deliveries import Deliveries
from services.notify.store.extension import DeliveryRows
from services.notify.store.units import Units

SERVICE = "notify"


async def build(settings: NotifySettings, log: Logger) -> Parts:
    """All parts of a process with these settings."""
    parts, health, clock, waker = Parts(), Health(), SystemClock(), Waker()
    pool = await runtime.open_pool(settings, most=10)
    parts.closing.append(pool.close)
    await check_archive(pool, settings, SERVICE, TOPIC)
    deliveries = Deliveries(pool)
    if "worker" in settings.roles:
        follower = DirectoryFollower(settings, f"{settings.instance}-directory", Units(pool), log)
        lease = timedelta(seconds=settings.lease_s)
        rows = DeliveryRows(lambda: follower.directory, lease, lambda: sender.room)
        store = CaseStore(pool, Calls(), rows, lambda claims: sender.take(claims), waker)
        parts.add("directory", follower.run)
        health.checks.append(follower.missing)
        _add_worker(parts, health, settings, store, follower, log)
        session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=settings.channel_timeout_s),
            trust_env=bool(getproxies()),  # the way out may lead through a proxy; looked for once, not at each call
        )
        parts.closing.append(session.close)
        sender = _sender(settings, store, deliveries, follower, session, log)
        parts.add("sender", sender.run)
        parts.add("gauges", lambda: keep_gauges(deliveries, sender.metrics, log))
    if "relay" in settings.roles:
        parts.running.append(runtime.relay(SERVICE, settings, log, waker))
    if "door" in settings.roles:
        app = make_app(SERVICE, health, settings.secret("token_key"), clock)
        app.include_router(router(deliveries))
        parts.running.append(runtime.door(app, settings))
    return parts


def _add_worker(
    parts: Parts, health: Health, settings: NotifySettings, store: CaseStore, follower: DirectoryFollower, log: Logger
) -> None:
    """Batches begin when the directory has been read: before that nobody would be found on duty anywhere."""
    processor = Processor(
        Folder(SERVICE, Calls()),
        reader(),
        store,
        ProcessorMetrics(SERVICE),
        batch_records=settings.batch_records,
        waits=True,
    )
    plan = GroupPlan(
        settings, SERVICE, reader().topics, settings.instance, settings.session_timeout_s, settings.batch_records
    )

    async def claimed() -> str | None:
        return None if processor.assigned else "no partition is claimed yet"

    health.checks.append(claimed)
    for part in Worker(processor, plan, log, fires=False, transport=settings.transport).parts():
        parts.running.append(Part(part.name, _after(follower, part.run)))


def _after(
    follower: DirectoryFollower, run: Callable[[], Coroutine[object, object, None]]
) -> Callable[[], Coroutine[object, object, None]]:
    async def waiting() -> None:
        await follower.wait_until_ready()
        await run()

    return waiting


def _sender(
    settings: NotifySettings,
    store: CaseStore,
    deliveries: Deliveries,
    follower: DirectoryFollower,
    session: aiohttp.ClientSession,
    log: Logger,
) -> Sender:
    clock, link_key = SystemClock(), settings.secret("link_key")
    server = Server(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.mail_from,
        tls=settings.smtp_tls,
        user=settings.smtp_user,
        password=settings.smtp_password,
        timeout_s=settings.channel_timeout_s,
    )
    channels: dict[str, Channel] = {
        "email": EmailChannel(server, clock),
        "webhook": WebhookChannel(session, webhook_key(link_key), clock),
    }
    patience = Patience(
        settings.attempts, timedelta(seconds=settings.first_pause_s), timedelta(seconds=settings.longest_pause_s)
    )
    return Sender(
        queue=deliveries,
        outcomes=StoredOutcomes(store, Folder(SERVICE, Calls()), clock, log),
        channels=channels,
        compose=Composer(
            settings.link_base, link_key, clock, lambda: follower.names, timedelta(days=settings.link_days)
        ),
        # Spreads pauses; nothing is kept secret by it.
        pace=Pace(patience, random.random, timedelta(seconds=settings.lease_s), settings.at_once),
        metrics=SenderMetrics(),
        log=log,
    )


def main() -> None:
    settings = NotifySettings()
    log = configure_logging(SERVICE, settings.instance, settings.log_level)
    runtime.run(lambda: build(settings, log), log)


if __name__ == "__main__":
    main()
