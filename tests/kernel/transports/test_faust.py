"""What concerns Faust alone."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import faust as library
import pytest
from faust.transport.drivers import aiokafka as driver

from deploy.embedded.stack import EmbeddedStack
from services.kernel.transports import faust
from tests.kernel.transports.tape import group

PRIVATE = [
    (driver.Consumer, "_drain_messages"),
    (driver.Consumer, "_to_message"),
    (driver.Consumer, "_wait_next_records"),
    (driver.AIOKafkaConsumerThread, "_ensure_consumer"),
    (library.App, "_crash"),
]


@pytest.mark.parametrize(("owner", "name"), PRIVATE)
def test_a_private_name_exists_in_the_pinned_release(owner: type, name: str) -> None:
    assert callable(getattr(owner, name))


def test_the_release_is_the_one_whose_private_names_we_use() -> None:
    assert version("faust-streaming") == "0.15.3"


def test_the_plain_transport_loads_no_faust() -> None:
    """It is a slow import, and only for those who ask for it."""
    seen = "import sys, services.host.runtime; sys.exit('faust' in sys.modules or 'mode' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", seen], check=False).returncode == 0


@pytest.mark.integration
async def test_a_claim_that_takes_too_long_ends_the_worker(
    stack: EmbeddedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faust would give up in silence and live on without records."""
    monkeypatch.setattr(faust, "_CLAIM_S", 0.3)
    async with group(stack, faust.FaustTransport) as workers:
        workers.store.claim_gate.clear()
        worker = workers.start()
        with pytest.raises(TimeoutError, match="could not be claimed"):
            await worker.run
