"""One process of escalation: its door, its worker and its relay, wired together."""

from __future__ import annotations

import time

from asyncpg import Pool

from services.escalation.core import inputs
from services.escalation.core.cases import Escalation
from services.escalation.core.policy import PolicyBook
from services.escalation.core.states import Case
from services.escalation.doors.http import router
from services.escalation.doors.topics import SERVICE, reader
from services.escalation.events import TOPIC
from services.escalation.settings import EscalationSettings
from services.escalation.store.policies import PolicyView, Stored, apply_first, missing, stored
from services.host import runtime
from services.host.http import Health, make_app
from services.host.logs import configure_logging
from services.host.runtime import Parts, Worker
from services.intake.events import TOPIC as LOG
from services.kernel.clock import SystemClock
from services.kernel.fold import Folder
from services.kernel.postgres import BatchStore
from services.kernel.processor import AHEAD, Processor
from services.kernel.relay import check_archive
from services.kernel.telemetry import Logger, ProcessorMetrics
from services.kernel.transports.port import GroupPlan
from services.kernel.waking import Waker

MOST_SUBJECTS = 1_000  # cases of one batch


async def build(settings: EscalationSettings, log: Logger) -> Parts:
    """All parts of a process with these settings."""
    parts = Parts()
    pool = await runtime.open_pool(settings)
    parts.closing.append(pool.close)
    await check_archive(pool, settings, SERVICE, TOPIC)
    for version in await apply_first(pool, settings.policy_dir, settings.first_policy):
        log.info("first policy stored", kind=version.kind, name=version.name, version=version.version)
    health, waker = Health([lambda: missing(pool)]), Waker()
    if "worker" in settings.roles:
        processor = make_processor(pool, settings, waker)
        plan = GroupPlan(
            settings,
            SERVICE,
            reader().topics,
            settings.instance,
            settings.session_timeout_s,
            AHEAD * settings.batch_records,
        )
        parts.running += Worker(processor, plan, log, fires=True, transport=settings.transport).parts()

        async def claimed() -> str | None:
            return None if processor.assigned else "no partition is claimed yet"

        health.checks.append(claimed)
    if "relay" in settings.roles:
        parts.running.append(runtime.relay(SERVICE, settings, log, waker))
    if "door" in settings.roles:
        app = make_app(SERVICE, health, settings.secret("token_key"), SystemClock())
        app.include_router(router(lambda: _stored(pool), SystemClock()))
        parts.running.append(runtime.door(app, settings))
    return parts


def make_processor(pool: Pool, settings: EscalationSettings, waker: Waker) -> Processor[Case, inputs.Given, PolicyBook]:
    """The worker's processor, as this service runs it; the benchmark measures this one."""
    core = Escalation()
    view = PolicyView(time.monotonic, SystemClock())
    store: BatchStore[Case, inputs.Given, PolicyBook] = BatchStore(
        pool, SERVICE, TOPIC, Case, core, view, most_subjects=MOST_SUBJECTS, waker=waker, reads_ahead=True
    )
    return Processor(
        Folder(SERVICE, core),
        reader(),
        store,
        ProcessorMetrics(SERVICE),
        log_topic=LOG,
        batch_records=settings.batch_records,
    )


async def _stored(pool: Pool) -> list[Stored]:
    async with pool.acquire() as connection:
        return await stored(connection)


def main() -> None:
    settings = EscalationSettings()
    log = configure_logging(SERVICE, settings.instance, settings.log_level)
    runtime.run(lambda: build(settings, log), log)


if __name__ == "__main__":
    main()
