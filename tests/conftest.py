"""What every test may use. `stack` is the real Kafka and PostgreSQL, started once for the run.

A test with `stack` is marked `integration` by itself. The stack holds no connection of its own, so tests on any event
loop use it: `stack.kafka("escalation")` gives keyword arguments for aiokafka's clients, `stack.dsn("escalation")` an
address with password, `await stack.new_database()` the name of a fresh database (`stack.dsn("escalation", name)`).
A toy service of a test: `await stack.add_topics([Topic("toy.log")])`, `await stack.add_user("toy", writes=["toy.log"],
reads=["toy.log"])`, `await stack.add_role(Role("toy"))`.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.embedded.stack import EmbeddedStack


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for the stack is an integration test, whoever forgot to say so."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker("integration")


@pytest.fixture(scope="session")
def stack() -> Iterator[EmbeddedStack]:
    """Kafka and PostgreSQL with every topic, user, role and access rule; gone at the end, also if pytest is killed."""
    # Not under pytest's own folder, which is closed to the user as whom PostgreSQL runs when root runs the tests.
    data = Path(tempfile.mkdtemp(prefix="maodiao-test-"))
    made = EmbeddedStack(data, shared_buffers="128MB", tie_to_parent=True)
    try:
        asyncio.run(_start(made))
        yield made
    finally:
        asyncio.run(made.stop())
        shutil.rmtree(data)


async def _start(stack: EmbeddedStack) -> None:
    try:
        await stack.start()
    except BaseException:
        await stack.stop()
        raise
