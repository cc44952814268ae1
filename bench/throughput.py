"""Records a second: one state change and one output a record, against a bare aiokafka consume-and-produce loop."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from statistics import median

from aiokafka import AIOKafkaProducer
from rich.console import Console

from bench import rig
from bench.rig import Figure
from bench.toy import LOG, OUT, SERVICE, Added
from deploy.embedded.stack import EmbeddedStack
from services.kernel.envelope import derived_id, encode, envelope
from services.kernel.partitioning import partition_of

_START = datetime(2026, 1, 5, 9, tzinfo=UTC)
_ROUNDS = 3  # baseline and measured in turn, so that a noisy minute hits both


async def measure(console: Console, records: int = 300_000) -> list[Figure]:
    """The three throughput figures."""
    async with rig.stack() as made:
        console.print(f"filling the log: {records:,} records over 1,000 subjects")
        await _fill(made, _at_random(records, 1_000))
        rates: dict[str, list[float]] = {"bare": [], "aiokafka": [], "faust": []}
        for turn in range(_ROUNDS):
            for what, kept in rates.items():
                kept.append(await _rate(made, what, f"{what}-{turn}", records))
                console.print(f"  round {turn + 1}, {what}: {kept[-1]:,.0f} records/s")
    bare = median(rates["bare"])
    few = median(rates["aiokafka"])
    many = await _many_subjects(console, records)
    figures = [
        _ratio("one state change and one output a record, on aiokafka", few, bare, 0.45),
        _ratio("the same, on Faust", median(rates["faust"]), bare, 0.35),
    ]
    slower = 1 - many[1] / many[0]
    figures.append(
        Figure(
            "1,000 → 300,000 subjects", f"{many[1]:,.0f}/s, {slower:.1%} slower", f"{many[0]:,.0f}/s with 1,000",
            "≤ 15 % slower", slower <= 0.15,
        )
    )  # fmt: skip
    return figures


def _ratio(name: str, rate: float, bare: float, bound: float) -> Figure:
    return Figure(
        name, f"{rate:,.0f}/s = {rate / bare:.2f}", f"{bare:,.0f}/s bare loop", f"≥ {bound}", rate / bare >= bound
    )


async def _many_subjects(console: Console, records: int) -> tuple[float, float]:
    """Rates with 1,000 and with 300,000 subjects. Each has been seen and published before a fresh process begins with
    what is measured, so every row is changed, none is new, and nothing of the measured work was done before."""
    rates: list[float] = []
    for subjects in (1_000, 300_000):
        async with rig.stack() as made:
            numbers: Counter[int] = Counter()
            await _fill(made, range(subjects), numbers)
            await _rate(made, "aiokafka", f"subjects-{subjects}", subjects)
            await _fill(made, _at_random(records, subjects), numbers)
            rates.append(await _rate(made, "aiokafka", f"subjects-{subjects}", records, begun=True))
        console.print(f"  {subjects:,} subjects: {rates[-1]:,.0f} records/s")
    return rates[0], rates[1]


def _at_random(records: int, subjects: int) -> Iterator[int]:
    rng = random.Random(7)
    return (rng.randrange(subjects) for _ in range(records))


async def _fill(made: EmbeddedStack, order: Iterable[int], numbers: Counter[int] | None = None) -> None:
    """Write the log: one record for each subject that `order` names; `numbers` go on from fill to fill."""
    producer = AIOKafkaProducer(**made.kafka(SERVICE), enable_idempotence=True, linger_ms=20, max_batch_size=500_000)
    await producer.start()
    numbers, sent = Counter() if numbers is None else numbers, []
    for n, k in enumerate(order, start=numbers.total()):
        numbers[k] += 1
        subject = f"s{k:07d}"
        message = envelope(
            Added(n=1), id=derived_id(subject, "bench", numbers[k]), service="log", subject=subject,
            time=_START + timedelta(milliseconds=n), sequence=numbers[k],
        )  # fmt: skip
        sent.append(await producer.send(LOG, encode(message), key=subject.encode(), partition=partition_of(subject)))
        if len(sent) == 5_000:
            await asyncio.gather(*sent)
            sent.clear()
    await asyncio.gather(*sent)
    await producer.stop()


async def _rate(made: EmbeddedStack, what: str, group: str, records: int, *, begun: bool = False) -> float:
    """Outputs a second on the topic, from the first tenth to the last record.

    Args:
        begun: go on from what stands in the database, instead of from nothing.
    """
    if not begun:
        async with rig.connected(made, SERVICE) as connection:
            await connection.execute(
                "TRUNCATE bench.event, bench.unpublished, bench.position, bench_state.state RESTART IDENTITY"
            )
    env = rig.environment(made, SERVICE, MAODIAO_TRANSPORT="aiokafka" if what == "bare" else what)
    command = ["bench.process", "bare" if what == "bare" else "worker", f"{SERVICE}-{group}"]
    async with rig.watching(made, OUT) as consumer:
        begin = await rig.records_in(consumer, OUT)
        with rig.processes((command, env)) as (process,):
            first, at = 0, 0.0
            while True:
                done = await rig.records_in(consumer, OUT) - begin
                if not first and done >= records // 10:
                    first, at = done, time.monotonic()
                if done >= records:
                    return (done - first) / (time.monotonic() - at)
                if process.poll() is not None:
                    raise RuntimeError(f"the process under measurement ended with {process.returncode}")
                await asyncio.sleep(0.02)
