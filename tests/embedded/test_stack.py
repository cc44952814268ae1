"""The stack as services meet it: who may sign in, and who may do what."""

import asyncio
import time
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from deploy.embedded.stack import EmbeddedStack
from deploy.init import init
from deploy.kafka_admin import KafkaAdmin, can_log_in, login
from deploy.topology import PARTITIONS, Role, Topic
from services.kernel.envelope import Event, encode, envelope


class _Probe(Event, frozen=True, kw_only=True):
    TYPE = "stack.probed.v1"


async def _send(stack: EmbeddedStack, user: str, topic: str) -> None:
    async with AIOKafkaProducer(**stack.kafka(user)) as producer:
        # A sound record of an unknown type: the broker is shared by the run, and workers of other tests read it.
        case = uuid4().hex
        probe = envelope(_Probe(), id=case, service=user, subject=case, time=datetime.now(UTC), sequence=1)
        await producer.send_and_wait(topic, encode(probe), key=case.encode())


async def _may_send(stack: EmbeddedStack, user: str, topic: str) -> bool:
    try:
        await asyncio.wait_for(_send(stack, user, topic), 10)
    except TopicAuthorizationFailedError:
        return False
    return True


async def _may_read(stack: EmbeddedStack, user: str, topic: str) -> bool:
    """A fetch that was answered tells the partition's end; that nothing came yet tells nothing."""
    consumer = AIOKafkaConsumer(topic, group_id=f"{user}-test", auto_offset_reset="earliest", **stack.kafka(user))
    deadline = time.monotonic() + 20
    try:
        await consumer.start()
        while not any(consumer.highwater(tp) is not None for tp in consumer.assignment()):
            assert time.monotonic() < deadline, "neither an answer nor a refusal"
            await consumer.getmany(timeout_ms=200)
    except TopicAuthorizationFailedError:
        return False
    finally:
        await consumer.stop()
    return True


async def test_a_service_signs_in_with_its_password_and_with_no_other(stack: EmbeddedStack) -> None:
    assert await can_log_in(stack.kafka("routing"))
    assert not await can_log_in(login(stack.bootstrap, "routing", "wrong"))
    with pytest.raises(KafkaConnectionError):
        async with AIOKafkaProducer(**login(stack.bootstrap, "routing", "wrong")):
            pass


@pytest.mark.parametrize(
    ("user", "topic", "may"),
    [
        ("intake", "case.intake", True),
        ("routing", "case.routing", True),
        ("routing", "case.intake", False),
        ("escalation", "case.routing", False),
        ("demo311", "inbound.demo311", True),
        ("demo311", "outbound.demo311", False),
        ("demo311", "case.intake", False),
        ("portal", "case.intake", False),
        ("escalation", "progress", False),
    ],
)
async def test_a_user_writes_its_own_topics_only(stack: EmbeddedStack, user: str, topic: str, may: bool) -> None:
    assert await _may_send(stack, user, topic) is may


@pytest.mark.parametrize(
    ("user", "topic", "may"),
    [
        ("routing", "case.intake", True),
        ("notify", "case.escalation", True),
        ("routing", "case.escalation", False),
        ("demo311", "case.intake", False),
        ("demo311", "outbound.demo311", True),
        ("oversight", "inbound.demo311", False),
        ("intake", "inbound.demo311", True),
    ],
)
async def test_a_user_reads_what_it_needs_only(stack: EmbeddedStack, user: str, topic: str, may: bool) -> None:
    assert await _may_read(stack, user, topic) is may


async def test_a_role_reaches_its_own_schemas_only(stack: EmbeddedStack) -> None:
    connection = await asyncpg.connect(stack.dsn("routing"))
    try:
        await connection.execute("CREATE TABLE routing.mine (n int)")
        await connection.execute("ALTER SCHEMA routing_state RENAME TO routing_old")  # what a rebuild's cut-over does
        await connection.execute("ALTER SCHEMA routing_old RENAME TO routing_state")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE intake.theirs (n int)")
    finally:
        await connection.execute("DROP TABLE IF EXISTS routing.mine")
        await connection.close()


async def test_intakes_transactions_end_after_five_seconds(stack: EmbeddedStack) -> None:
    connection = await asyncpg.connect(stack.dsn("intake"))
    try:
        assert await connection.fetchval("SHOW transaction_timeout") == "5s"
    finally:
        await connection.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(stack.server.dsn("intake", "maodiao", "wrong"))


async def test_topics_are_as_declared_and_init_may_run_again(stack: EmbeddedStack) -> None:
    await init(stack.top, stack.bootstrap, stack.server, stack.folder.secret)
    async with KafkaAdmin(stack.kafka()) as admin:
        described = await admin._client.describe_topics([t.name for t in stack.top.topics])
    partitions = {d["topic"]: len(d["partitions"]) for d in described}
    assert partitions["case.intake"] == PARTITIONS
    assert partitions["progress"] == 1
    assert len(partitions) == len(stack.top.topics)


async def test_a_toy_service_gets_topics_a_user_and_a_database_of_its_own(stack: EmbeddedStack) -> None:
    await stack.add_topics([Topic("toy.log", partitions=2)])
    await stack.add_user("toy", writes=["toy.log"], reads=["toy.log"])
    assert await _may_send(stack, "toy", "toy.log")
    assert await _may_read(stack, "toy", "toy.log")
    assert not await _may_send(stack, "toy", "case.intake")
    name = await stack.new_database(migrated=False)
    connection = await asyncpg.connect(await stack.add_role(Role("toy"), name))
    try:
        await connection.execute("CREATE TABLE toy_state.subjects (id text)")
    finally:
        await connection.close()
        await stack.drop_database(name)


def test_secrets_are_files_of_mode_600(stack: EmbeddedStack) -> None:
    files = list(stack.folder.secrets.iterdir())
    assert {"admin", "intake", "postgres-intake", "token_key", "vault_key"} <= {f.name for f in files}
    assert {f.stat().st_mode & 0o777 for f in files} == {0o600}
    assert stack.folder.secrets.stat().st_mode & 0o777 == 0o700
