"""Four services on one virtual clock: the kernel's processor and fold over memory, with topics that deliver badly.

Every service has its worker (a `Processor` that can be killed or frozen at any write), its store and its relay; intake
has people who press, and writes the progress marks; notify has a sender. Chance comes from one seed alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random
from typing import Any

from prometheus_client import CollectorRegistry

from services.escalation.core.cases import Escalation
from services.escalation.core.states import Case as EscalationCase
from services.escalation.doors import topics as of_escalation
from services.intake.core import steps
from services.intake.core.cases import Case
from services.intake.core.inputs import Command
from services.intake.core.rules import CaseFolder
from services.intake.doors import topics as of_intake
from services.kernel.core import Incoming, Record, Row
from services.kernel.envelope import derived_id, encode
from services.kernel.fold import Folder, Work
from services.kernel.marks import Mark
from services.kernel.processor import Bounds, FencedError, Processor
from services.kernel.store import TP, Write
from services.kernel.telemetry import ProcessorMetrics
from services.notify.core.calls import Call, why_not
from services.notify.core.calls import Case as NotifyCase
from services.notify.core.cases import Calls
from services.notify.core.inputs import Delivered, Failed, Overtaken
from services.notify.doors import topics as of_notify
from services.routing.core.cases import Case as RoutingCase
from services.routing.core.cases import Cases
from services.routing.doors import topics as of_routing
from tests.contracts.history import book, places_view, roster_view, routing_view
from tests.contracts.play import UNITS
from tests.kernel.memory import MemoryStore

NINE = datetime(2026, 1, 5, 1, tzinfo=UTC)  # a Monday, nine o'clock in Tianjin
LOG = "case.intake"
SERVICES = ("intake", "routing", "escalation", "notify")
STATES: Mapping[str, type[Any]] = {
    "intake": Case, "routing": RoutingCase, "escalation": EscalationCase, "notify": NotifyCase,
}  # fmt: skip


class Killed(Exception):  # noqa: N818 - not an error of the program: somebody killed it
    """The process is gone."""


@cache
def views() -> Mapping[str, Any]:
    return {
        "intake": places_view(UNITS), "routing": routing_view(UNITS), "escalation": book(),
        "notify": roster_view(UNITS),
    }  # fmt: skip


@cache
def metrics(service: str) -> ProcessorMetrics:
    return ProcessorMetrics(service, CollectorRegistry())


def folder_of(service: str) -> Folder[Any, Any, Any]:
    cores = {"routing": Cases, "escalation": Escalation, "notify": Calls}
    return CaseFolder() if service == "intake" else Folder(service, cores[service]())


def reader_of(service: str) -> Any:
    doors = {"intake": of_intake.make_reader, "routing": of_routing.reader, "escalation": of_escalation.reader}
    return doors.get(service, of_notify.reader)()


class Store(MemoryStore[Any, Any, Any]):
    """A store whose process can be killed just before or just after a write; intake's also tells the time."""

    def __init__(self, world: World, service: str, folder: Folder[Any, Any, Any]) -> None:
        super().__init__(f"case.{service}", STATES[service], folder.core, lambda: views()[service])
        self.world, self.stamped, self.kill = world, service == "intake", ""

    @asynccontextmanager
    async def batch(self, subjects: Mapping[str, int]) -> AsyncIterator[Any]:
        async with super().batch(subjects) as batch:
            if self.stamped:
                batch.stamps = {subject: self._stamp(batch.rows.get(subject)) for subject in subjects}
            yield batch

    def _stamp(self, row: Row[Case] | None) -> datetime:
        times = (self.world.now, self.world.floor, row.at if row is not None else None)
        return max(at for at in times if at is not None)

    def write(self, write: Write[Any]) -> set[TP]:
        kill, self.kill = self.kill, ""
        if kill == "before":
            raise Killed
        live = super().write(write)
        if kill == "after":
            raise Killed
        return live

    def rows(self) -> dict[str, Row[Any]]:
        return {subject: self._decoder.decode(doc) for subject, (_, doc) in self.docs.items()}


@dataclass
class Service:
    """One service: what it keeps (`store`, `published`), and what dies with its process (`worker`)."""

    name: str
    world: World
    folder: Folder[Any, Any, Any] = field(init=False)
    store: Store = field(init=False)
    worker: Processor[Any, Any, Any] = field(init=False)
    published: int = 0  # rows of the outbox that are marked
    zombies: list[Processor[Any, Any, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.folder = folder_of(self.name)
        self.store = Store(self.world, self.name, self.folder)
        self.topics: tuple[str, ...] = reader_of(self.name).topics

    async def start(self) -> None:
        log = LOG if self.name in ("routing", "escalation") else None
        self.worker = Processor(
            self.folder, reader_of(self.name), self.store, metrics(self.name), log_topic=log, batch_records=50
        )
        ends = {TP(topic, 0): Bounds(0, len(self.world.topics[topic])) for topic in self.topics}
        await self.worker.assign(1, ends)

    async def hear(self, topic: str, most: int) -> bool:
        """Hand over the next records of a topic. Returns: were there any?"""
        at = self.worker.positions()[TP(topic, 0)]
        records = self.world.topics[topic][at : at + most]
        if records:
            await self.worker.process(1, records)
        return bool(records)

    async def freeze(self) -> None:
        """Frozen for so long that another one has taken over; it will wake."""
        self.zombies.append(self.worker)
        await self.start()

    async def wake(self) -> None:
        """The frozen one goes on where it thinks it stands: it may not write."""
        zombie = self.zombies.pop()
        before = (dict(self.store.docs), len(self.store.said), dict(self.store.claims))
        try:
            for topic in self.topics:
                await zombie.process(1, self.world.topics[topic][zombie.positions()[TP(topic, 0)] :])
            await zombie.fire()
        except FencedError:
            pass
        assert before == (dict(self.store.docs), len(self.store.said), dict(self.store.claims)), "a zombie wrote"

    def publish(self, most: int) -> bool:
        """The relay: so many rows, in order of commit. Returns: were there any?"""
        rows = self.store.said[self.published : self.published + most]
        for said in rows:
            self.world.append(said.topic, said.key, encode(said.message))
        self.published += len(rows)
        return bool(rows)

    def publish_and_die(self, most: int) -> None:
        """Killed after the broker had it and before the rows were marked: the next relay says it again."""
        marked = self.published
        self.publish(most)
        self.published = marked


@dataclass
class World:
    """See the module."""

    chance: Random
    now: datetime = NINE
    floor: datetime | None = None  # no event gets a time before what a mark was begun with
    topics: dict[str, list[Record]] = field(default_factory=lambda: {f"case.{name}": [] for name in SERVICES})
    marks: list[Mark] = field(default_factory=list)
    sink: list[tuple[str, str, str]] = field(default_factory=list)
    lost_answers: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    presses: int = 0

    async def begin(self) -> World:
        self.services = {name: Service(name, self) for name in SERVICES}
        for service in self.services.values():
            await service.start()
        return self

    def append(self, topic: str, key: str, value: bytes) -> None:
        records = self.topics[topic]
        records.append(Record(topic, 0, len(records), key.encode(), value))

    def case(self, case: str) -> Case | None:
        row = self.services["intake"].store.rows().get(case)
        return row.state if row is not None else None

    async def press(self, case: str, command: Command) -> bool:
        """A person's step, under the case's lock. Returns: was it possible?"""
        intake = self.services["intake"]
        async with intake.store.batch({case: 0}) as batch:
            stamp = batch.stamps[case]
            work: Work[Case] = Work(case, 0, batch.rows.get(case, Row()), stamp)
            command = _at(command, stamp)
            if work.row.state is not None and (why := steps.refusal(work.row.state, command)) is not None:
                self.refused[why] += 1
                return False
            self.presses += 1
            assert isinstance(intake.folder, CaseFolder)
            intake.folder.press(work, command, f"press-{self.presses}", batch.view)
            await batch.write(Write(works=[work]))
        return True

    def mark(self, *, most: int = 1_000_000) -> None:
        """A whole round of intake's relay: clock, floor, everything published, then the mark."""
        upto = self.now
        self.floor = max(self.floor, upto) if self.floor is not None else upto
        self.services["intake"].publish(most)
        self.marks.append(Mark(relay="relay", upto=upto, offsets={0: len(self.topics[LOG])}))
        self.services["escalation"].worker.marks.add(self.marks[-1])

    async def send(self, fails: float = 0.0, dies: float = 0.0) -> bool:
        """notify's sender: one delivery. Returns: was there one?"""
        waiting = [
            (case, call)
            for case, row in sorted(self.services["notify"].store.rows().items())
            for call in (row.state.calls.values() if row.state is not None else ())
            if call.trying is not None
        ]
        if not waiting:
            return False
        case, call = self.chance.choice(waiting)
        await self._deliver(case, call, self.chance.random() < fails, self.chance.random() < dies)
        return True

    async def _deliver(self, case: str, call: Call, fails: bool, dies: bool) -> None:
        staff = call.trying.staff if call.trying is not None else None
        assert staff is not None
        state = self.services["notify"].store.rows()[case].state
        if why_not(state, call.key, staff) is not None:
            await self._answer(case, Overtaken(call.key), call, staff)
        elif fails:
            await self._answer(case, Failed(call.key, staff, "unanswered"), call, staff)
        else:
            self.sink.append((case, str(call.key), staff))
            if dies:
                self.lost_answers[self.sink[-1]] += 1
            else:
                await self._answer(case, Delivered(call.key, staff, "email", 1), call, staff)

    async def _answer(self, case: str, given: Any, call: Call, staff: str) -> None:
        notify = self.services["notify"]
        async with notify.store.batch({case: 0}) as batch:
            row = batch.rows[case]
            work: Work[NotifyCase] = Work(case, 0, row, self.now)
            cause = derived_id(f"{case}/{call.key}/{staff}", type(given).__name__, 0)
            after = max(row.after, call.asked_after)
            record = Record("notify.sender", 0, 0, None, None)
            notify.folder.apply(work, Incoming(record, case, cause, None, self.now, after, False, given), batch.view)
            if work.said:
                await batch.write(Write(works=[work]))

    # When nothing disturbs

    async def settle(self) -> None:
        """Until nobody has anything to publish, to read, to fire or to send; no time passes."""
        moved = True
        while moved:
            moved = False
            self.mark()
            for service in self.services.values():
                moved |= service.publish(1_000_000)
            for service in self.services.values():
                for topic in service.topics:
                    moved |= await service.hear(topic, 1_000)
            moved |= await self.fire()
            moved |= await self.send()

    async def fire(self) -> bool:
        escalation = self.services["escalation"]
        before = len(escalation.store.said)
        while await escalation.worker.fire():
            pass
        return len(escalation.store.said) > before

    async def calm_until(self, until: datetime) -> None:
        """All is well: whatever is due fires a second later and is heard at once."""
        await self.settle()
        while (due := self._due()) is not None and due < until:
            self.now = max(self.now, due + timedelta(seconds=1))
            await self.settle()
        self.now = max(self.now, until)
        await self.settle()

    def _due(self) -> datetime | None:
        core = Escalation()
        dues = [core.due(row.state) for row in self.services["escalation"].store.rows().values() if row.state]
        return min((due for due in dues if due is not None), default=None)


def _at(command: Command, at: datetime) -> Command:
    import msgspec

    return msgspec.structs.replace(command, at=at)
