"""A log, its relay, a worker with limits, its relay: exactly the unmet limits fire, whoever was away meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from deploy.embedded.stack import EmbeddedStack
from services.host.runtime import Worker
from services.kernel import progress
from services.kernel.fold import Folder
from services.kernel.postgres import BatchStore
from services.kernel.processor import Processor
from services.kernel.reading import OwnReader, Source
from services.kernel.tables import NoExtension
from services.kernel.telemetry import ProcessorMetrics
from services.kernel.transports.port import GroupPlan
from tests.kernel.outbox import LOGGER, Outbox, outbox
from tests.kernel.toy import LOG_CONTRACT, Answered, Asked, Given, Meter, ToyCore

pytestmark = pytest.mark.integration
WITHIN_S = 1.5


@dataclass
class Chain:
    toy: Outbox
    pool: asyncpg.Pool
    parts: list[asyncio.Task[None]]
    relay: asyncio.Task[None] | None = None

    async def start_worker(self) -> None:
        """A process's worker: consumer, redrives, marks, limits."""
        reader = OwnReader(Source(self.toy.log, LOG_CONTRACT, lambda m, e: Given(m.time, e), log=True))  # type: ignore[arg-type]
        store = BatchStore(self.pool, "toy", self.toy.out, Meter, ToyCore(), NoExtension(), most_subjects=1_000)
        metrics = ProcessorMetrics("toy", CollectorRegistry())
        processor = Processor(Folder("toy", ToyCore()), reader, store, metrics, log_topic=self.toy.log)
        group = self.toy.login.kafka_user
        plan = GroupPlan(self.toy.login, group, reader.topics, f"{group}-1", session_timeout_s=6.0)
        worker = Worker(processor, plan, LOGGER, fires=True)
        self.parts = [self.toy.run(part.run()) for part in worker.parts()]

        async def ready() -> bool:
            return processor.assigned

        await self.toy.until(ready)

    async def stop_worker(self) -> None:
        for part in self.parts:
            await self.toy.end(part)

    def start_relay(self) -> None:
        self.relay = self.toy.run(self.toy.relay("log", marks=True).run())

    async def stop_relay(self) -> None:
        assert self.relay is not None
        await self.toy.end(self.relay)


@pytest.fixture
async def chain(stack: EmbeddedStack, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Chain]:
    async with outbox(stack, monkeypatch) as toy:
        monkeypatch.setattr(progress, "PROGRESS", toy.progress)
        async with asyncpg.create_pool(stack.dsn("toy", toy.database), min_size=1, max_size=4) as pool:
            made = Chain(toy, pool, [])
            made.start_relay()
            await made.start_worker()
            toy.run(toy.relay("out", schema="toy").run())
            yield made
            await made.stop_worker()


@pytest.mark.parametrize("away", ["nobody", "worker", "relay"])
async def test_exactly_the_unmet_limits_fire(chain: Chain, away: str) -> None:
    """Ten are asked, five answer in time. Whoever is away is so from before the answers until after all is due."""
    toy = chain.toy
    asked: dict[str, datetime] = {}
    for n in range(10):
        asked[f"{away}{n}"] = await toy.say(f"{away}{n}", Asked(within_s=WITHIN_S))
    if away == "worker":
        await chain.stop_worker()
    elif away == "relay":
        await toy.published()
        await chain.stop_relay()
    for subject in list(asked)[::2]:
        await toy.say(subject, Answered())
    latest = max(asked.values())

    async def all_due() -> bool:
        sql = "SELECT clock_timestamp() > $1::timestamptz + interval '2.5 s'"
        return bool(await toy.pool.fetchval(sql, latest))

    await toy.until(all_due)
    if away == "worker":
        await chain.start_worker()
    elif away == "relay":
        chain.start_relay()
    for subject in asked:  # too late for all who had not answered
        await toy.say(subject, Answered())

    async def ten() -> bool:
        return len(await toy.said()) >= 10

    await toy.until(ten)
    said = {m.subject: m for m in await toy.said()}
    assert {s: m.type for s, m in said.items()} == {
        s: "toy.met.v1" if n % 2 == 0 else "toy.missed.v1" for n, s in enumerate(asked)
    }
    for n, subject in enumerate(asked):
        late = (said[subject].time - asked[subject]).total_seconds()
        assert late == WITHIN_S if n % 2 else late <= WITHIN_S, "a limit fires at its time, not at the clock's"
    assert len(await toy.said()) == 10, "each is said once"
