"""An empty database behind a topic that is not empty refuses to start."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from deploy.embedded.stack import EmbeddedStack
from deploy.topology import ADMIN, Topic
from services.kernel.broker import KafkaLogin, client
from services.kernel.partitioning import PARTITIONS
from services.kernel.relay import ArchiveError, check_archive
from tests.kernel.test_store_conformance import toy_pool

pytestmark = pytest.mark.integration


@pytest.fixture
async def pool(stack: EmbeddedStack) -> AsyncIterator[asyncpg.Pool]:
    async with toy_pool(stack) as made:
        yield made


async def filled(stack: EmbeddedStack, topic: str, records: int) -> KafkaLogin:
    """A topic with so many records, and who may read it."""
    await stack.add_topics([Topic(topic, partitions=PARTITIONS)])
    login = KafkaLogin(kafka=stack.bootstrap, kafka_user=ADMIN, kafka_password_file=stack.folder.secret_file(ADMIN))
    producer = AIOKafkaProducer(**client(login, "archivist"))
    await producer.start()
    try:
        for n in range(records):
            await producer.send_and_wait(topic, b"{}", partition=n)
    finally:
        await producer.stop()
    return login


async def test_an_empty_archive_behind_a_filled_topic_is_refused(stack: EmbeddedStack, pool: asyncpg.Pool) -> None:
    topic = f"archive.{secrets.token_hex(4)}"
    login = await filled(stack, topic, 3)
    with pytest.raises(ArchiveError, match=r"holds 3 records.*maodiao reconcile toy"):
        await check_archive(pool, login, "toy", topic)
    await pool.execute(
        """INSERT INTO toy.event (topic, partition, key, sequence, event_id, body)
        VALUES ($1, 0, 'm', 1, 'x', '{}')""",
        topic,
    )
    await check_archive(pool, login, "toy", topic)


async def test_a_first_start_and_a_skip_that_somebody_wrote_down_are_not(
    stack: EmbeddedStack, pool: asyncpg.Pool
) -> None:
    empty, known = f"archive.{secrets.token_hex(4)}", f"archive.{secrets.token_hex(4)}"
    await check_archive(pool, await filled(stack, empty, 0), "toy", empty)
    login = await filled(stack, known, 1)
    await pool.execute("INSERT INTO toy.skip VALUES ($1, 0, 0, 1, 'of another installation', 'me')", known)
    await check_archive(pool, login, "toy", known)
