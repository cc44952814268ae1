"""The oversight process: the only place where its parts are put together."""

from __future__ import annotations

from datetime import timedelta

from prometheus_client import REGISTRY

from services.host.http import Health, make_app
from services.host.logs import configure_logging
from services.host.runtime import Part, Parts, Worker, door, open_pool, run
from services.kernel.clock import SystemClock
from services.kernel.fold import Folder
from services.kernel.postgres import BatchStore
from services.kernel.processor import AHEAD, Processor
from services.kernel.telemetry import Logger, ProcessorMetrics
from services.kernel.transports.port import GroupPlan
from services.oversight.core.cases import Case
from services.oversight.core.inputs import Input
from services.oversight.core.projection import Projection
from services.oversight.doors import topics
from services.oversight.doors.auditor import GROUP, Auditor, MarkEar
from services.oversight.doors.http import router
from services.oversight.doors.lagwatch import LagWatch
from services.oversight.doors.metrics import OversightMetrics
from services.oversight.doors.screens import Screens
from services.oversight.doors.streets import Streets
from services.oversight.settings import OversightSettings
from services.oversight.store.questions import Questions
from services.oversight.store.rows import ProjectionRows

SERVICE = "oversight"
_GATHER_MS = 200  # the screen is made once a second, so records may wait for larger batches


async def build(settings: OversightSettings, log: Logger) -> Parts:
    """All parts that this process's roles need. Oversight publishes nothing, so there is no relay."""
    clock = SystemClock()
    pool = await open_pool(settings)
    parts = Parts(closing=[pool.close])
    health = Health()
    if "worker" in settings.roles:
        reader = topics.reader()
        store: BatchStore[Case, Input, None] = BatchStore(
            pool, SERVICE, "", Case, Projection(), ProjectionRows(), most_subjects=2_000, reads_ahead=True
        )
        processor = Processor(
            Folder(SERVICE, Projection()),
            reader,
            store,
            ProcessorMetrics(SERVICE),
            batch_records=settings.batch_records,
        )
        plan = GroupPlan(
            settings,
            GROUP,
            reader.topics,
            settings.instance,
            settings.session_timeout_s,
            AHEAD * settings.batch_records,
            gather_ms=_GATHER_MS,
        )
        parts.running += Worker(processor, plan, log, fires=False, transport=settings.transport).parts()
        health.checks.append(lambda: _assigned(processor))
    if "door" in settings.roles:
        _open(settings, parts, health, Questions(pool, settings.utc_offset), clock, log)
    return parts


def _open(
    settings: OversightSettings, parts: Parts, health: Health, questions: Questions, clock: SystemClock, log: Logger
) -> None:
    """The door with what it shows: lag, marks, alarms, the screen."""
    watch = LagWatch(
        settings, settings.lag_patience, clock, log, expected=settings.groups, every_s=settings.lag_every_s
    )
    marks = MarkEar(settings, f"{settings.instance}-marks", log)
    auditor = Auditor(
        questions,
        marks,
        watch,
        settings.audit_patience,
        clock,
        log,
        groups=settings.groups,
        every_s=settings.audit_every_s,
    )
    streets = Streets(settings, f"{settings.instance}-directory", log)
    screens = Screens(
        questions,
        streets,
        clock,
        every=timedelta(seconds=settings.screen_every_s),
        offset=settings.utc_offset,
    )
    REGISTRY.register(OversightMetrics(watch, auditor, marks, clock))
    app = make_app(SERVICE, health, settings.secret("token_key"), clock)
    app.include_router(router(screens, watch, auditor, marks, questions, clock))
    health.checks.append(lambda: _seen(watch))
    parts.running += [
        door(app, settings),
        Part("lag", watch.run),
        Part("marks", marks.run),
        Part("audit", auditor.run),
        Part("streets", streets.run),
    ]


async def _assigned(processor: Processor[Case, Input, None]) -> str | None:
    return None if processor.assigned else "no partition is assigned yet"


async def _seen(watch: LagWatch) -> str | None:
    return None if watch.report is not None else "the broker has not been looked at yet"


def main() -> None:
    settings = OversightSettings()
    log = configure_logging(SERVICE, settings.instance, settings.log_level)
    run(lambda: build(settings, log), log)


if __name__ == "__main__":
    main()
