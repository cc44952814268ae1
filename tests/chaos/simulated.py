"""An outage of an hour in simulated time: escalation, notify and intake's applying, as they are, on one virtual clock.

The services' own cores run in the kernel's own processor over the kernel's memory store; topics are lists, the clock
is a number, a message takes seconds. One part at a time is away for an hour, while people go on working. What came of
it is looked at by the ledger's own checks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry

from services.escalation.core.cases import Escalation
from services.escalation.core.policy import DatedCalendar, PolicyBook
from services.escalation.core.states import Case as Escalating
from services.escalation.doors.topics import reader as escalation_reader
from services.escalation.store.policy_files import read_calendar, read_policy
from services.intake.core import inputs
from services.intake.core.cases import Case as Registered
from services.intake.core.places import Directory as Places
from services.intake.core.rules import CaseFolder
from services.intake.doors.topics import make_reader
from services.kernel.core import Core, Record, Row
from services.kernel.envelope import decode, derived_id, encode
from services.kernel.fold import Folder, Work
from services.kernel.marks import Mark
from services.kernel.processor import Bounds, Processor
from services.kernel.store import TP, Write
from services.kernel.telemetry import ProcessorMetrics
from services.notify.core.calls import Call, why_not
from services.notify.core.calls import Case as Calling
from services.notify.core.cases import Calls
from services.notify.core.inputs import Delivered, Overtaken
from services.notify.core.roster import Directory as Roster
from services.notify.doors.outcomes import StoredOutcomes
from services.notify.doors.topics import reader as notify_reader
from services.notify.store.deliveries import Claim
from tests.chaos.evidence import Entry, Evidence
from tests.clock import ManualClock
from tests.kernel.memory import MemoryStore

SEAT: Final = inputs.Actor(staff="u-0005", unit="centre", role="seat", post="duty_seat")
CENTRE: Final = inputs.Actor(staff="u-0004", unit="centre", role="centre", post="head")
BEGIN: Final = datetime(2026, 11, 24, 1, tzinfo=UTC)
TICK: Final = timedelta(seconds=5)
OUTAGE: Final = timedelta(hours=1)
SENDS_IN: Final = timedelta(seconds=4)
PARTS: Final = ("escalation", "notify", "intake", "relay of intake", "relay of escalation", "relay of notify", "all")
_OVER = ("case_ended", "obligation_ended")


class Clocked(MemoryStore[Any, Any, Any]):
    """A memory store whose rows have a writer's clock, as `LockingStore` gives them."""

    clock: ManualClock
    floor: datetime = BEGIN
    dues: dict[str, tuple[bytes, datetime | None]]

    @asynccontextmanager
    async def batch(self, subjects: Mapping[str, int]) -> AsyncIterator[Any]:
        async with super().batch(subjects) as batch:
            batch.stamps = {s: self.stamp(batch.rows[s].at if s in batch.rows else None) for s in subjects}
            yield batch

    async def due(self, before: Mapping[int, datetime], most: int) -> list[tuple[str, int]]:
        """As the memory store, with what was read of an unchanged row kept: hours of ticks ask often."""
        found = []
        for subject, (_, doc) in self.docs.items():
            known = self.dues.get(subject)
            if known is None or known[0] is not doc:
                state = self._decoder.decode(doc).state
                known = self.dues[subject] = doc, self._core.due(state) if state is not None else None
            if known[1] is not None and known[1] < before[0]:
                found.append((known[1], subject))
        return [(subject, 0) for _, subject in sorted(found)[:most]]

    def stamp(self, last: datetime | None) -> datetime:
        """Never before the subject's last time, nor before a published mark."""
        return max(self.clock.at, self.floor, last or self.floor)


@dataclass(slots=True)
class Node:
    """One service's worker, with its relay."""

    name: str
    processor: Processor[Any, Any, Any]
    store: Clocked
    topic: str
    reads: tuple[str, ...]
    published: int = 0
    assigned: bool = False
    read: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class World:
    """Topics, nodes, and who is away. away: by part, from when to when."""

    policy: str
    calendar: str
    roster: Roster
    away: Mapping[str, tuple[datetime, datetime]]
    clock: ManualClock = field(default_factory=lambda: ManualClock(BEGIN))
    topics: dict[str, list[Record]] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    due: dict[tuple[str, str, str], datetime] = field(default_factory=dict)
    reached: list[tuple[datetime, str, str, int]] = field(default_factory=list)
    folder: CaseFolder = field(default_factory=CaseFolder)
    calls: dict[str, tuple[bytes, list[tuple[str, Calling, Call]]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        policy = read_policy(self.policy, None)
        calendar = DatedCalendar(policy.since, read_calendar(self.calendar))
        book = PolicyBook([policy], [calendar])
        self._node("intake", self.folder, Registered, make_reader(), Places, log=None)
        self._node("escalation", Folder("escalation", Escalation()), Escalating, escalation_reader(), lambda: book,
                   log="case.intake")  # fmt: skip
        self._node("notify", Folder("notify", Calls()), Calling, notify_reader(), lambda: self.roster, log=None)

    def _node(
        self, name: str, folder: Folder[Any, Any, Any], state: type, reader: Any, view: Callable[[], Any],
        *, log: str | None,
    ) -> None:  # fmt: skip
        core: Core[Any, Any, Any] = folder.core
        store = Clocked(f"case.{name}", state, core, view)
        store.clock, store.dues = self.clock, {}
        metrics = ProcessorMetrics(name, CollectorRegistry())
        processor = Processor(folder, reader, store, metrics, log_topic=log)
        topics = tuple(topic for topic in reader.topics if topic != "case.routing")
        self.nodes[name] = Node(name, processor, store, f"case.{name}", topics)
        self.topics[f"case.{name}"] = []

    def up(self, part: str) -> bool:
        for name in (part, "all"):
            since, until = self.away.get(name, (BEGIN, BEGIN))
            if since <= self.clock.at < until:
                return False
        return True

    async def tick(self) -> None:
        """Five seconds: relays publish, workers apply and fire, the sender sends."""
        self.clock.at += TICK
        for _ in range(4):  # what one says another hears within the tick
            for node in self.nodes.values():
                if self.up(f"relay of {node.name}"):
                    self._publish(node)
            for node in self.nodes.values():
                await self._work(node)
        await self._send()

    def _publish(self, node: Node) -> None:
        for said in node.store.said[node.published :]:
            log = self.topics[said.topic]
            log.append(Record(said.topic, 0, len(log), said.key.encode(), encode(said.message)))
        node.published = len(node.store.said)
        if node.name == "intake":
            node.store.floor = self.clock.at
            mark = Mark(relay="sim", upto=self.clock.at, offsets={0: len(self.topics[node.topic])})
            if self.up("escalation"):
                self.nodes["escalation"].processor.marks.add(mark)

    async def _work(self, node: Node) -> None:
        if not self.up(node.name):
            node.assigned = False
            return
        if not node.assigned:
            bounds = {TP(topic, 0): Bounds(0, len(self.topics[topic])) for topic in node.reads}
            node.read = {tp.topic: at for tp, at in (await node.processor.assign(1, bounds)).items()}
            node.assigned = True
        for topic in node.reads:
            fresh = self.topics[topic][node.read[topic] :]
            if fresh:
                await node.processor.process(1, fresh)
                node.read[topic] = len(self.topics[topic])
        while await node.processor.fire():
            pass

    async def _send(self) -> None:
        """The sender: a call's message takes some seconds; then the answer is written as it really is."""
        node = self.nodes["notify"]
        if not self.up("notify"):
            self.due.clear()  # leases
            return
        outcomes = StoredOutcomes(node.store, Folder("notify", Calls()), self.clock, structlog.get_logger())
        for subject, case, call in self._open_calls(node.store):
            assert call.trying is not None
            staff = call.trying.staff or ""
            begun = self.due.setdefault((subject, str(call.key), staff), self.clock.at)
            if self.clock.at - begun < SENDS_IN:
                continue
            claim = Claim(
                subject, 0, call.key, staff, call.trying.role, "email", 1, False, UUID(int=0), "x", OUTAGE, None
            )
            if why_not(case, call.key, staff) in _OVER:
                await outcomes.settle(claim, Overtaken(call.key))
                continue
            self.reached.append(
                (self.clock.at, subject, call.obligation if call.purpose == "whistle" else "", call.rank)
            )
            await outcomes.settle(claim, Delivered(call.key, staff, "email", 1))

    def _open_calls(self, store: Clocked) -> list[tuple[str, Calling, Call]]:
        """Calls whose message is still to be sent; rows that have not changed are not read again."""
        found = []
        for subject, (_, doc) in store.docs.items():
            known = self.calls.get(subject)
            if known is None or known[0] is not doc:
                case: Calling | None = store._decoder.decode(doc).state
                known = self.calls[subject] = doc, _trying(subject, case) if case is not None else []
            found += known[1]
        return found

    async def press(self, case: str, make: Callable[[datetime], inputs.Command]) -> None:
        """A person's step, which the door takes at once."""
        store = self.nodes["intake"].store
        async with store.batch({case: 0}) as batch:
            row, stamp = batch.rows.get(case), batch.stamps[case]
            work: Work[Registered] = Work(case, 0, row or _empty(), stamp)
            number = len(store.said)
            self.folder.press(work, make(stamp), derived_id(case, "press", number), Places())
            store.write(Write(works=[work]))

    def evidence(self) -> Evidence:
        """What lies on the topics, for the ledger."""
        return Evidence(topics={t: [_entry(record) for record in log] for t, log in self.topics.items()})


def _trying(subject: str, case: Calling) -> list[tuple[str, Calling, Call]]:
    return [(subject, case, call) for call in case.calls.values() if call.trying is not None]


def _empty() -> Any:
    return Row()


def _entry(record: Record) -> Entry:
    assert record.value is not None and record.key is not None
    message = decode(record.value)
    return Entry(
        topic=record.topic, partition=0, offset=record.offset, key=record.key.decode(), value=record.value,
        id=message.id, type=message.type, sequence=message.sequence, time=message.time, afterseq=message.afterseq,
        cause=message.causationid,
    )  # fmt: skip
