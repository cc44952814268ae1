"""The notify service as a process of its own on the real broker and database, with a mail sink. It fails when its
worker is stopped."""

from __future__ import annotations

import asyncio
import email
import email.policy
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.message import EmailMessage
from uuid import uuid4

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiosmtpd.controller import Controller

from deploy.embedded.stack import EmbeddedStack
from deploy.init import REPOSITORY
from deploy.processes.launch import Child, launch, stop_child, tail
from deploy.service_specs import Wiring, service_specs
from services.escalation.events.whistles import WhistleBlown
from services.host.tokens import Identity, Link, check_link, mint
from services.intake.events import facts, reception
from services.kernel.envelope import Envelope, Event, decode, encode, envelope
from services.kernel.partitioning import partition_of
from services.notify.events import CONTRACT, TOPIC, deliveries
from services.notify.store.contacts import Contact, import_contacts
from services.routing.events.directory import Post, Shift, UnitPublished

DEADLINE_S = 30.0
LEASE_S = 2.0
ALWAYS = (Shift(staff="u-9002", weekdays=(1, 2, 3, 4, 5, 6, 7), start="00:00", end="24:00"),)
COMMUNITY = "990106001002"


class Sink:
    """A mail server that keeps what it took; a test may do something at the moment of taking."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.at_data: Callable[[str], str | None] = lambda _: None

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return self.at_data(envelope.rcpt_tos[0]) or "250 taken"

    def of(self, case: str) -> list[EmailMessage]:
        return [mail for mail in self.mails if mail["X-Maodiao-Case"] == case]


@dataclass
class Notify:
    """One running process with a database of its own."""

    stack: EmbeddedStack
    database: str
    sink: Sink
    smtp_port: int
    port: int
    child: Child = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        folder = self.stack.folder
        own = {
            "MAODIAO_SMTP_HOST": "127.0.0.1",
            "MAODIAO_SMTP_PORT": str(self.smtp_port),
            "MAODIAO_MAIL_FROM": "maodiao@test.invalid",
            "MAODIAO_PUBLIC_URL": "http://portal.invalid",
            "MAODIAO_LEASE_S": str(LEASE_S),
            "MAODIAO_FIRST_PAUSE_S": "0.1",
        }
        wiring = Wiring(
            bootstrap=self.stack.bootstrap,
            server=self.stack.server,
            database=self.database,
            secrets=folder.secrets,
            policy=REPOSITORY / "deploy" / "policy",
            ports={"notify-1": self.port},
            systems=(),
            repository=REPOSITORY,
            environment=os.environ,
            extra={"notify": own},
        )
        (spec,) = service_specs(["notify-1"], wiring)
        self.child = launch(spec, folder.run, folder.logs, tie_to_parent=True)

    def alive(self) -> None:
        assert self.child.alive(), f"the process ended:\n{tail(self.child.log)}"

    async def ready(self) -> None:
        answer: dict[str, object] = {}

        async def answers() -> bool:
            self.alive()
            try:
                async with httpx.AsyncClient(base_url=self.url, trust_env=False) as client:
                    answer.update((await client.get("/readyz")).json())
            except httpx.TransportError:
                return False
            return answer["ready"] is True

        await until(answers, lambda: f"not ready: {answer}\n{tail(self.child.log)}")


async def until(holds, why: Callable[[], str]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not await holds():
        assert time.monotonic() < deadline, why()
        await asyncio.sleep(0.05)


def unit(name: str, *posts: Post, parent: str | None = None, **more: object) -> UnitPublished:
    return UnitPublished(
        unit=name,
        version=1,
        name=f"{name} 中文",
        name_en=name,
        kind=str(more.get("kind", "team")),
        level=str(more.get("level", "street")),
        parent=parent,
        code=more.get("code"),
        valid_from=date(2026, 1, 1),
        posts=posts,
        changed_at=datetime.now(UTC),
    )


UNITS = (
    unit(
        "nt-team",
        Post(post="head", staff=("u-9001",)),
        Post(post="on_duty", staff=("u-9002",), shifts=ALWAYS),
        parent="nt-seat",
    ),
    unit("nt-seat", Post(post="duty_seat", staff=("u-9003",))),
    unit("nt-community", kind="community", level="community", code=COMMUNITY),
)
CONTACTS = tuple(Contact(staff, email=f"{staff}@test.invalid") for staff in ("u-9001", "u-9002", "u-9003"))


@pytest.fixture(scope="module")
def notify(stack: EmbeddedStack) -> Iterator[Notify]:
    database, sink = asyncio.run(stack.new_database()), Sink()
    asyncio.run(_fill(stack, database))
    ports = stack.folder.ports(["notify-test-1", "notify-test-smtp"])
    controller = Controller(sink, hostname="127.0.0.1", port=ports["notify-test-smtp"])
    controller.start()
    made = Notify(stack, database, sink, ports["notify-test-smtp"], ports["notify-test-1"])
    made.start()
    try:
        asyncio.run(made.ready())
        yield made
    finally:
        asyncio.run(stop_child(made.child, stack.folder.run))
        controller.stop()
        asyncio.run(stack.drop_database(database))


async def _fill(stack: EmbeddedStack, database: str) -> None:
    connection = await asyncpg.connect(stack.dsn("notify", database))
    try:
        await import_contacts(connection, CONTACTS, replace=False)
    finally:
        await connection.close()
    for published in UNITS:
        await _publish(stack, "routing", "directory", published.unit, published, 1)


async def _publish(
    stack: EmbeddedStack, service: str, topic: str, key: str, event: Event, sequence: int, after: int | None = None
) -> None:
    message = envelope(
        event,
        id=uuid4().hex,
        service=service,
        subject=key,
        time=datetime.now(UTC),
        sequence=sequence,
        afterseq=after,
    )
    async with AIOKafkaProducer(**stack.kafka(service)) as producer:
        await producer.send_and_wait(topic, encode(message), key.encode(), partition=partition_of(key))


class Case:
    """Writes what intake and escalation would about one case."""

    def __init__(self, notify: Notify) -> None:
        self.id, self._stack, self._numbers = uuid4().hex, notify.stack, {"case.intake": 0, "case.escalation": 0}

    async def intake(self, event: Event) -> None:
        await self._write("intake", "case.intake", event)

    async def blown(self, after: int, rank: int = 1, unit: str = "nt-team") -> None:
        event = WhistleBlown(
            obligation="w1",
            rank=rank,
            unit=unit,
            post="head",
            lead_unit=unit,
            because="requested",
            respond_within_s=1800,
            blown_at=datetime.now(UTC),
            policy_version=1,
        )
        await self._write("escalation", "case.escalation", event, after)

    async def _write(self, service: str, topic: str, event: Event, after: int | None = None) -> None:
        self._numbers[topic] += 1
        await _publish(self._stack, service, topic, self.id, event, self._numbers[topic], after)

    async def registered(self) -> None:
        await self.intake(
            reception.Registered(
                number="HQ-2026-000001", family="incident", kind="05-01", channel="grid", community=COMMUNITY
            )
        )


async def said(made: Notify, case: str, *types: type[Event]) -> list[tuple[Envelope, Event]]:
    """Events of notify about a case, once the last ones are of these types in this order."""
    found: list[tuple[Envelope, Event]] = []
    consumer = AIOKafkaConsumer(**made.stack.kafka("intake"), enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(TOPIC, partition_of(case))])
        await consumer.seek_to_beginning()
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            made.alive()
            for records in (await consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    message = decode(record.value)
                    if message.subject == case and (event := CONTRACT.read(message).event) is not None:
                        found.append((message, event))
            if [type(event) for _, event in found][-len(types) :] == list(types):
                return found
    finally:
        await consumer.stop()
    names = [type(event).__name__ for _, event in found]
    raise AssertionError(f"in {DEADLINE_S:.0f} s it said {names}\n{tail(made.child.log)}")


async def test_a_whistle_reaches_a_person_and_told_stands_on_the_topic(notify: Notify):
    """Named: fails when notify's worker is stopped."""
    case = Case(notify)
    await case.registered()
    await case.blown(after=1)
    events = await said(notify, case.id, deliveries.Called, deliveries.Told)
    (called_as, called), (told_as, told) = events
    assert isinstance(called, deliveries.Called) and isinstance(told, deliveries.Told)
    assert [step.staff for step in called.chain] == ["u-9001", "u-9002", "u-9003"]
    assert (told.staff, told.role, told.channel, told.attempts) == ("u-9001", "head", "email", 1)
    assert [called_as.sequence, told_as.sequence] == [1, 2] and called_as.afterseq == 1
    (mail,) = notify.sink.of(case.id)
    assert mail["To"] == "u-9001@test.invalid" and "一哨：请到场" in mail["Subject"]
    text = mail.get_content()
    assert "HQ-2026-000001" in text and "30 分钟内到场" in text and "nt-community 中文" in text
    token = re.search(r"http://portal\.invalid/w/(\S+)", text)
    key = notify.stack.folder.secret("link_key").encode()
    assert token is not None and check_link(token[1], key, datetime.now(UTC)) == Link(
        case=case.id, obligation="w1", rank=1, staff="u-9001", unit="nt-team"
    )


async def test_closing_stands_down_whoever_was_told(notify: Notify):
    case = Case(notify)
    await case.registered()
    await case.blown(after=1)
    await said(notify, case.id, deliveries.Told)
    await case.intake(reception.Closed(by="u-0008", outcome="settled"))
    events = await said(notify, case.id, deliveries.Called, deliveries.StoodDown)
    assert isinstance(events[-1][1], deliveries.StoodDown) and events[-1][1].staff == "u-9001"
    assert [mail["X-Maodiao-Purpose"] for mail in notify.sink.of(case.id)] == ["whistle", "stood_down"]


async def test_a_refused_address_passes_the_call_on(notify: Notify):
    case = Case(notify)
    notify.sink.at_data = lambda to: "550 no such person" if to.startswith("u-9001") else None
    try:
        await case.blown(after=0)
        events = await said(notify, case.id, deliveries.StepFailed, deliveries.Told)
    finally:
        notify.sink.at_data = lambda _: None
    assert isinstance(events[-1][1], deliveries.Told) and events[-1][1].staff == "u-9002"
    assert "没有联系上" in notify.sink.of(case.id)[-1].get_content()


async def test_an_assignment_tells_the_person_on_duty_and_the_door_shows_it(notify: Notify):
    case = Case(notify)
    await case.registered()
    await case.intake(facts.Assigned(fact_at=datetime.now(UTC), unit="nt-team", centre="nt-seat", level="street"))
    events = await said(notify, case.id, deliveries.Told)
    assert isinstance(events[-1][1], deliveries.Told)
    assert (events[-1][1].staff, events[-1][1].obligation) == ("u-9002", "a2")
    identity = Identity(staff="u-0005", unit="centre-120106", post="duty_seat", role="seat")
    token = mint(identity, notify.stack.folder.secret("token_key").encode(), datetime.now(UTC))
    async with httpx.AsyncClient(base_url=notify.url, trust_env=False) as client:
        assert (await client.get("/v1/deliveries", params={"case": case.id})).status_code == 401
        headers = {"authorization": f"Bearer {token}"}
        answer = await client.get("/v1/deliveries", params={"case": case.id}, headers=headers)
        assert (await client.get("/v1/deliveries", params={"case": "x"}, headers=headers)).status_code == 422
    (shown,) = answer.json()["deliveries"]
    assert (shown["staff"], shown["state"], shown["channel"]) == ("u-9002", "told", "email")
    assert "@" not in answer.text


async def test_killed_while_the_mail_server_takes_a_mail_there_is_one_repeat_with_the_same_message_id(notify: Notify):
    case = Case(notify)

    def kill(_: str) -> str | None:
        notify.sink.at_data = lambda _: None
        os.kill(notify.child.process.pid, signal.SIGKILL)
        return None

    notify.sink.at_data = kill
    await case.blown(after=0)
    await until(lambda: _is(not notify.child.alive()), lambda: "it was not killed")
    notify.start()
    await notify.ready()
    await said(notify, case.id, deliveries.Called, deliveries.Told)
    mails = notify.sink.of(case.id)
    assert len(mails) == 2 and len({mail["Message-ID"] for mail in mails}) == 1


async def _is(value: bool) -> bool:
    return value
