"""notify's SQL on a real PostgreSQL: rows of deliveries in the batch's statement, claims with leases, worker and sender
on one case."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from services.escalation.events.whistles import WhistleBlown
from services.intake.events import reception
from services.kernel.core import Record
from services.kernel.envelope import Envelope, decode, encode, envelope
from services.kernel.fold import Folder
from services.kernel.processor import Bounds, Processor
from services.kernel.store import TP
from services.kernel.tables import Part
from services.kernel.telemetry import ProcessorMetrics
from services.notify.core.calls import Case
from services.notify.core.cases import Calls
from services.notify.core.inputs import Delivered, Failed, Given
from services.notify.core.roster import Directory
from services.notify.doors.outcomes import StoredOutcomes
from services.notify.doors.topics import reader
from services.notify.store.cases import CaseStore
from services.notify.store.contacts import Contact, import_contacts
from services.notify.store.deliveries import Claim, Deliveries
from services.notify.store.extension import DeliveryRows
from services.notify.store.units import Units

from .examples import DIRECTORY, NINE, SUBJECT, event_of
from .fakes import LOG, ManualClock

SHORT = timedelta(milliseconds=200)


@dataclass
class Bench:
    pool: asyncpg.Pool
    store: CaseStore
    processor: Processor[Case, Given, Directory]
    deliveries: Deliveries
    outcomes: StoredOutcomes
    room: int = 0  # of the sender beside the worker
    handed: list[list[Claim]] = field(default_factory=list)  # what it was given, batch by batch
    offsets: dict[str, int] = field(default_factory=dict)

    async def read(self, topic: str, *messages: Envelope) -> None:
        """The worker reads these records."""
        records = []
        for message in messages:
            offset = self.offsets[topic] = self.offsets.get(topic, -1) + 1
            records.append(Record(topic, 0, offset, message.subject.encode(), encode(message)))
        assert await self.processor.process(1, records)

    async def said(self) -> list[str]:
        rows = await self.pool.fetch("SELECT body FROM notify.event ORDER BY id")
        return [type(event_of(decode(row["body"]))).__name__ for row in rows]

    async def numbers(self) -> list[int]:
        return [r["sequence"] for r in await self.pool.fetch("SELECT sequence FROM notify.event ORDER BY id")]

    async def states(self) -> dict[tuple[str, str], str]:
        rows = await self.pool.fetch("SELECT staff, channel, state FROM notify.delivery")
        return {(row["staff"], row["channel"]): row["state"] for row in rows}


@pytest.fixture
async def bench(stack) -> AsyncIterator[Bench]:
    name = await stack.new_database()
    pool = await asyncpg.create_pool(stack.dsn("notify", name), min_size=1, max_size=8)
    core = Calls()
    folder: Folder[Case, Given, Directory] = Folder("notify", core)
    rows = DeliveryRows(lambda: DIRECTORY, timedelta(minutes=1), lambda: made.room)
    store = CaseStore(pool, core, rows, lambda claims: made.handed.append(list(claims)))
    processor = Processor(folder, reader(), store, ProcessorMetrics("notify", CollectorRegistry()))
    await processor.assign(1, {TP(t, 0): Bounds(0, 1_000) for t in ("case.intake", "case.escalation")})
    made = Bench(pool, store, processor, Deliveries(pool), StoredOutcomes(store, folder, ManualClock(NINE), LOG))
    await _contacts(pool)
    yield made
    await pool.close()
    await stack.drop_database(name)


async def _contacts(pool: asyncpg.Pool) -> None:
    people = [
        Contact("u-head", email="head@example.invalid", webhook="http://127.0.0.1:9/h", first="webhook"),
        Contact("u-day", email="day@example.invalid"),
    ]
    async with pool.acquire() as connection:
        await import_contacts(connection, people, replace=False)


def blown(n: int, obligation: str = "w1") -> Envelope:
    event = WhistleBlown(
        obligation=obligation,
        rank=1,
        unit="team",
        post="head",
        lead_unit="team",
        because="requested",
        respond_within_s=1800,
        blown_at=NINE,
        policy_version=1,
    )
    return envelope(event, id=f"blown-{n}", service="escalation", subject=SUBJECT, time=NINE, sequence=n, afterseq=0)


def closed(n: int) -> Envelope:
    event = reception.Closed(by="u-clerk", outcome="settled")
    return envelope(event, id=f"closed-{n}", service="intake", subject=SUBJECT, time=NINE, sequence=n)


def disposed(n: int) -> Envelope:
    event = reception.Disposed(unit="team", by="u-day")
    return envelope(event, id=f"disposed-{n}", service="intake", subject=SUBJECT, time=NINE, sequence=n)


async def test_the_batch_writes_a_row_per_channel_and_the_first_is_due(bench: Bench):
    await bench.read("case.escalation", blown(1))
    assert await bench.states() == {("u-head", "webhook"): "due", ("u-head", "email"): "spare"}
    (claim,) = await bench.deliveries.claim(10, SHORT)
    assert (claim.staff, claim.channel, claim.address, claim.attempts) == (
        "u-head",
        "webhook",
        "http://127.0.0.1:9/h",
        1,
    )
    assert claim.more and await bench.deliveries.claim(10, SHORT) == []


async def test_where_the_sender_has_room_what_a_batch_opens_is_claimed_for_it(bench: Bench):
    bench.room = 1
    await bench.read("case.escalation", blown(1))
    ((claim,),) = bench.handed
    assert (claim.staff, claim.channel, claim.address, claim.attempts, claim.more) == (
        "u-head",
        "webhook",
        "http://127.0.0.1:9/h",
        1,
        True,
    )
    assert claim.case is not None and claim.case.call(claim.key) is not None, "the case as the batch left it"
    assert await bench.deliveries.claim(10, SHORT) == [], "nobody else has it while its lease runs"
    await bench.outcomes.settle(claim, Delivered(claim.key, claim.staff, claim.channel, claim.attempts))
    assert await bench.states() == {("u-head", "webhook"): "told", ("u-head", "email"): "called_off"}


async def test_if_the_sender_dies_with_it_another_takes_it_when_the_lease_is_over(bench: Bench):
    bench.room = 1
    await bench.read("case.escalation", blown(1))
    ((dead,),) = bench.handed
    await bench.pool.execute("UPDATE notify.delivery SET free_at = free_at - interval '1 minute'")
    (claim,) = await bench.deliveries.claim(10, SHORT)
    assert (claim.name, claim.attempts) == (dead.name, 2) and claim.token != dead.token


async def test_more_than_the_sender_has_room_for_is_left_to_whoever_claims_it(bench: Bench):
    bench.room = 1
    await bench.read("case.escalation", blown(1, "w1"), blown(2, "w2"))
    assert bench.handed == [[]], "it is told that there is something to be looked for"
    assert [claim.attempts for claim in await bench.deliveries.claim(10, SHORT)] == [1, 1]


async def test_the_next_person_is_claimed_by_the_answer_that_gives_up_the_one_before(bench: Bench):
    bench.room = 1
    await bench.read("case.escalation", blown(1))
    ((head,),) = bench.handed
    await bench.outcomes.settle(head, Failed(head.key, head.staff, "refused"))
    assert [(c.staff, c.channel, c.more) for c in bench.handed[-1]] == [("u-day", "email", False)]


async def test_a_batch_that_is_decided_again_hands_over_once(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    """Somebody was first: what the first try would have opened never was."""
    bench.room = 1
    await bench.read("case.intake", disposed(1))
    whole, tries = DeliveryRows.parts, []

    def parts(rows: DeliveryRows, *args: Any) -> Any:
        tries.append(1)
        return [*whole(rows, *args), *([Part((), must=(("false", "planted"),))] if len(tries) == 1 else [])]

    monkeypatch.setattr(DeliveryRows, "parts", parts)
    await bench.read("case.escalation", blown(1))
    assert len(tries) == 2 and [len(claims) for claims in bench.handed] == [1]
    assert await bench.said() == ["Called"]


async def test_a_repeated_record_writes_nothing_more(bench: Bench):
    await bench.read("case.escalation", blown(1), blown(1))
    assert await bench.said() == ["Called"] and len(await bench.states()) == 2


async def test_a_lease_ends_and_the_old_holder_can_change_nothing(bench: Bench):
    await bench.read("case.escalation", blown(1))
    (old,) = await bench.deliveries.claim(1, timedelta(0))
    (new,) = await bench.deliveries.claim(1, timedelta(minutes=1))
    assert (old.attempts, new.attempts) == (1, 2) and old.token != new.token
    await bench.deliveries.postpone(old, timedelta(0), "x")
    await bench.deliveries.next_channel(old, "x")
    await bench.deliveries.drop(old, "x")
    assert await bench.states() == {("u-head", "webhook"): "due", ("u-head", "email"): "spare"}
    assert await bench.deliveries.claim(1, SHORT) == []  # the new lease still runs


async def test_the_next_channel_then_the_next_person_then_somebody_without_an_address(bench: Bench):
    await bench.read("case.escalation", blown(1))
    (claim,) = await bench.deliveries.claim(1, SHORT)
    await bench.deliveries.next_channel(claim, "webhook_404")
    (claim,) = await bench.deliveries.claim(1, SHORT)
    assert (claim.channel, claim.more) == ("email", False)
    await bench.outcomes.settle(claim, Failed(claim.key, claim.staff, "refused"))
    (claim,) = await bench.deliveries.claim(1, SHORT)
    assert (claim.staff, claim.channel) == ("u-day", "email")
    await bench.outcomes.settle(claim, Failed(claim.key, claim.staff, "refused"))
    (claim,) = await bench.deliveries.claim(1, SHORT)
    assert (claim.staff, claim.channel, claim.address) == ("u-seat", "none", None)
    await bench.outcomes.settle(claim, Failed(claim.key, claim.staff, "no_contact"))
    assert await bench.said() == ["Called", "StepFailed", "StepFailed", "StepFailed", "Undeliverable"]
    assert set((await bench.states()).values()) == {"failed"} and await bench.deliveries.claim(9, SHORT) == []
    assert await bench.numbers() == [1, 2, 3, 4, 5]


async def test_told_settles_the_row_and_a_close_writes_the_stand_down(bench: Bench):
    await bench.read("case.escalation", blown(1))
    (claim,) = await bench.deliveries.claim(1, SHORT)
    await bench.outcomes.settle(claim, Delivered(claim.key, claim.staff, claim.channel, claim.attempts))
    assert await bench.states() == {("u-head", "webhook"): "told", ("u-head", "email"): "called_off"}
    await bench.read("case.intake", closed(1))
    assert await bench.said() == ["Called", "Told", "Called"]
    (word,) = await bench.deliveries.claim(9, SHORT)
    assert (word.key.purpose, word.staff) == ("stood_down", "u-head")
    shown = await bench.deliveries.of_case(SUBJECT)
    assert [d.state for d in shown if d.purpose == "whistle"] == ["told", "called_off"]


async def test_worker_and_sender_on_one_case_lose_nothing_and_number_without_gaps(bench: Bench):
    """Each of twenty answers meets a batch on the same case; without the row's lock numbers would be drawn twice."""
    await bench.read("case.escalation", *(blown(n, f"w{n}") for n in range(1, 21)))
    claims = await bench.deliveries.claim(50, timedelta(minutes=1))
    assert len(claims) == 20

    async def work() -> None:
        for n in range(21, 41):
            await bench.read("case.escalation", blown(n, f"w{n}"))
            await bench.read("case.intake", disposed(n - 20))  # changes the row and says nothing

    answers = (bench.outcomes.settle(c, Delivered(c.key, c.staff, c.channel, 1)) for c in claims)
    await asyncio.gather(work(), *answers)
    assert sorted(await bench.said()) == ["Called"] * 40 + ["Told"] * 20
    assert await bench.numbers() == list(range(1, 61))
    async with bench.store.batch({SUBJECT: 0}) as batch:
        state = batch.rows[SUBJECT].state
    assert state is not None and sum(call.outcome == "told" for call in state.calls.values()) == 20
    states = await bench.pool.fetch("SELECT state, count(*) AS n FROM notify.delivery GROUP BY state")
    assert {row["state"]: row["n"] for row in states} == {"told": 20, "called_off": 20, "due": 20, "spare": 20}


async def test_an_older_version_of_a_unit_never_replaces_a_newer(bench: Bench):
    units = Units(bench.pool)
    await units.keep([("a", 2, b"two"), ("b", 1, b"one")])
    await units.keep([("a", 1, b"old")])
    rows = await bench.pool.fetch("SELECT unit, version, doc FROM notify.unit ORDER BY unit")
    assert [(r["unit"], r["version"], r["doc"]) for r in rows] == [("a", 2, b"two"), ("b", 1, b"one")]


async def test_importing_says_what_changed_and_replaces_only_when_asked(bench: Bench):
    async with bench.pool.acquire() as connection:
        done = await import_contacts(connection, [Contact("u-day", email="new@example.invalid")], replace=False)
        assert (done.new, done.changed, done.removed) == (0, 1, 0)
        done = await import_contacts(connection, [Contact("u-day", email="new@example.invalid")], replace=True)
        assert (done.new, done.changed, done.removed) == (0, 0, 1)
