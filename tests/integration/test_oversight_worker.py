"""Oversight as a process of its own, between the real broker and the real database.

Stop its worker and `test_a_registered_case_shows_on_the_screen` fails; the test after it shows that by stopping it.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.embedded.stack import EmbeddedStack
from services.escalation.events.limits import LimitSet as LimitSetThere
from services.host.tokens import Identity, mint
from services.intake.events import facts, reception
from services.kernel.envelope import Event, encode, envelope
from services.routing.events.directory import UnitPublished

TOPICS = ("case.intake", "case.routing", "case.escalation", "case.notify")
QUICK = {
    "MAODIAO_AUDIT_EVERY_S": "0.3",
    "MAODIAO_LAG_EVERY_S": "0.3",
    "MAODIAO_SCREEN_EVERY_S": "0.1",
    "MAODIAO_PATIENCE_LIMITS_S": "1",
    "MAODIAO_PATIENCE_ANSWERS_S": "1",
    "MAODIAO_PATIENCE_UNLIMITED_S": "1",
    "MAODIAO_PATIENCE_MARKS_S": "2",
}


@dataclass
class Oversight:
    """A running process and how to ask it."""

    stack: EmbeddedStack
    database: str
    http: httpx.AsyncClient
    process: asyncio.subprocess.Process

    async def get(self, path: str) -> Any:
        key = self.stack.folder.secret("token_key").encode()
        token = mint(Identity(staff="u-1", unit="x", post="", role="ops"), key, datetime.now(UTC))
        answer = await self.http.get(path, headers={"authorization": f"Bearer {token}"})
        return answer.json() if answer.status_code == 200 else None

    async def until(self, path: str, check: Any, limit_s: float = 20) -> Any:
        deadline = monotonic() + limit_s
        while True:
            with contextlib.suppress(httpx.HTTPError):
                seen = await self.get(path)
                if seen is not None and (found := check(seen)):
                    return found
            assert self.process.returncode is None, "the process has ended"
            assert monotonic() < deadline, f"not within {limit_s} s"
            await asyncio.sleep(0.1)


@asynccontextmanager
async def oversight(stack: EmbeddedStack, database: str, **said: str) -> AsyncIterator[Oversight]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    stack.password("oversight")
    environment = {
        "PATH": os.environ["PATH"],
        "MAODIAO_KAFKA": stack.bootstrap,
        "MAODIAO_KAFKA_USER": "oversight",
        "MAODIAO_KAFKA_PASSWORD_FILE": str(stack.folder.secret_file("oversight")),
        "MAODIAO_DSN": stack.server.dsn("oversight", database),
        "MAODIAO_DSN_PASSWORD_FILE": str(stack.folder.secret_file("postgres-oversight")),
        "MAODIAO_SECRETS_DIR": str(stack.folder.secrets),
        "MAODIAO_HTTP_PORT": str(port),
        "MAODIAO_INSTANCE": "oversight-1",
        "MAODIAO_SESSION_TIMEOUT_S": "6",
        **QUICK,
        **said,
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "services.oversight", env=environment)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=5) as http:
            yield Oversight(stack, database, http, process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 15)


@pytest.fixture
async def database(stack: EmbeddedStack) -> AsyncIterator[str]:
    """A database whose positions stand at the topics' ends: what other tests have left there is not ours."""
    name = await stack.new_database()
    connection = await asyncpg.connect(stack.dsn("oversight", name))
    async with AIOKafkaConsumer(**stack.kafka()) as consumer:
        await consumer.topics()
        places = [TopicPartition(t, p) for t in TOPICS for p in consumer.partitions_for_topic(t) or ()]
        ends = await consumer.end_offsets(places)
    await connection.executemany(
        "insert into oversight.position (topic, partition, next_offset, epoch) values ($1, $2, $3, 0)",
        [(*place, end) for place, end in ends.items()],
    )
    await connection.close()
    yield name
    await stack.drop_database(name)


class Log:
    """Writes one case's events as their services would."""

    def __init__(self, stack: EmbeddedStack) -> None:
        self._stack, self.case = stack, uuid4().hex
        self._numbers: dict[str, int] = {}

    async def write(self, topic: str, *events: Event, at: datetime | None = None) -> None:
        async with AIOKafkaProducer(**self._stack.kafka()) as producer:
            for event in events:
                number = self._numbers[topic] = self._numbers.get(topic, 0) + 1
                service = topic.removeprefix("case.")
                message = envelope(
                    event, id=str(uuid4()), service=service, subject=self.case, time=at or datetime.now(UTC),
                    sequence=number,
                )  # fmt: skip
                await producer.send_and_wait(topic, encode(message), key=self.case.encode())


async def name_street(stack: EmbeddedStack, street: str, name: str) -> None:
    now = datetime.now(UTC)
    unit = UnitPublished(
        unit=street, version=1, name=name, name_en="", kind="street", level="street", street=street,
        valid_from=date(2016, 1, 1), changed_at=now,
    )  # fmt: skip
    message = envelope(unit, id=str(uuid4()), service="routing", subject=street, time=now, sequence=1)
    async with AIOKafkaProducer(**stack.kafka()) as producer:
        await producer.send_and_wait("directory", encode(message), key=street.encode())


def registered(street: str) -> Event:
    return reception.Registered(
        number="T-1", family="incident", kind="05-01", channel="grid", community="unknown", street=street
    )


def assigned(now: datetime) -> Event:
    return facts.Assigned(fact_at=now, unit="unit-1", centre="centre-1", level="street")


def limit(now: datetime, within: timedelta) -> Event:
    return facts.LimitSet(
        fact_at=now, limit="dispose#1", step="dispose", start=now, due_at=now + within, near_at=now + within * 0.8,
        policy_version=1, calendar_version=1,
    )  # fmt: skip


def street_of(screen: Any, street: str) -> Any:
    return next((row for row in screen["by_street"] if row["street"] == street), None)


async def test_a_registered_case_shows_on_the_screen(stack: EmbeddedStack, database: str) -> None:
    street, log = f"street-{uuid4().hex[:6]}", Log(stack)
    await name_street(stack, street, "试街道")
    async with oversight(stack, database) as running:
        now = datetime.now(UTC)
        await log.write("case.intake", registered(street), assigned(now), limit(now, timedelta(minutes=30)))
        row = await running.until(
            "/v1/screen", lambda s: (r := street_of(s, street)) and r["name"] != street and r["open"] and r
        )
        assert (row["name"], row["open"], row["near"], row["overdue"]) == ("试街道", 1, 0, 0)
        screen = await running.get("/v1/screen")
        due = next(one for one in screen["next_due"] if one["case"] == log.case)
        assert (due["status"], due["lead"], due["step"]) == ("normal", "unit-1", "dispose")
        await log.write("case.intake", reception.Closed(by="u-1", outcome="disposed"))
        await running.until("/v1/screen", lambda screen: street_of(screen, street)["open"] == 0)


async def test_without_its_worker_nothing_shows(stack: EmbeddedStack, database: str) -> None:
    street, log = f"street-{uuid4().hex[:6]}", Log(stack)
    async with oversight(stack, database, MAODIAO_ROLES="door") as running:
        await log.write("case.intake", registered(street))
        await running.until("/v1/screen", lambda screen: screen["as_of"])
        with pytest.raises(AssertionError, match="not within"):
            await running.until("/v1/screen", lambda screen: street_of(screen, street), limit_s=3)


async def test_a_limit_that_passes_in_silence_raises_timer_silent(stack: EmbeddedStack, database: str) -> None:
    log, now = Log(stack), datetime.now(UTC)
    async with oversight(stack, database) as running:
        start = now - timedelta(minutes=1)
        await log.write("case.escalation", LimitSetThere(
            limit="dispose#1", step="dispose", start=start, due_at=now, near_at=now, within="1 minute", policy="t",
            policy_version=1, calendar_version=1, met_by=("case.disposed",),
        ))  # fmt: skip
        await log.write("case.intake", registered("s"), assigned(now), limit(start, timedelta(minutes=1)))

        def unanswered(alarms: Any) -> Any:
            return alarms["timer_silent"] and [
                e
                for a in alarms["alarms"]
                if a["kind"] == "limit_unanswered"
                for e in a["examples"]
                if e["case"] == log.case
            ]

        await running.until("/v1/alarms", unanswered)
        await log.write("case.intake", facts.LimitMissed(fact_at=now, limit="dispose#1", step="dispose", due_at=now))
        await running.until("/v1/alarms", lambda alarms: not unanswered(alarms) or not alarms["timer_silent"])
        overdue = await running.until("/v1/screen", lambda s: [d for d in s["next_due"] if d["case"] == log.case])
        assert overdue[0]["status"] == "overdue"
        await log.write("case.intake", reception.Disposed(unit="unit-1", by="u-1"))
        await running.until("/v1/screen", lambda s: not [d for d in s["next_due"] if d["case"] == log.case])


async def test_marks_that_stop_raise_an_alarm(stack: EmbeddedStack, database: str) -> None:
    async with oversight(stack, database) as running, AIOKafkaProducer(**stack.kafka()) as producer:

        async def mark() -> None:
            said = json.dumps({"relay": "intake-t", "upto": datetime.now(UTC).isoformat(), "offsets": {}}).encode()
            await producer.send_and_wait("progress", said)

        def old(alarms: Any) -> bool:
            return any(a["kind"] == "marks_old" for a in alarms["alarms"])

        deadline = monotonic() + 15
        while True:
            await mark()
            with contextlib.suppress(httpx.HTTPError):
                alarms = await running.get("/v1/alarms")
                if alarms and alarms["as_of"] and not old(alarms):
                    break
            assert monotonic() < deadline
            await asyncio.sleep(0.1)
        await running.until("/v1/alarms", old)


async def test_its_own_lag_is_seen_and_metrics_bear_the_usual_names(stack: EmbeddedStack, database: str) -> None:
    log = Log(stack)
    async with oversight(stack, database) as running:
        await log.write("case.intake", registered("s"))

        def own(lag: Any) -> Any:
            return [g for g in lag["services"] if g["group"] == "oversight" and g["members"] == 1 and g["lag"] == 0]

        (group,) = await running.until("/v1/lag", own)
        assert group["state"] in ("ok", "rewound")
        text = (await running.http.get("/metrics")).text
        for name in (
            "kafka_consumergroup_lag",
            "kafka_consumergroup_current_offset",
            "kafka_consumergroup_lag_seconds",
        ):
            assert f'{name}{{consumergroup="oversight",partition="0",topic="case.intake"}}' in text
        assert 'kafka_consumergroup_members{consumergroup="oversight"} 1.0' in text
        assert "NaN" not in text


async def test_the_live_screen_comes_at_once_and_needs_a_token(stack: EmbeddedStack, database: str) -> None:
    async with oversight(stack, database) as running:
        await running.until("/v1/screen", lambda screen: screen["as_of"])
        assert (await running.http.get("/v1/screen")).status_code == 401
        token = mint(
            Identity(staff="u-1", unit="x", post="", role="leader"),
            stack.folder.secret("token_key").encode(), datetime.now(UTC),
        )  # fmt: skip
        async with running.http.stream(
            "GET", "/v1/screen/stream", headers={"authorization": f"Bearer {token}"}
        ) as stream:
            lines = stream.aiter_lines()
            assert await asyncio.wait_for(anext(lines), 5) == "event: screen"
