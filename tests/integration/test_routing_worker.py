"""The routing service as a process of its own on the real broker and database. It fails when its worker is stopped."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.commands.directory import import_files, read_files
from deploy.embedded.folder import DataFolder
from deploy.embedded.stack import EmbeddedStack
from deploy.init import REPOSITORY
from deploy.processes.launch import Child, launch, stop_child, tail
from deploy.service_specs import Wiring, service_specs
from services.host.tokens import Identity, mint
from services.intake.events import facts, reception
from services.kernel.envelope import Contract, Envelope, Event, decode, encode, envelope
from services.kernel.partitioning import partition_of
from services.routing.events import CONTRACT, DIRECTORY, assignments
from services.routing.events.directory import UnitPublished
from services.routing.store.loads import kept, recount

DEADLINE_S = 30.0


@dataclass
class Routing:
    """One running process with a database of its own."""

    stack: EmbeddedStack
    database: str
    child: Child
    url: str

    def headers(self, role: str) -> dict[str, str]:
        identity = Identity(staff="u-0014", unit="centre-120106", post="ops", role=role)
        token = mint(identity, self.stack.folder.secret("token_key").encode(), datetime.now(UTC))
        return {"authorization": f"Bearer {token}"}

    def alive(self) -> None:
        assert self.child.alive(), f"the process ended:\n{tail(self.child.log)}"


@pytest.fixture(scope="module")
def routing(stack: EmbeddedStack) -> Iterator[Routing]:
    database = asyncio.run(stack.new_database())
    asyncio.run(import_files(stack.dsn("routing", database), read_files()))
    made = _launch(stack, database)
    try:
        asyncio.run(_ready(made))
        yield made
    finally:
        asyncio.run(stop_child(made.child, stack.folder.run))
        asyncio.run(stack.drop_database(database))


def _launch(stack: EmbeddedStack, database: str) -> Routing:
    folder: DataFolder = stack.folder
    port = folder.ports(["routing-test-1"])["routing-test-1"]
    wiring = Wiring(
        bootstrap=stack.bootstrap,
        server=stack.server,
        database=database,
        secrets=folder.secrets,
        policy=REPOSITORY / "deploy" / "policy",
        ports={"routing-1": port},
        systems=(),
        repository=REPOSITORY,
        environment=os.environ,
    )
    (spec,) = service_specs(["routing-1"], wiring)
    return Routing(
        stack, database, launch(spec, folder.run, folder.logs, tie_to_parent=True), f"http://127.0.0.1:{port}"
    )


async def _ready(routing: Routing) -> None:
    deadline = time.monotonic() + DEADLINE_S
    async with httpx.AsyncClient(base_url=routing.url, trust_env=False) as client:
        while True:
            routing.alive()
            try:
                answer = (await client.get("/readyz")).json()
                if answer["ready"]:
                    return
            except httpx.TransportError:
                answer = None
            assert time.monotonic() < deadline, f"not ready: {answer}\n{tail(routing.child.log)}"
            await asyncio.sleep(0.1)


class Log:
    """Writes a case's log as intake would."""

    def __init__(self, stack: EmbeddedStack) -> None:
        self.case, self.sequence, self._stack = uuid4().hex, 0, stack

    async def write(self, *events: Event) -> None:
        producer = AIOKafkaProducer(**self._stack.kafka("intake"))
        await producer.start()
        try:
            for event in events:
                self.sequence += 1
                now = datetime.now(UTC)
                message = envelope(
                    event, id=uuid4().hex, service="intake", subject=self.case, time=now, sequence=self.sequence
                )
                where = partition_of(self.case)
                await producer.send_and_wait("case.intake", encode(message), self.case.encode(), partition=where)
        finally:
            await producer.stop()


async def said(routing: Routing, case: str, count: int) -> list[tuple[Envelope, Event]]:
    """The first `count` events of routing about a case, within the deadline."""
    found: list[tuple[Envelope, Event]] = []
    async for message, event in _read(routing, "case.routing", CONTRACT, [partition_of(case)]):
        if message.subject == case:
            found.append((message, event))
        if len(found) >= count:
            return found
    raise AssertionError(f"{len(found)} of {count} events about the case in {DEADLINE_S:.0f} s")


async def _read(routing: Routing, topic: str, contract: Contract, partitions: list[int]):
    consumer = AIOKafkaConsumer(
        **routing.stack.kafka("routing"), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        tps = [TopicPartition(topic, partition) for partition in partitions]
        consumer.assign(tps)
        await consumer.seek_to_beginning()
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            routing.alive()
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    try:
                        message = decode(record.value)
                    except msgspec.DecodeError:  # other tests of the run leave bad records, on purpose
                        continue
                    event = contract.read(message).event
                    if event is not None:
                        yield message, event
    finally:
        await consumer.stop()


def registered(kind: str, *, family: str, community: str = "120106001002", street: str | None = "120106001") -> Event:
    return reception.Registered(
        number="T-1", family=family, kind=kind, channel="window", community=community, street=street
    )  # type: ignore[arg-type]


async def test_a_registered_dispute_is_assigned_with_its_basis_by_the_routing_worker(routing: Routing) -> None:
    """Named for the gate: without the worker nothing comes."""
    log = Log(routing.stack)
    await log.write(registered("0402", family="dispute"))
    (first, assigned), (second, panel) = await said(routing, log.case, 2)
    assert isinstance(assigned, assignments.Assigned)
    assert (assigned.unit, assigned.centre, assigned.level) == ("centre-120106001", "centre-120106001", "street")
    assert assigned.assisting == ("dept-housing",)
    assert (assigned.basis.rule, assigned.basis.place) == ("dispute/0402/street", "120106001002")
    assert assigned.basis.directory_version >= 1
    assert [candidate.id for candidate in assigned.basis.candidates] == ["centre-120106001"]
    assert isinstance(panel, assignments.PanelProposed)
    assert (panel.mediator, panel.judicial_head, panel.lawyer) == ("u-0019", "u-0025", "u-0021")
    assert [(m.sequence, m.afterseq, m.rules) for m in (first, second)] == [(1, 1, 1), (2, 1, 1)]
    assert first.source == f"/maodiao/routing/{log.case}"


async def test_what_cannot_be_routed_goes_to_a_duty_seat_with_its_reason(routing: Routing) -> None:
    nowhere, unknown = Log(routing.stack), Log(routing.stack)
    await nowhere.write(registered("05-01", family="incident", community="unknown", street=None))
    await unknown.write(registered("21-00", family="incident"))
    ((_, no_place),) = await said(routing, nowhere.case, 1)
    ((_, no_route),) = await said(routing, unknown.case, 1)
    assert isinstance(no_place, assignments.Unroutable)
    assert (no_place.reason, no_place.seat) == ("no_place", "centre-120106")
    assert isinstance(no_route, assignments.Unroutable)
    assert (no_route.reason, no_route.seat) == ("no_route", "centre-120106001")


async def test_a_declined_case_goes_up_and_closing_frees_the_load(routing: Routing) -> None:
    log = Log(routing.stack)
    await log.write(registered("05-01", family="incident"))
    ((_, first),) = await said(routing, log.case, 1)
    assert isinstance(first, assignments.Assigned)
    await log.write(
        facts.Assigned(fact_at=datetime.now(UTC), unit=first.unit, centre=first.centre, level=first.level),
        reception.Declined(unit=first.unit, by="u-0023", reason="not_ours"),
    )
    (_, (message, second)) = await said(routing, log.case, 2)
    assert isinstance(second, assignments.Assigned)
    assert (first.unit, second.unit, second.hops) == ("enforce-120106001", "dept-urban-management", 1)
    assert message.afterseq == 3
    await log.write(reception.Closed(by="u-0150", outcome="disposed"))
    await log.write(reception.Reopened(by="u-0150", reason="not_fixed"))
    *_, (_, again) = await said(routing, log.case, 3)
    assert isinstance(again, assignments.Assigned)
    assert (again.unit, again.basis.rule) == ("dept-urban-management", "last_lead")
    connection = await asyncpg.connect(routing.stack.dsn("routing", routing.database))
    try:
        loads = await kept(connection)
        assert loads == await recount(connection)
        assert loads["dept-urban-management"] >= 1
    finally:
        await connection.close()


async def test_the_directory_topic_holds_every_unit(routing: Routing) -> None:
    wanted = {unit.unit for unit in read_files().units}
    found: dict[str, UnitPublished] = {}
    async for message, event in _read(routing, "directory", DIRECTORY, list(range(24))):
        assert isinstance(event, UnitPublished)
        assert message.subject == event.unit
        assert message.sequence == event.version
        found[event.unit] = event
        if found.keys() >= wanted:
            break
    assert found["centre-120106001"].posts
    assert {unit.unit for unit in found.values() if unit.kind == "street" and unit.valid_to is not None} == {
        "120106002",
        "120106011",
    }


async def test_the_door_shows_units_and_takes_new_versions_from_ops_alone(routing: Routing) -> None:
    async with httpx.AsyncClient(base_url=routing.url, trust_env=False, timeout=10) as client:
        assert (await client.get("/v1/units")).status_code == 401
        clerk, ops = routing.headers("clerk"), routing.headers("ops")
        streets = (await client.get("/v1/units", params={"kind": "street"}, headers=clerk)).json()["units"]
        assert len(streets) == 9
        assert len((await client.get("/v1/kinds", headers=clerk)).json()["kinds"]) == 133
        shown = (await client.get("/v1/units/dept-finance", headers=clerk)).json()
        assert (await client.get("/v1/units/nobody", headers=clerk)).status_code == 404
        body = {k: v for k, v in shown["unit"].items() if k not in ("version", "changed_at")}
        body["name_en"] = "Finance, renamed by a test"
        key = {"idempotency-key": uuid4().hex}
        assert (await client.post("/v1/units", json=body, headers=clerk | key)).status_code == 403
        assert (await client.post("/v1/units", json=body, headers=ops)).status_code == 422
        made = await client.post("/v1/units", json=body, headers=ops | key)
        assert (made.status_code, made.json()["version"]) == (201, shown["unit"]["version"] + 1)
        again = await client.post("/v1/units", json=body, headers=ops | key)
        assert (again.status_code, again.json()) == (201, made.json())
        other = await client.post("/v1/units", json={**body, "name": "别的"}, headers=ops | key)
        assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency_key")
        fresh = {"idempotency-key": uuid4().hex}
        unknown = await client.post("/v1/units", json={**body, "telephone": "1"}, headers=ops | fresh)
        assert unknown.status_code == 422
        orphan = await client.post("/v1/units", json={**body, "parent": "nobody"}, headers=ops | fresh)
        assert orphan.json()["faults"] == ["dept-finance: its parent nobody is not in the directory"]
        now = (await client.get("/v1/units/dept-finance", headers=clerk)).json()
        assert now["unit"]["name_en"] == body["name_en"]
        assert [version["version"] for version in now["versions"]] == [made.json()["version"], shown["unit"]["version"]]
