"""Records a second: one state change and one output a record, against a bare aiokafka consume-and-produce loop."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaProducer, TopicPartition
from bench.toy import LOG, OUT, SERVICE, Added
from deploy.embedded.stack import EmbeddedStack
from deploy.topology import Role, Topic
from services.kernel.broker import plain_consumer
from services.kernel.envelope import derived_id, encode, envelope
from services.kernel.migrations import migrate
from services.kernel.partitioning import partition_of
from services.kernel.settings import KafkaLogin

START = datetime(2026, 1, 5, 9, tzinfo=UTC)


async def fill(stack: EmbeddedStack, records: int, subjects: int) -> None:
    """Write the log: `records` events over `subjects` subjects, in random order, numbered per subject."""
    producer = AIOKafkaProducer(**stack.kafka(SERVICE), enable_idempotence=True, linger_ms=20, max_batch_size=500_000)
    await producer.start()
    rng, numbers, sent = random.Random(7), [0] * subjects, []
    for n in range(records):
        k = n if n < subjects else rng.randrange(subjects)
        numbers[k] += 1
        subject = f"s{k:07d}"
        id_ = derived_id(subject, "bench", numbers[k])
        at = START + timedelta(milliseconds=n)
        message = envelope(Added(n=1), id=id_, service="log", subject=subject, time=at, sequence=numbers[k])
        sent.append(await producer.send(LOG, encode(message), key=subject.encode(), partition=partition_of(subject)))
        if len(sent) == 5_000:
            await asyncio.gather(*sent)
            sent.clear()
    await asyncio.gather(*sent)
    await producer.stop()


async def count(consumer, topic: str) -> int:
    ends = await consumer.end_offsets([TopicPartition(topic, p) for p in range(24)])
    return sum(ends.values())


async def timed(stack: EmbeddedStack, args: list[list[str]], env: dict[str, str], target: int) -> float:
    """Start processes, wait until the output topic has `target` records; seconds between 10 % and all of them."""
    login = stack.kafka(SERVICE)
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(**login)
    await consumer.start()
    begin = await count(consumer, OUT)
    processes = [subprocess.Popen([sys.executable, "-m", "bench.throughput_worker", *a], env=env) for a in args]
    try:
        first = (0, 0.0)
        while True:
            done = await count(consumer, OUT) - begin
            if done >= target * 0.1 and first[0] == 0:
                first = (done, time.monotonic())
            if done >= target:
                return (time.monotonic() - first[1]) / (done - first[0]) * target
            await asyncio.sleep(0.02)
    finally:
        for p in processes:
            p.terminate()
        for p in processes:
            p.wait(10)
        await consumer.stop()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--subjects", type=int, default=1_000)
    parser.add_argument("--modes", default="bare,both:aiokafka")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        async with EmbeddedStack(Path(folder)) as stack:
            await stack.add_topics([Topic(LOG), Topic(OUT)])
            await stack.add_user(SERVICE, writes=[LOG, OUT], reads=[LOG, OUT])
            await stack.add_role(Role(SERVICE))
            connection = await asyncpg.connect(stack.dsn(SERVICE))
            await migrate(connection, SERVICE)
            password = Path(folder) / "bench-password"
            password.write_text(stack.kafka(SERVICE)["sasl_plain_password"])
            env = {**os.environ, "MAODIAO_KAFKA": stack.kafka(SERVICE)["bootstrap_servers"], "MAODIAO_KAFKA_USER": SERVICE,
                   "MAODIAO_KAFKA_PASSWORD_FILE": str(password), "BENCH_DSN": stack.dsn(SERVICE)}
            await fill(stack, args.records, args.subjects)
            for n, mode in enumerate(args.modes.split(",")):
                await connection.execute("TRUNCATE bench.event, bench.unpublished, bench.position, bench_state.state")
                what, _, kind = mode.partition(":")
                command = [[what, f"bench-{n}", kind]] if what != "split" else [["worker", f"bench-{n}", kind], ["relay", "x"]]
                seconds = await timed(stack, command, env, args.records)
                print(f"{mode}: {args.records / seconds:,.0f} records/s", flush=True)
            await connection.close()


if __name__ == "__main__":
    asyncio.run(main())
