"""Lag of a real group on a real broker: behind, stopped, caught up."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from time import monotonic
from uuid import uuid4

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.embedded.stack import EmbeddedStack
from deploy.topology import Topic
from services.kernel.broker import KafkaLogin
from services.kernel.clock import SystemClock
from services.oversight.core.lag import GroupLag, Patience, State
from services.oversight.doors.lagwatch import LagWatch

PATIENCE = Patience(behind=timedelta(seconds=0.5), stalled=timedelta(seconds=3))


async def until(check: Callable[[], bool], limit_s: float = 20) -> None:
    deadline = monotonic() + limit_s
    while not check():
        assert monotonic() < deadline, "not within the limit"
        await asyncio.sleep(0.05)


@asynccontextmanager
async def watching(stack: EmbeddedStack) -> AsyncIterator[LagWatch]:
    login = KafkaLogin(
        kafka=stack.bootstrap,
        kafka_user="oversight",
        kafka_password_file=stack.folder.secret_file("oversight"),
    )
    stack.password("oversight")
    watch = LagWatch(login, PATIENCE, SystemClock(), structlog.get_logger(), every_s=0.2)
    task = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def row(watch: LagWatch, group: str) -> GroupLag | None:
    return next((g for g in watch.report.groups if g.group == group), None) if watch.report else None


async def test_a_group_is_behind_then_stalled_then_stopped_then_ok(stack: EmbeddedStack) -> None:
    user = f"lagtest{uuid4().hex[:6]}"
    topic = f"{user}.log"
    await stack.add_topics([Topic(topic, partitions=2)])
    login = stack.kafka()
    async with AIOKafkaProducer(**login) as producer:
        for n in range(10):
            await producer.send_and_wait(topic, str(n).encode(), partition=n % 2)
    async with watching(stack) as watch:

        async def read(commit: Callable[[AIOKafkaConsumer], Awaitable[None]], state: State, lag: int) -> None:
            consumer = AIOKafkaConsumer(
                topic, group_id=f"{user}-g", enable_auto_commit=False, auto_offset_reset="earliest", **login
            )
            await consumer.start()
            try:
                await commit(consumer)
                await until(lambda: (g := row(watch, f"{user}-g")) is not None and (g.state, g.lag) == (state, lag))
                seen = row(watch, f"{user}-g")
                assert seen is not None
                assert seen.members == 1
            finally:
                await consumer.stop()

        async def six(consumer: AIOKafkaConsumer) -> None:
            await consumer.commit({TopicPartition(topic, 0): 4, TopicPartition(topic, 1): 2})

        await read(six, State.STALLED, 4)
        seen = row(watch, f"{user}-g")
        assert seen is not None
        assert seen.seconds is not None
        assert 0 < seen.seconds < 60
        await until(lambda: (g := row(watch, f"{user}-g")) is not None and g.state is State.STOPPED)
        seen = row(watch, f"{user}-g")
        assert seen is not None
        assert (seen.members, seen.lag) == (0, 4)

        async def everything(consumer: AIOKafkaConsumer) -> None:
            await consumer.commit({TopicPartition(topic, 0): 5, TopicPartition(topic, 1): 5})

        await read(everything, State.OK, 0)


async def test_the_age_is_that_of_the_record_at_the_committed_offset(stack: EmbeddedStack) -> None:
    user = f"lagtest{uuid4().hex[:6]}"
    topic = f"{user}.log"
    await stack.add_topics([Topic(topic, partitions=1)])
    login = stack.kafka()
    now = int(SystemClock().now().timestamp() * 1000)
    ages = [7200_000, 3600_000, 600_000, 60_000]
    async with AIOKafkaProducer(**login) as producer:
        for age in ages:
            await producer.send_and_wait(topic, b"x", timestamp_ms=now - age)
    consumer = AIOKafkaConsumer(topic, group_id=f"{user}-g", enable_auto_commit=False, **login)
    await consumer.start()
    try:
        async with watching(stack) as watch:
            for offset in (3, 2, 1, 0):
                await consumer.commit({TopicPartition(topic, 0): offset})
                await until(lambda o=offset: (g := row(watch, f"{user}-g")) is not None and g.lag == 4 - o)  # type: ignore[misc]
                seen = row(watch, f"{user}-g")
                assert seen is not None
                assert seen.seconds is not None
                assert abs(seen.seconds - ages[offset] / 1000) < 10
            assert seen is not None
            assert seen.state in (State.REWOUND, State.STALLED)
    finally:
        await consumer.stop()
