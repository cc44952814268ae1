"""One process under measurement, started by the benchmarks: `python -m bench.process WHAT …`.

The worker is what escalation runs: the same processor, store, extension hook, transports and settings, with a core
that costs next to nothing, so that the figure is the platform's.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.toy import LOG, LOG_SERVICE, OUT, SERVICE, Meter, ToyCore, reader
from services.host import runtime
from services.host.logs import configure_logging
from services.host.runtime import Part, Worker
from services.host.settings import ServiceSettings
from services.kernel.broker import client
from services.kernel.fold import Folder
from services.kernel.postgres import BatchStore
from services.kernel.processor import AHEAD, Processor
from services.kernel.tables import NoExtension
from services.kernel.telemetry import ProcessorMetrics
from services.kernel.transports.port import GroupPlan
from services.kernel.waking import Waker

BATCH = 500  # of the bare loop, as the bound says; ours take what the settings say


async def bare(settings: ServiceSettings, group: str) -> None:
    """What the figures are compared with: consume, produce, in batches of 500; no state, no database."""
    consumer = AIOKafkaConsumer(LOG, **client(settings, "bare"), group_id=group, auto_offset_reset="earliest")
    producer = AIOKafkaProducer(**client(settings, "bare"), enable_idempotence=True, linger_ms=0)
    await consumer.start()
    await producer.start()
    while True:
        batches = await consumer.getmany(timeout_ms=200, max_records=BATCH)
        sent = [
            await producer.send(OUT, record.value, key=record.key, partition=record.partition)
            for records in batches.values()
            for record in records
        ]
        await asyncio.gather(*sent)


async def worker(settings: ServiceSettings, group: str, *, fires: bool) -> None:
    """Worker and relay of the toy service in one process, as a service runs them."""
    runtime.calm_collector()
    log = configure_logging(SERVICE, settings.instance, "warning")
    pool, waker = await runtime.open_pool(settings), Waker()
    store: BatchStore[Meter, object, None] = BatchStore(
        pool,
        SERVICE,
        OUT,
        Meter,
        ToyCore(),
        NoExtension(),
        most_subjects=1_000,
        waker=waker,
        reads_ahead=True,  # type: ignore[arg-type]
    )
    processor = Processor(
        Folder(SERVICE, ToyCore()), reader(), store, ProcessorMetrics(SERVICE), log_topic=LOG,  # type: ignore[arg-type]
        batch_records=settings.batch_records,
    )  # fmt: skip
    plan = GroupPlan(
        settings, group, (LOG,), settings.instance, settings.session_timeout_s, AHEAD * settings.batch_records
    )
    parts = [*Worker(processor, plan, log, fires=fires, transport=settings.transport).parts()]
    if "relay" in settings.roles:
        parts.append(runtime.relay(SERVICE, settings, log, waker))
    await together(parts)


async def log_relay(settings: ServiceSettings) -> None:
    """The relay of the log's owner: it writes marks."""
    await together([runtime.relay(LOG_SERVICE, settings, configure_logging(LOG_SERVICE, "1", "warning"), Waker(), LOG)])


async def together(parts: list[Part]) -> None:
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part.run())


def main() -> None:
    what, *rest = sys.argv[1:]
    settings = ServiceSettings()
    runs: dict[str, Coroutine[object, object, None]] = {}
    if what == "bare":
        runs[what] = bare(settings, *rest)
    elif what == "log-relay":
        runs[what] = log_relay(settings)
    else:
        runs[what] = worker(settings, rest[0], fires=what == "timed-worker")
    uvloop.run(runs[what])


if __name__ == "__main__":
    main()
