"""A door whose database does not answer says so, with a sentence, instead of a bare 500."""

from __future__ import annotations

import asyncpg
import httpx
import pytest

from services.host.http import Health, make_app
from services.kernel.clock import SystemClock


@pytest.mark.parametrize(
    "fault", [ConnectionRefusedError(), asyncpg.CannotConnectNowError("starting"), asyncpg.InterfaceError("closed")]
)
async def test_a_fault_of_the_database_is_a_503(fault: Exception) -> None:
    app = make_app("toy", Health(), b"key", SystemClock())

    @app.get("/v1/thing")
    async def thing() -> None:
        raise fault

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://toy") as client:
        answer = await client.get("/v1/thing")
    assert answer.status_code == 503 and answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/database" and "Try again" in answer.json()["detail"]
