"""One process of routing: its door, its worker and its relay, wired together."""

from __future__ import annotations

from asyncpg import Pool

from services.host import runtime
from services.host.http import Health, make_app
from services.host.logs import configure_logging
from services.host.runtime import Parts, Worker
from services.kernel.clock import SystemClock
from services.kernel.fold import Folder
from services.kernel.postgres import BatchStore
from services.kernel.processor import Processor
from services.kernel.relay import check_archive
from services.kernel.telemetry import Logger, ProcessorMetrics
from services.kernel.transports.port import GroupPlan
from services.kernel.waking import Waker
from services.routing.core.cases import Case
from services.routing.core.inputs import Input
from services.routing.core.view import View
from services.routing.doors.http import DirectoryDoor, router
from services.routing.doors.topics import reader
from services.routing.events import TOPIC
from services.routing.settings import RoutingSettings
from services.routing.store.editions import Shelf
from services.routing.store.loads import LoadExtension, TalliedCases

SERVICE = "routing"
_MOST_SUBJECTS = 1_000  # cases of one batch
_LINGER_S = 0.05  # between fetches: one costs as much as hundreds of records, and nobody sees an assignment come sooner


async def build(settings: RoutingSettings, log: Logger) -> Parts:
    """All parts of a process with these settings."""
    parts = Parts()
    pool = await runtime.open_pool(settings)
    parts.closing.append(pool.close)
    await check_archive(pool, settings, SERVICE, TOPIC)
    shelf, health, waker = Shelf(), Health(), Waker()
    directory = DirectoryDoor(pool, shelf, SystemClock())
    health.checks.append(directory.missing)
    if "worker" in settings.roles:
        processor = _processor(pool, shelf, settings, waker)
        plan = GroupPlan(
            settings,
            SERVICE,
            reader().topics,
            settings.instance,
            settings.session_timeout_s,
            settings.batch_records,
            linger_s=_LINGER_S,
        )
        worker = Worker(processor, plan, log, fires=False, transport=settings.transport)
        parts.running += worker.parts()

        async def claimed() -> str | None:
            return None if processor.assigned else "no partition is claimed yet"

        health.checks.append(claimed)
    if "relay" in settings.roles:
        parts.running.append(runtime.relay(SERVICE, settings, log, waker))
    if "door" in settings.roles:
        app = make_app(SERVICE, health, settings.secret("token_key"), SystemClock())
        app.include_router(router(directory))
        parts.running.append(runtime.door(app, settings))
    return parts


def _processor(pool: Pool, shelf: Shelf, settings: RoutingSettings, waker: Waker) -> Processor[Case, Input, View]:
    core = TalliedCases()
    store: BatchStore[Case, Input, View] = BatchStore(
        pool, SERVICE, TOPIC, Case, core, LoadExtension(shelf), most_subjects=_MOST_SUBJECTS, waker=waker
    )
    return Processor(
        Folder(SERVICE, core),
        reader(),
        store,
        ProcessorMetrics(SERVICE),
        batch_records=settings.batch_records,
        waits=True,
    )


def main() -> None:
    settings = RoutingSettings()
    log = configure_logging(SERVICE, settings.instance, settings.log_level)
    runtime.run(lambda: build(settings, log), log)


if __name__ == "__main__":
    main()
