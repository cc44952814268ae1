"""Stores, channels and a clock in memory, for the sender. The SQL itself is tested in test_store.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import msgspec
import structlog
from prometheus_client import CollectorRegistry

from services.kernel.core import Row
from services.kernel.envelope import Envelope, Event
from services.kernel.fold import Folder, Work
from services.kernel.store import Write
from services.notify.core.calls import Case
from services.notify.core.cases import Calls
from services.notify.core.inputs import Given, Key
from services.notify.core.patience import Patience
from services.notify.core.roster import Directory
from services.notify.core.rows import changes
from services.notify.doors.channels.port import Message, Result, Sent
from services.notify.doors.directory import Names
from services.notify.doors.messages import Composer
from services.notify.doors.metrics import SenderMetrics
from services.notify.doors.outcomes import StoredOutcomes
from services.notify.doors.sender import Pace, Sender
from services.notify.store.deliveries import Claim
from tests.clock import ManualClock

from .examples import DIRECTORY, NINE, SUBJECT, event_of, incoming

LEASE = timedelta(seconds=30)
FOLDER: Folder[Case, Given, Directory] = Folder("notify", Calls())
LOG = structlog.get_logger("test")


class Killed(BaseException):
    """kill -9: nothing after it runs."""


@dataclass
class Line:
    """A row of the table `delivery`."""

    role: str
    place: int
    state: str
    free_at: datetime
    written_at: datetime
    attempts: int = 0
    token: UUID | None = None
    reason: str | None = None


Name = tuple[Key, str, str]


@dataclass
class World:
    """One case's state and deliveries, as the database would keep them across kills."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(NINE))
    contacts: dict[str, tuple[str, ...]] = field(default_factory=dict)
    doc: bytes | None = None
    said: list[Envelope] = field(default_factory=list)
    lines: dict[Name, Line] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    faults: list[BaseException] = field(default_factory=list)

    # The store's port, as far as it is used

    @asynccontextmanager
    async def batch(self, subjects: Mapping[str, int]) -> AsyncIterator[WorldBatch]:
        async with self.lock:
            rows = {SUBJECT: self.row} if self.doc is not None else {}
            yield WorldBatch(self, rows)

    @property
    def row(self) -> Row[Case]:
        return msgspec.json.decode(self.doc, type=Row[Case]) if self.doc is not None else Row()

    @property
    def events(self) -> list[Event]:
        return [event_of(message) for message in self.said]

    def write(self, write: Write[Case]) -> None:
        if self.faults:
            raise self.faults.pop(0)
        (work,) = write.works
        self._follow(self.row.state, work.row.state)
        self.doc = msgspec.json.encode(work.row)
        self.said += work.said

    def _follow(self, before: Case | None, after: Case | None) -> None:
        change = changes(before, after)
        for closed in change.closed:
            for (key, staff, channel), line in self.lines.items():
                told = closed.told == (staff, channel)
                if key == closed.key and closed.staff in (None, staff) and (told or line.state in ("due", "spare")):
                    line.state = "told" if told else closed.into
        for opened in change.opened:
            for place, channel in enumerate(self.contacts.get(opened.staff, ("email",)) or ("none",)):
                line = Line(opened.role, place, "spare" if place else "due", self.clock.at, self.clock.at)
                self.lines[opened.key, opened.staff, channel] = line

    async def feed(self, *givens: Given, topic: str = "case.escalation") -> None:
        """The worker's part."""
        async with self.batch({SUBJECT: 0}) as batch:
            work = Work(SUBJECT, 0, batch.rows.get(SUBJECT, Row()))
            for given in givens:
                number = work.row.seen.get(topic, 0) + 1
                FOLDER.apply(work, incoming(topic, number, given), DIRECTORY)
            await batch.write(Write(works=[work]))

    # The queue's port

    async def claim(self, most: int, lease: timedelta) -> list[Claim]:
        now, found = self.clock.at, []
        for (key, staff, channel), line in list(self.lines.items()):
            if line.state != "due" or line.free_at > now or len(found) == most:
                continue
            line.attempts, line.free_at, line.token = line.attempts + 1, now + lease, uuid4()
            more = any(k[:2] == (key, staff) and other.state == "spare" for k, other in self.lines.items())
            address = None if channel == "none" else f"{staff}@example.invalid"
            found.append(
                Claim(
                    SUBJECT,
                    0,
                    key,
                    staff,
                    line.role,
                    channel,
                    line.attempts,
                    more,
                    line.token,
                    address,
                    now - line.written_at,
                    self.row.state,
                )
            )
        return found

    def _mine(self, claim: Claim) -> Line | None:
        line = self.lines[claim.key, claim.staff, claim.channel]
        return line if line.token == claim.token and line.state == "due" else None

    async def postpone(self, claim: Claim, after: timedelta, reason: str) -> None:
        if (line := self._mine(claim)) is not None:
            line.free_at, line.reason = self.clock.at + after, reason

    async def next_channel(self, claim: Claim, reason: str) -> None:
        if (line := self._mine(claim)) is not None:
            line.state, line.reason = "failed", reason
            following = [
                other for k, other in self.lines.items() if k[:2] == (claim.key, claim.staff) and other.state == "spare"
            ]
            if following:
                first = min(following, key=lambda other: other.place)
                first.state, first.free_at = "due", self.clock.at

    async def drop(self, claim: Claim, reason: str) -> None:
        if (line := self._mine(claim)) is not None:
            line.state, line.reason = "called_off", reason


@dataclass
class WorldBatch:
    world: World
    rows: dict[str, Row[Case]]
    view: Directory = DIRECTORY
    stamps: dict[str, datetime] = field(default_factory=dict)

    async def write(self, write: Write[Case]) -> set:
        self.world.write(write)
        return set()


@dataclass
class FakeChannel:
    """Answers by a script, then with yes; remembers what it took."""

    script: list[Result | BaseException] = field(default_factory=list)
    took: list[tuple[str, Message]] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    async def send(self, address: str, message: Message) -> Result:
        await asyncio.sleep(0)
        self.before()
        answer = self.script.pop(0) if self.script else Sent()
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, Sent):
            self.took.append((address, message))
        return answer


def sender(world: World, channels: Mapping[str, FakeChannel], attempts: int = 3) -> Sender:
    return Sender(
        queue=world,
        outcomes=StoredOutcomes(world, FOLDER, world.clock, LOG),
        channels=channels,
        compose=Composer("http://portal.invalid", b"k" * 32, world.clock, Names, timedelta(days=3)),
        pace=Pace(Patience(attempts, timedelta(seconds=1), timedelta(seconds=8)), lambda: 0.0, LEASE),
        metrics=SenderMetrics(CollectorRegistry()),
        log=LOG,
    )


def told(events: Sequence[Event]) -> list[str]:
    return [event.staff for event in events if type(event).__name__ == "Told"]
