"""A producer whose broker is away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from services.kernel.broker import KafkaLogin, idempotent_producer


async def test_a_producer_waits_before_it_asks_again_for_metadata(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int
) -> None:
    """Asked as its own loop asks, by `force_metadata_update`; a real client, and nobody listening."""
    secret, waited = tmp_path / "password", list[float]()
    secret.write_text("x")
    login = KafkaLogin(kafka=f"127.0.0.1:{unused_tcp_port}", kafka_user="x", kafka_password_file=secret)
    producer = idempotent_producer(login, "test")
    sleep = asyncio.sleep

    async def counted(seconds: float, result: object = None) -> object:
        waited.append(seconds)
        return await sleep(0, result)

    monkeypatch.setattr("services.kernel.broker.asyncio.sleep", counted)
    synchronising = asyncio.create_task(producer.client._md_synchronizer())
    for _ in range(3):
        assert await asyncio.wait_for(producer.client.force_metadata_update(), 5) is False
    synchronising.cancel()
    assert waited == [0.5] * 3
    await producer.stop()
