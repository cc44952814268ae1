"""The process `intake`: `python -m services.intake`. Only wiring."""

from __future__ import annotations

from services.host.http import Health
from services.host.logs import configure_logging
from services.host.runtime import Parts, Worker, door, open_pool, relay, run
from services.intake.core.cases import Case
from services.intake.core.inputs import Given
from services.intake.core.places import Directory
from services.intake.doors.context import Context
from services.intake.doors.directory import DirectoryDoor, read_outline
from services.intake.doors.http import application
from services.intake.doors.inbound import InboundDoor
from services.intake.doors.receiving import Receiver
from services.intake.doors.topics import make_reader
from services.intake.doors.watch import Watch
from services.intake.events import TOPIC
from services.intake.settings import IntakeSettings, read_kinds
from services.intake.store.cases import CaseStore
from services.intake.store.vault import Vault
from services.kernel.clock import SystemClock
from services.kernel.processor import Processor
from services.kernel.relay import check_archive
from services.kernel.telemetry import Logger, ProcessorMetrics
from services.kernel.transports.port import GroupPlan
from services.kernel.waking import Waker

_CONNECTIONS = 10
_LINGER_S = 0.02  # after a batch: what it applies are echoes of what others said, and nobody waits for a single one


async def parts(settings: IntakeSettings, log: Logger) -> Parts:
    """Everything that this process runs, by its roles."""
    made, waker = Parts(), Waker()
    pool = await open_pool(settings, most=_CONNECTIONS)
    made.closing.append(pool.close)
    await check_archive(pool, settings, "intake", TOPIC)
    vault = Vault(settings.secret("vault_key"), settings.secret("index_key"))
    directory = DirectoryDoor(settings, settings.instance, pool, read_outline(settings.outline_file), log)
    await directory.load_copy()
    made.add("directory", directory.run)
    cases = CaseStore(pool, vault, directory.now, waker)
    kinds = read_kinds(settings.kinds_file)
    health = Health([directory.missing])
    if "door" in settings.roles:
        watch = Watch(settings, f"{settings.instance}-watch", log)
        made.add("watch", watch.run)
        context = Context(
            pool=pool, vault=vault, cases=cases, directory=directory.now, watch=watch, kinds=kinds,
            link_key=settings.secret("link_key"), clock=SystemClock(), log=log,
        )  # fmt: skip
        made.running.append(door(application(context, health, settings.secret("token_key")), settings))
    if "worker" in settings.roles:
        worker = _worker(settings, cases, log)
        health.checks.append(lambda: _claimed(worker))
        made.running += worker.parts()
        for system in settings.systems:
            receiver = Receiver(system, cases, directory.now, kinds)
            made.add(f"inbound.{system}", InboundDoor(receiver, settings, settings.instance, log).run)
    if "relay" in settings.roles:
        made.running.append(relay("intake", settings, log, waker, log_topic=TOPIC))
    return made


def _worker(settings: IntakeSettings, cases: CaseStore, log: Logger) -> Worker[Case, Given, Directory]:
    """Applies the others' facts and proposals."""
    reader = make_reader()
    metrics = ProcessorMetrics("intake")
    processor = Processor(cases.folder, reader, cases.locking, metrics, batch_records=settings.batch_records)
    plan = GroupPlan(
        login=settings, group="intake", topics=reader.topics, instance=settings.instance,
        session_timeout_s=settings.session_timeout_s, fetch_records=settings.batch_records, linger_s=_LINGER_S,
    )  # fmt: skip
    return Worker(processor=processor, plan=plan, log=log, fires=False, transport="aiokafka")


async def _claimed(worker: Worker[Case, Given, Directory]) -> str | None:
    return None if worker.processor.assigned else "worker: no partitions yet"


def main() -> None:
    """Read the settings, run until a signal or a fault."""
    settings = IntakeSettings()
    log = configure_logging("intake", settings.instance, settings.log_level)
    run(lambda: parts(settings, log), log)


if __name__ == "__main__":
    main()
