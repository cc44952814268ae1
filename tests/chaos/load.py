"""The load: signed-in people who register and work on cases over HTTP, and an outside system that publishes.

Every answer is noted in a file as it comes. Whoever gets none tries again with the same key, or walks away and leaves
the press unknown: the ledger may find those done once or not at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import msgspec

from services.host.tokens import Identity, mint
from tests.chaos.evidence import ACKNOWLEDGED, REFUSED, UNKNOWN, Answer
from tests.chaos.reading import Notebook

WALKS_AWAY = 0.2
"""Share of presses without an answer that nobody repeats."""
TRIES = 60
_MOST_CASES = 350  # under way at a time: an outage must not pile up clients without bound

PEOPLE = {
    "clerk": Identity(staff="u-0008", unit="centre-120106", post="clerk", role="clerk"),
    "seat": Identity(staff="u-0005", unit="centre-120106", post="duty_seat", role="seat"),
    "centre": Identity(staff="u-0004", unit="centre-120106", post="head", role="centre"),
}
BY = {"register": "clerk", "whistle": "centre"}
KINDS = ("01-01", "01-02", "01-06", "02-05", "03-04", "04-02", "05-01", "05-02", "05-09")


class Shown(msgspec.Struct):
    """What a client looks at in a case that it is shown."""

    sequence: int
    state: str
    lead: str | None = None


class Done(msgspec.Struct):
    """What a press answers; `case` where it registered one."""

    sequence: int
    case: str = ""


_shown, _done = msgspec.json.Decoder(Shown), msgspec.json.Decoder(Done)


@dataclass(slots=True)
class Door:
    name: str
    url: str
    weight: float


@dataclass(slots=True)
class Load:
    """Players. cases_a_second: how many new cases begin. within: seconds in which a diligent unit disposes."""

    doors: Sequence[Door]
    token_key: bytes
    notebook: Path
    communities: Sequence[str]
    cases_a_second: float
    seed: int = 1
    in_flight: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    begun: int = 0
    _book: Notebook = field(init=False)
    _client: httpx.AsyncClient = field(init=False)
    _random: random.Random = field(init=False)
    _tokens: dict[str, str] = field(init=False)
    _stopping: bool = False

    def __post_init__(self) -> None:
        self._book, self._random = Notebook(self.notebook), random.Random(self.seed)
        now = datetime.now(UTC)
        self._tokens = {
            role: f"Bearer {mint(identity, self.token_key, now, timedelta(hours=2))}"
            for role, identity in PEOPLE.items()
        }
        limits = httpx.Limits(max_connections=400, max_keepalive_connections=100)
        self._client = httpx.AsyncClient(timeout=8.0, trust_env=False, limits=limits)

    async def run(self) -> None:
        """Begin cases until `stop`, then let those under way come to their end."""
        under_way: set[asyncio.Task[None]] = set()
        due = time.monotonic()
        try:
            while not self._stopping:
                due = max(due + self._random.expovariate(self.cases_a_second), time.monotonic() - 1)
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                under_way = {task for task in under_way if not _ended(task)}
                if len(under_way) < _MOST_CASES:
                    under_way.add(asyncio.create_task(self._case()))
                    self.begun += 1
            await asyncio.gather(*under_way)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
            await self._client.aclose()
            self._book.close()

    def stop(self) -> None:
        self._stopping = True

    async def _case(self) -> None:
        """One case, from its window to its end, by one of four stories."""
        chance = self._random
        story = chance.choices((self._diligent, self._idle, self._whistled, self._late), (72, 10, 10, 8))[0]
        place = {"community": chance.choice(self.communities)}
        body: dict[str, object] = {
            "family": "incident",
            "kind": chance.choice(KINDS),
            "channel": "telephone",
            "place": place,
            "text": "x",
        }
        made = await self.press("register", "", body)
        if made is not None and made.case:
            await story(made.case)

    async def _diligent(self, case: str) -> None:
        if not await self.assigned(case):
            return
        await self.step(case, "accept")
        await self._pause(0.5, 3)
        await self.press("attend", case, {})
        await self._pause(0.5, 3)
        await self._finish(case)

    async def _late(self, case: str) -> None:
        if await self.assigned(case):
            await self._pause(18, 26)
            await self._finish(case)

    async def _idle(self, case: str) -> None:
        """Nobody comes: the limit passes, the whistle climbs to its end."""
        if await self.assigned(case):
            await self.step(case, "urge")

    async def _whistled(self, case: str) -> None:
        if not await self.assigned(case):
            return
        await self.step(case, "whistle", {"kind": "emergency", "reason": "slow"})
        await self._pause(3, 8)
        await self.press("attend", case, {"obligation": "w1"})
        await self._pause(2, 6)
        await self.press("settle", case, {"obligation": "w1"})
        await self._finish(case)

    async def _finish(self, case: str) -> None:
        await self.step(case, "dispose")
        await self._pause(0.3, 2)
        await self.step(case, "verify", {"passed": True})
        await self.step(case, "close", {"outcome": "disposed"})

    async def _pause(self, least: float, most: float) -> None:
        await asyncio.sleep(self._random.uniform(least, most))

    async def assigned(self, case: str) -> bool:
        """Look until a unit has the case."""
        for wait in (0.3, 0.5, 0.8, *[1.5] * 60):
            await asyncio.sleep(wait)
            shown = await self.look(case)
            if shown is not None and shown.lead is not None:
                return True
        return False

    async def look(self, case: str) -> Shown | None:
        door = self._door()
        with contextlib.suppress(httpx.TransportError, msgspec.DecodeError):
            headers = {"authorization": self._tokens["seat"]}
            response = await self._client.get(f"{door.url}/v1/cases/{case}", headers=headers)
            return _shown.decode(response.content) if response.status_code == 200 else None
        return None

    async def step(self, case: str, command: str, body: dict[str, object] | None = None) -> Done | None:
        """A press on what the page shows now; looked at again where it was stale."""
        for _ in range(4):
            shown = await self.look(case)
            if shown is None:
                await asyncio.sleep(1.0)
                continue
            done = await self.press(command, case, {"seen": shown.sequence, **(body or {})})
            if done is not None:
                return done
            await asyncio.sleep(0.3)
        return None

    async def press(self, command: str, case: str, body: dict[str, object]) -> Done | None:
        """One press under one key. Returns: what was answered; None if it was refused or nobody knows."""
        key, role = f"{command}-{uuid4().hex}", BY.get(command, "seat")
        path = "/v1/cases" if command == "register" else f"/v1/cases/{case}/{command}"
        headers = {"authorization": self._tokens[role], "idempotency-key": key}
        walks_away = self._random.random() < WALKS_AWAY
        for attempt in range(TRIES):
            door = self._door()
            outcome, status, done = await self._once(door, path, headers, body)
            self.outcomes[outcome] += 1
            self._book.note(
                Answer(
                    at=time.time(), key=key, staff=PEOPLE[role].staff, command=command, door=door.name,
                    outcome=outcome, status=status, case=(done.case or case) if done else case,
                    sequence=done.sequence if done else 0,
                )
            )  # fmt: skip
            if outcome != UNKNOWN or walks_away:
                return done
            await asyncio.sleep(min(2.0, 0.2 * (attempt + 1)))
        return None

    async def _once(
        self, door: Door, path: str, headers: dict[str, str], body: dict[str, object]
    ) -> tuple[str, int, Done | None]:
        self.in_flight[door.name] += 1
        try:
            response = await self._client.post(door.url + path, headers=headers, json=body)
        except httpx.TransportError:
            return UNKNOWN, 0, None
        finally:
            self.in_flight[door.name] -= 1
        if response.is_success:
            try:
                return ACKNOWLEDGED, response.status_code, _done.decode(response.content)
            except msgspec.DecodeError:  # the answer broke off: yes, but to what?
                return UNKNOWN, response.status_code, None
        return (UNKNOWN if response.status_code >= 500 else REFUSED), response.status_code, None

    def _door(self) -> Door:
        return self._random.choices(self.doors, [door.weight for door in self.doors])[0]


def _ended(task: asyncio.Task[None]) -> bool:
    if not task.done():
        return False
    task.result()  # a fault of the load itself is not to pass for one of the platform
    return True
