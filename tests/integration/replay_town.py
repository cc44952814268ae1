"""Routing and escalation as processes on one fresh database, and a log of cases written as intake would."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import msgspec
from aiokafka import AIOKafkaProducer

from deploy.commands.directory import import_files, read_files
from deploy.embedded.stack import EmbeddedStack
from deploy.init import REPOSITORY
from deploy.processes.launch import Child, launch, stop_child, tail
from deploy.replay import runs
from deploy.replay.plans import PLANS, AnyReplayer
from deploy.replay.replayer import Report
from deploy.service_specs import Wiring, service_specs
from services.intake.events import facts, reception, whistle
from services.kernel.broker import KafkaLogin, bounds, plain_consumer
from services.kernel.envelope import Event, encode, envelope
from services.kernel.marks import Mark
from services.kernel.partitioning import PARTITIONS, partition_of
from services.kernel.store import TP

DEADLINE_S = 30.0
LOG = "case.intake"
SERVICES = ("routing", "escalation")
TEAM = "enforce-120106001"


@dataclass
class Case:
    """One case's log. at: its times begin so many seconds ago."""

    case: str = field(default_factory=lambda: uuid4().hex)
    sequence: int = 0
    began: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(minutes=20))

    def next(self, seconds: float, event: Event) -> bytes:
        self.sequence += 1
        return encode(
            envelope(
                event, id=f"{self.case}-{self.sequence}", service="intake", subject=self.case,
                time=self.began + timedelta(seconds=seconds), sequence=self.sequence,
            )
        )  # fmt: skip


@dataclass
class Town:
    """What runs. `database` is its own; the topics are everybody's, so what other tests have written is read too."""

    stack: EmbeddedStack
    database: str
    children: dict[str, Child] = field(default_factory=dict)

    # Processes

    def start(self, *services: str) -> None:
        folder, names = self.stack.folder, [f"{service}-1" for service in services]
        keys = {name: f"replay-test-{name}" for name in names}
        ports = folder.ports(list(keys.values()))
        wiring = Wiring(
            bootstrap=self.stack.bootstrap, server=self.stack.server, database=self.database, secrets=folder.secrets,
            policy=REPOSITORY / "deploy" / "policy" / "demo.yaml", ports={n: ports[k] for n, k in keys.items()},
            systems=(), repository=REPOSITORY, environment=os.environ,
        )  # fmt: skip
        for spec in service_specs(names, wiring):
            self.children[spec.name.removesuffix("-1")] = launch(spec, folder.run, folder.logs, tie_to_parent=True)
        asyncio.run(self._ready(services))

    def stop(self, *services: str) -> None:
        for service in services:
            asyncio.run(stop_child(self.children.pop(service), self.stack.folder.run))

    async def _ready(self, services: tuple[str, ...]) -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            for service in services:
                child = self.children[service]

                async def ask(child: Child = child) -> bool:
                    try:
                        return (await client.get(str(child.spec.health_url))).status_code == 200
                    except httpx.TransportError:
                        return False

                await self.until(ask, service)

    async def until(self, true: Callable[[], Awaitable[bool]], *services: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not await true():
            for service in services:
                child = self.children[service]
                assert child.alive(), f"{service} ended:\n{tail(child.log)}"
            logs = "\n".join(tail(child.log) for child in self.children.values())
            assert time.monotonic() < deadline, f"not in time\n{logs}"
            await asyncio.sleep(0.1)

    # The log

    async def write(self, *records: tuple[Case, bytes]) -> None:
        async with AIOKafkaProducer(**self.stack.kafka("intake")) as producer:
            for case, value in records:
                await producer.send_and_wait(LOG, value, case.case.encode(), partition=partition_of(case.case))

    async def ends(self) -> dict[int, int]:
        consumer = plain_consumer(self.login("escalation"), "ends")
        await consumer.start()
        try:
            found = await bounds(consumer, [TP(LOG, lane) for lane in range(PARTITIONS)])
        finally:
            await consumer.stop()
        return {tp.partition: bound.end for tp, bound in found.items()}

    async def mark(self, upto: datetime | None = None) -> None:
        """A progress mark of all partitions, and wait until all is read and what was due has fired."""
        upto, ends = upto or datetime.now(UTC), await self.ends()
        async with AIOKafkaProducer(**self.stack.kafka("intake")) as producer:
            await producer.send_and_wait(
                "progress", msgspec.json.encode(Mark(relay="test", upto=upto, offsets=ends)), partition=0
            )

        async def read_and_fired() -> bool:
            for service in SERVICES:
                rows = await self.fetch(service, f"SELECT * FROM {service}.position WHERE topic = $1", LOG)
                if {row["partition"]: row["next_offset"] for row in rows} != ends:
                    return False
            sql = "SELECT count(*) AS due FROM escalation_state.state WHERE due_at < $1"
            return not (await self.fetch("escalation", sql, upto))[0]["due"]

        await self.until(read_and_fired, *SERVICES)

    # What it left

    def login(self, user: str) -> KafkaLogin:
        return KafkaLogin(
            kafka=self.stack.bootstrap, kafka_user=user, kafka_password_file=self.stack.folder.secret_file(user)
        )

    def dsn(self, service: str) -> str:
        return self.stack.dsn(service, self.database)

    async def fetch(self, service: str, sql: str, *args: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.dsn(service))
        try:
            return await connection.fetch(sql, *args)
        finally:
            await connection.close()

    async def own(self, service: str, case: str) -> list[asyncpg.Record]:
        return await self.fetch(
            service,
            f"""SELECT id, sequence, body, convert_from(body, 'UTF8')::jsonb ->> 'type' AS type
            FROM {service}.event WHERE key = $1 ORDER BY sequence""",
            case,
        )

    async def run(self, what: Any, service: str, replayer: AnyReplayer | None = None) -> Report:
        """`runs.compare` or `runs.verify`."""
        connection = await asyncpg.connect(self.dsn(service))
        try:
            report: Report = await what(PLANS[service], connection, self.login(service), lambda: None, replayer)
            return report
        finally:
            await connection.close()

    async def cut_over(self, service: str) -> int:
        connection = await asyncpg.connect(self.dsn(service))
        try:
            return await runs.cut_over(PLANS[service], connection, self.login(service), lambda: None)
        finally:
            await connection.close()


def begin(stack: EmbeddedStack) -> Town:
    town = Town(stack, asyncio.run(stack.new_database()))
    asyncio.run(import_files(stack.dsn("routing", town.database), read_files()))
    town.start(*SERVICES)
    return town


def end(town: Town) -> None:
    town.stop(*list(town.children))
    asyncio.run(town.stack.drop_database(town.database))


def registered(kind: str = "05-01", family: str = "incident") -> Event:
    return reception.Registered(
        number="T-1", family=family, kind=kind, channel="grid", community="120106001002", street="120106001"
    )  # type: ignore[arg-type]


def assigned(at: datetime, unit: str = TEAM) -> Event:
    return facts.Assigned(fact_at=at, unit=unit, centre="centre-120106001", level="street")


def stories() -> list[tuple[Case, bytes]]:
    """Several lives of a case, as they stand on the log."""
    written: list[tuple[Case, bytes]] = []
    for n in range(10):
        case = Case()
        dispute = n % 3 == 0
        first = registered("0402", "dispute") if dispute else registered()
        lead = "centre-120106001" if dispute else TEAM
        log: list[tuple[float, Event]] = [(0, first), (1, assigned(case.began, lead))]
        if n % 2:
            log.append((2, reception.Accepted(unit=lead, by="u-0023")))
        if n % 4 == 1:
            log += _whistled(case, lead)
        if n % 5 == 2:
            log.append((120, reception.Declined(unit=lead, by="u-0023", reason="not_ours")))
        if n % 4 == 3:
            log += [(200, reception.Disposed(unit=lead, by="u-0023")), (201, reception.Verified(by="u-1", passed=True))]
        if n % 3 == 1:
            log.append((300, reception.Closed(by="u-0016", outcome="disposed")))
        if n == 4:
            log.append((400, reception.Reopened(by="u-0016", reason="not_fixed")))
        written += [(case, case.next(seconds, event)) for seconds, event in log]
    case = Case()  # closed while somebody is awaited
    log = [(0, registered()), (1, assigned(case.began)), *_whistled(case, TEAM)[:3]]
    log.append((10, reception.Closed(by="u-0016", outcome="disposed")))
    return written + [(case, case.next(seconds, event)) for seconds, event in log]


def _whistled(case: Case, lead: str) -> list[tuple[float, Event]]:
    blown = facts.WhistleBlown(fact_at=case.began, obligation="w1", rank=1, unit=lead, post="head")
    told = facts.Told(
        fact_at=case.began, obligation="w1", rank=1, staff="u-1", unit=lead, post="head", role="head", channel="email"
    )
    request = whistle.WhistleRequested(
        obligation="w1", unit=lead, by="u-2", by_unit="centre-120106001", kind="emergency"
    )
    return [(5, request), (5.5, blown), (6, told), (60, whistle.WhistleConfirmed(obligation="w1", rank=2, by="u-2"))]
