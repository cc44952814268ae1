"""From a press to a human: POST → intake → Kafka → escalation → Kafka → notify → sink, at 50 a second.

Beside it the same way without database or rules: a handler that produces, two consumers that forward, the same sink.
The two take turns, so that a noisy minute, and a broker that gets faster with the minutes, meet both.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import asyncpg
import httpx
import uvicorn
import yaml
from fastapi import FastAPI, Request
from rich.console import Console

from bench import rig
from bench.rig import Figure
from deploy.embedded.platform import Options, Platform
from deploy.init import REPOSITORY
from deploy.topology import Topic
from services.host.tokens import Identity, mint
from services.notify.store.contacts import Contact, import_contacts

RATE = 50
SECONDS = 10  # of one turn
TURNS = 4  # baseline and measured in turn; one more of each before, not counted: a broker that has just begun is slow
Send: TypeAlias = Callable[[int], Awaitable[str]]  # sends message n; returns its key
_HOPS = ("bare.a", "bare.b")
_STREETS = 9


async def measure(console: Console) -> list[Figure]:
    """One figure: the chain's latency beside the bare chain's."""
    sink = Sink()
    async with sink.open() as url:
        with tempfile.TemporaryDirectory(prefix="maodiao-bench-") as folder:
            async with Platform(Options(data=Path(folder), policy=REPOSITORY / "deploy" / "policy")) as platform:
                await platform.stack.add_topics([Topic(topic) for topic in _HOPS])
                await platform.stack.add_user("bare", writes=_HOPS, reads=_HOPS)
                await _everybody_by_webhook(platform, url)
                console.print(f"  registering {RATE * SECONDS * (1 + TURNS):,} cases")
                presses = await _cases(platform, RATE * SECONDS * (1 + TURNS))
                async with _services(platform, presses) as ours, _bare(platform, sink, url) as bare:
                    return _figures(*await _in_turns(console, sink, ours, bare))


async def _in_turns(console: Console, sink: Sink, ours: Send, bare: Send) -> tuple[list[float], list[float]]:
    """Seconds from the press to the sink, of all counted turns."""
    kept: dict[str, list[float]] = {"the services": [], "the bare chain": []}
    for turn in range(1 + TURNS):
        for (name, times), send in zip(kept.items(), (ours, bare), strict=True):
            took = await _turn(sink, send, turn)
            times += took if turn else []
            median = rig.percentile(took, 0.5) * 1000
            console.print(f"  turn {turn or 'before'}, {RATE}/s for {SECONDS} s through {name}: median {median:.1f} ms")
    return kept["the services"], kept["the bare chain"]


def _figures(ours: list[float], bare: list[float]) -> list[Figure]:
    p50, p99 = (rig.percentile(ours, share) * 1000 for share in (0.5, 0.99))
    b50, b99 = (rig.percentile(bare, share) * 1000 for share in (0.5, 0.99))
    baseline = f"bare chain: median {b50:.1f} ms, p99 {b99:.1f} ms"
    return [
        Figure(f"POST → … → sink, {len(ours):,} at {RATE}/s, median", f"{p50:.1f} ms", baseline, "< 60 ms", p50 < 60),
        Figure("the same, p99", f"{p99:.1f} ms", baseline, "< 250 ms", p99 < 250),
        Figure("the same, median against the bare chain", f"{p50 / b50:.1f} ×", baseline, "≤ 4 ×", p50 / b50 <= 4),
    ]


class Sink:
    """Where messages arrive; keeps the time of the first arrival per case."""

    def __init__(self) -> None:
        self.arrived: dict[str, float] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        app = FastAPI()

        @app.post("/sink")
        async def sink(request: Request) -> dict[str, str]:
            now, body = time.perf_counter(), await request.json()
            if body.get("purpose", "whistle") == "whistle":
                self.arrived.setdefault(str(body["case"]), now)
            return {}

        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
        task = asyncio.create_task(server.serve())

        async def started() -> bool:
            return server.started

        await rig.until(started, "the sink listens")
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/sink"
        finally:
            server.should_exit = True
            await task


async def _everybody_by_webhook(platform: Platform, url: str) -> None:
    people = yaml.safe_load((REPOSITORY / "deploy" / "data" / "demo" / "staff.yaml").read_text())
    contacts = [Contact(staff=p["staff"], webhook=url, first="webhook") for p in people["staff"]]
    connection = await asyncpg.connect(platform.stack.dsn("notify"))
    try:
        await import_contacts(connection, contacts, replace=True)
    finally:
        await connection.close()


def _seat(platform: Platform) -> dict[str, str]:
    key = platform.stack.folder.secret("token_key").encode()
    identity = Identity(staff="u-bench", unit="centre-120106", post="duty_seat", role="seat")
    return {"Authorization": f"Bearer {mint(identity, key, datetime.now(UTC), timedelta(hours=1))}"}


async def _cases(platform: Platform, count: int) -> list[tuple[str, int]]:
    """Register cases and wait until they are assigned. Returns: case and the sequence that its page would show."""
    async with httpx.AsyncClient(base_url=platform.url("intake"), headers=_seat(platform), timeout=30) as http:
        streets = [u for u in (await _units(platform)) if u["kind"] == "street"][:_STREETS]
        gate = asyncio.Semaphore(8)

        async def register(n: int) -> str:
            body = {
                "family": "incident", "kind": "05-01", "channel": "telephone",
                "place": {"community": "unknown", "address": streets[n % len(streets)]["name"]}, "text": "占道",
            }  # fmt: skip
            async with gate:
                answer = await http.post("/v1/cases", json=body, headers={"Idempotency-Key": str(uuid.uuid4())})
            answer.raise_for_status()
            return str(answer.json()["case"])

        cases = await asyncio.gather(*(register(n) for n in range(count)))
        presses = []
        for case in cases:

            async def assigned(case: str = case) -> bool:
                view = (await http.get(f"/v1/cases/{case}")).json()
                if view.get("lead"):
                    presses.append((case, view["sequence"]))
                return bool(view.get("lead"))

            await rig.until(assigned, f"case {case} is assigned")
        await asyncio.sleep(3)  # the calls about the assignments are over: what is measured is the whistle's way alone
        return presses


async def _units(platform: Platform) -> list[dict[str, str]]:
    async with httpx.AsyncClient(base_url=platform.url("routing"), headers=_seat(platform)) as http:
        return list((await http.get("/v1/units")).json()["units"])


async def _turn(sink: Sink, send: Send, turn: int) -> list[float]:
    """Send at RATE, each at its own time whatever the one before takes. Returns: seconds until each arrived."""
    sink.arrived.clear()
    sent: dict[str, float] = {}
    start, tasks, first = time.perf_counter(), [], turn * RATE * SECONDS

    async def one(n: int) -> None:
        began = time.perf_counter()
        sent[await send(n)] = began

    for n in range(RATE * SECONDS):
        await asyncio.sleep(max(0.0, start + n / RATE - time.perf_counter()))
        tasks.append(asyncio.create_task(one(first + n)))
    await asyncio.gather(*tasks)

    async def all_there() -> bool:
        return sent.keys() <= sink.arrived.keys()

    await rig.until(all_there, f"{len(sent):,} messages arrive", 60)
    return [sink.arrived[key] - began for key, began in sent.items()]


@asynccontextmanager
async def _services(platform: Platform, presses: list[tuple[str, int]]) -> AsyncIterator[Send]:
    async with httpx.AsyncClient(base_url=platform.url("intake"), headers=_seat(platform), timeout=30) as http:

        async def press(n: int) -> str:
            case, seen = presses[n]
            body = {"seen": seen, "kind": "outcry", "reason": "no_one_on_site"}
            answer = await http.post(
                f"/v1/cases/{case}/whistle", json=body, headers={"Idempotency-Key": str(uuid.uuid4())}
            )
            answer.raise_for_status()
            return case

        yield press


@asynccontextmanager
async def _bare(platform: Platform, sink: Sink, url: str) -> AsyncIterator[Send]:
    env = rig.environment(platform.stack, "bare", with_database=False)
    port = str(platform.stack.folder.ports(["bare-1"])["bare-1"])
    commands = [
        (["bench.bare_chain", "handler", port], env),
        (["bench.bare_chain", "forward", url], env),
        (["bench.bare_chain", "deliver", url], env),
    ]
    with rig.processes(*commands):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:

            async def send(n: int) -> str:
                answer = await http.post("/", json={"case": f"b{n}", "text": "占道"})
                answer.raise_for_status()
                return f"b{n}"

            async def warm() -> bool:
                try:
                    await http.post("/", json={"case": "warm"})
                except httpx.HTTPError:
                    return False
                return "warm" in sink.arrived

            await rig.until(warm, "the bare chain runs", 60)
            yield send
