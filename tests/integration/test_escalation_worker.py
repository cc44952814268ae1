"""The escalation service as a process of its own on the real broker and database. It fails when its worker is stopped.

The log of a case is written here as intake would write it, with times of our own, and so are the progress marks: a
limit passes because a mark says so, and nothing waits.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.embedded.stack import EmbeddedStack
from deploy.init import REPOSITORY
from deploy.processes.launch import Child, launch, stop_child, tail
from deploy.service_specs import Wiring, service_specs
from services.escalation.events import CONTRACT, TOPIC, limits, whistles
from services.host.tokens import Identity, mint
from services.intake.events import facts, reception, whistle
from services.kernel.envelope import Envelope, Event, decode, encode, envelope
from services.kernel.marks import Mark
from services.kernel.partitioning import partition_of

DEADLINE_S = 30.0
POLICY = REPOSITORY / "deploy" / "policy" / "demo.yaml"
POLICY_TEXT = POLICY.read_text()


@dataclass
class Escalation:
    """One running process with a database of its own."""

    stack: EmbeddedStack
    database: str
    child: Child
    url: str

    def alive(self) -> None:
        assert self.child.alive(), f"the process ended:\n{tail(self.child.log)}"


@pytest.fixture(scope="module", params=["faust", "aiokafka"])
def escalation(stack: EmbeddedStack, request: pytest.FixtureRequest) -> Iterator[Escalation]:
    database = asyncio.run(stack.new_database())
    made = _launch(stack, database, request.param)
    try:
        asyncio.run(_ready(made))
        yield made
    finally:
        asyncio.run(stop_child(made.child, stack.folder.run))
        asyncio.run(stack.drop_database(database))


def _launch(stack: EmbeddedStack, database: str, transport: str) -> Escalation:
    folder = stack.folder
    port = folder.ports([f"escalation-test-{transport}"])[f"escalation-test-{transport}"]
    wiring = Wiring(
        bootstrap=stack.bootstrap,
        server=stack.server,
        database=database,
        secrets=folder.secrets,
        policy=POLICY,
        ports={"escalation-1": port},
        systems=(),
        repository=REPOSITORY,
        environment={**os.environ, "MAODIAO_TRANSPORT": transport},
    )
    (spec,) = service_specs(["escalation-1"], wiring)
    child = launch(spec, folder.run, folder.logs, tie_to_parent=True)
    return Escalation(stack, database, child, f"http://127.0.0.1:{port}")


async def _ready(made: Escalation) -> None:
    deadline = time.monotonic() + DEADLINE_S
    async with httpx.AsyncClient(base_url=made.url, trust_env=False) as client:
        answer = None
        while True:
            made.alive()
            try:
                answer = (await client.get("/readyz")).json()
                if answer["ready"]:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, f"not ready: {answer}\n{tail(made.child.log)}"
            await asyncio.sleep(0.1)


class Log:
    """Writes one case's log, and marks of its partition, as intake and its relay would."""

    def __init__(self, stack: EmbeddedStack) -> None:
        self.case, self.sequence, self._stack, self._next = uuid4().hex, 0, stack, 0
        self.began = datetime.now(UTC) - timedelta(minutes=30)

    def at(self, seconds: float) -> datetime:
        return self.began + timedelta(seconds=seconds)

    async def write(self, *events: tuple[float, Event]) -> None:
        """Events with their times, in seconds since the case began."""
        async with AIOKafkaProducer(**self._stack.kafka("intake")) as producer:
            for seconds, event in events:
                self.sequence += 1
                message = envelope(
                    event,
                    id=uuid4().hex,
                    service="intake",
                    subject=self.case,
                    time=self.at(seconds),
                    sequence=self.sequence,
                )
                lane = partition_of(self.case)
                sent = await producer.send_and_wait("case.intake", encode(message), self.case.encode(), partition=lane)
                self._next = sent.offset + 1

    async def mark(self, seconds: float) -> None:
        """All that came before this time lies behind what was written last."""
        mark = Mark(relay="test", upto=self.at(seconds), offsets={partition_of(self.case): self._next})
        async with AIOKafkaProducer(**self._stack.kafka("intake")) as producer:
            await producer.send_and_wait("progress", msgspec.json.encode(mark), partition=0)


async def said(made: Escalation, case: str, wanted: int) -> list[tuple[Envelope, Event]]:
    """The first `wanted` events of escalation about a case, within the deadline."""
    found: list[tuple[Envelope, Event]] = []
    consumer = AIOKafkaConsumer(**made.stack.kafka("notify"), enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(TOPIC, partition_of(case))])
        await consumer.seek_to_beginning()
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            made.alive()
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    message = decode(record.value)
                    if message.subject == case and (event := CONTRACT.read(message).event) is not None:
                        found.append((message, event))
            if len(found) >= wanted:
                return found
    finally:
        await consumer.stop()
    raise AssertionError(
        f"{len(found)} of {wanted} events about the case in {DEADLINE_S:.0f} s: {[m.type for m, _ in found]}"
    )


def incident() -> Event:
    return reception.Registered(
        number="T-1", family="incident", kind="05-01", channel="grid", community="120106001002", street="120106001"
    )


def assigned(log: Log) -> Event:
    return facts.Assigned(fact_at=log.began, unit="dept-roads", centre="centre-120106001", level="street")


def told(log: Log, rank: int) -> Event:
    return facts.Told(
        fact_at=log.began,
        obligation="w1",
        rank=rank,
        staff="u-0001",
        unit="dept-roads",
        post="head",
        role="head",
        channel="email",
    )


async def test_the_escalation_worker_sets_limits_and_climbs_a_whistle_that_nobody_answers(
    escalation: Escalation,
) -> None:
    """Named for the gate: without the worker nothing comes."""
    log = Log(escalation.stack)
    call = whistle.WhistleRequested(
        obligation="w1", unit="dept-roads", by="u-0002", by_unit="centre-120106001", kind="emergency"
    )
    await log.write((0, incident()), (1, assigned(log)), (2, reception.Accepted(unit="dept-roads", by="u-0003")))
    await log.write((5, call), (6, told(log, 1)))
    events = await said(escalation, log.case, 5)
    assert [type(event).__name__ for _, event in events] == [
        "LimitSet", "LimitSet", "LimitMet", "WhistleBlown", "LimitSet",
    ]  # fmt: skip
    await log.mark(25)  # the rank's 20 s have not passed
    await log.mark(27)
    events = await said(escalation, log.case, 7)
    (message, missed), (_, proposed) = events[5:]
    assert isinstance(missed, limits.LimitMissed) and missed.limit == "w1@1:attend"
    assert message.time == missed.due_at == log.at(26), "a fired limit has the log's time, not the clock's"
    assert isinstance(proposed, whistles.WhistleProposed)
    assert (proposed.rank, proposed.unit, proposed.post) == (2, "leaders-120106", "district_head")
    await log.write((30, whistle.WhistleConfirmed(obligation="w1", rank=2, by="u-0002")))
    await log.write((40, whistle.WhistleSettled(obligation="w1", by="u-0002")), (41, closed()))
    events = await said(escalation, log.case, 9)
    (first, blown), (last, missed) = events[7:9]
    assert isinstance(blown, whistles.WhistleBlown) and (blown.rank, blown.because) == (2, "confirmed")
    assert isinstance(missed, limits.LimitMissed) and missed.limit == "dispose#1"
    assert first.time == last.time == log.at(30) and (first.afterseq, last.afterseq) == (6, 6), "the event comes first"
    assert [m.sequence for m, _ in events] == list(range(1, len(events) + 1))
    assert {m.rules for m, _ in events} == {1}


def closed() -> Event:
    return reception.Closed(by="u-0002", outcome="disposed")


async def test_what_was_done_in_time_is_never_missed_however_late_it_is_read(escalation: Escalation) -> None:
    log = Log(escalation.stack)
    await log.write((0, incident()))
    await log.write((29, reception.Disposed(unit="dept-roads", by="u-0003")), (30, closed()))
    await log.mark(1700)
    events = await said(escalation, log.case, 4)
    assert [(type(e).__name__, getattr(e, "step", "")) for _, e in events] == [
        ("LimitSet", "dispose"), ("LimitMet", "dispose"), ("LimitSet", "verify"), ("LimitMet", "verify"),
    ]  # fmt: skip


async def test_a_record_that_cannot_be_read_holds_its_case_and_calls_nobody(escalation: Escalation) -> None:
    log = Log(escalation.stack)
    await log.write((0, incident()))
    await said(escalation, log.case, 1)
    async with AIOKafkaProducer(**escalation.stack.kafka("intake")) as producer:
        lane = partition_of(log.case)
        sent = await producer.send_and_wait("case.intake", b"not json", log.case.encode(), partition=lane)
        log._next = sent.offset + 1
    await log.mark(1700)  # not earlier than other tests mark: limits of their partition, too, fire once
    events = await said(escalation, log.case, 3)
    assert [type(event).__name__ for _, event in events] == ["LimitSet", "Held", "LimitUnconfirmed"]
    connection = await asyncpg.connect(escalation.stack.dsn("escalation", escalation.database))
    try:
        parked = await connection.fetchval("select reason from escalation.parked where subject = $1", log.case)
    finally:
        await connection.close()
    assert parked == "not_json"


async def test_the_door_tells_which_policy_is_in_force(escalation: Escalation) -> None:
    identity = Identity(staff="u-0014", unit="centre-120106", post="ops", role="clerk")
    token = mint(identity, escalation.stack.folder.secret("token_key").encode(), datetime.now(UTC))
    async with httpx.AsyncClient(base_url=escalation.url, trust_env=False, timeout=10) as client:
        assert (await client.get("/v1/policy")).status_code == 401
        shown = (await client.get("/v1/policy", headers={"authorization": f"Bearer {token}"})).json()
        assert "maodiao_records" in (await client.get("/metrics")).text
    assert [(p["name"], p["version"], p["in_force"]) for p in shown["policies"]] == [("demo", 1, True)]
    assert [(c["name"], c["in_force"]) for c in shown["calendars"]] == [("cn-2026", True)]
    assert shown["policies"][0]["body"] == POLICY_TEXT
