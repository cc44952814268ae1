"""One process under measurement: a worker or a relay of a toy service, or the bare loop. Started by throughput.py."""

from __future__ import annotations

import asyncio
import os
import sys
import time

import asyncpg
import structlog
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from prometheus_client import CollectorRegistry

from bench.toy import GROUP, LOG, OUT, SERVICE, Meter, ToyCore, reader
from services.kernel.batch import BatchStore
from services.kernel.broker import client
from services.kernel.extension import NoExtension
from services.kernel.fold import Folder
from services.kernel.processor import Processor
from services.kernel.relay import Relay, RelayPlan
from services.kernel.settings import KafkaLogin
from services.kernel.telemetry import ProcessorMetrics, RelayMetrics
from services.kernel.transports.aiokafka import KafkaTransport
from services.kernel.transports.port import GroupPlan


async def bare(login: KafkaLogin, group: str) -> None:
    """What the figures are compared with: consume, produce, in batches of 500; no state, no database."""
    consumer = AIOKafkaConsumer(LOG, **client(login, "bare"), group_id=group, auto_offset_reset="earliest")
    producer = AIOKafkaProducer(**client(login, "bare"), enable_idempotence=True, linger_ms=0)
    await consumer.start()
    await producer.start()
    while True:
        batches = await consumer.getmany(timeout_ms=200, max_records=500)
        sent = [
            await producer.send(OUT, record.value, key=record.key, partition=record.partition)
            for records in batches.values()
            for record in records
        ]
        await asyncio.gather(*sent)


async def worker(login: KafkaLogin, group: str, dsn: str, kind: str) -> None:
    async with asyncpg.create_pool(dsn, min_size=1, max_size=4, server_settings={"jit": "off"}) as pool:
        store = BatchStore(pool, SERVICE, OUT, Meter, ToyCore(), NoExtension(), most_subjects=1_000)
        metrics = ProcessorMetrics(SERVICE, CollectorRegistry())
        processor = Processor(Folder(SERVICE, ToyCore()), reader(), store, metrics, log_topic=LOG)
        plan = GroupPlan(login, group, (LOG,), f"{kind}-1")
        if kind == "faust":
            from services.kernel.transports.faust import FaustTransport

            await FaustTransport(plan, processor).run()
        else:
            await KafkaTransport(plan, processor).run()


async def relay(login: KafkaLogin, dsn: str) -> None:
    metrics = RelayMetrics(SERVICE, CollectorRegistry())
    await Relay(RelayPlan(SERVICE, "relay"), login, lambda: asyncpg.connect(dsn), structlog.get_logger(), metrics).run()


async def both(login: KafkaLogin, group: str, dsn: str, kind: str) -> None:
    await asyncio.gather(worker(login, group, dsn, kind), relay(login, dsn))


def main() -> None:
    what, group = sys.argv[1:3]
    login = KafkaLogin()  # from the environment
    dsn = os.environ.get("BENCH_DSN", "")
    uvloop.install()
    if os.environ.get("BENCH_PROFILE"):
        import cProfile

        profile = cProfile.Profile()
        profile.enable()
        started = time.monotonic()

        def stop() -> None:
            profile.disable()
            profile.dump_stats(os.environ["BENCH_PROFILE"])
            print("profiled", time.monotonic() - started, flush=True)

        import signal

        signal.signal(signal.SIGTERM, lambda *_: (stop(), os._exit(0)))
    if what == "bare":
        asyncio.run(bare(login, group))
    elif what == "relay":
        asyncio.run(relay(login, dsn))
    elif what == "worker":
        asyncio.run(worker(login, group, dsn, sys.argv[3]))
    else:
        asyncio.run(both(login, group, dsn, sys.argv[3]))


if __name__ == "__main__":
    main()
