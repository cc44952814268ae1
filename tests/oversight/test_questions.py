"""The SQL of screen and audit against the same questions asked of the rows in Python."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import asyncpg
import pytest

from deploy.embedded.stack import EmbeddedStack
from services.kernel.core import Row
from services.kernel.fold import Work
from services.kernel.postgres import BatchStore
from services.kernel.store import TP, Position, Write
from services.oversight.core import inputs
from services.oversight.core.audit import Findings
from services.oversight.core.cases import Case
from services.oversight.core.projection import Projection
from services.oversight.core.rows import AnyRow, AwaitingRow, CaseRow, HeldRow, LimitRow, WhistleRow, rows
from services.oversight.core.screen import COUNTED, RESOLVED, Counts, Street, day_begin
from services.oversight.store.questions import Questions
from services.oversight.store.rows import ProjectionRows
from tests.oversight.logs import at, began, done, ended, needs, ranked, registered

R = TypeVar("R", bound=AnyRow)
EAST = timedelta(hours=8)
PLACE = TP("case.intake", 0)


@pytest.fixture
async def pool(stack: EmbeddedStack) -> AsyncIterator[asyncpg.Pool]:
    name = await stack.new_database()
    async with asyncpg.create_pool(stack.dsn("oversight", name), min_size=1, max_size=3) as pool:
        yield pool
    await stack.drop_database(name)


class Writer:
    """Applies inputs through the kernel's store, as the worker does, and remembers the states."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.store: BatchStore[Case, inputs.Input, None] = BatchStore(
            pool, "oversight", "", Case, Projection(), ProjectionRows(), most_subjects=1000
        )
        self.cases: dict[str, Case] = {}
        self._offset, self._epoch = 0, 0

    async def claim(self) -> None:
        self._epoch = (await self.store.claim({PLACE: self._offset}))[PLACE].epoch

    async def apply(self, logs: dict[str, Sequence[inputs.Input]], *, epoch: int | None = None) -> set[TP]:
        async with self.store.batch(dict.fromkeys(logs, 0)) as batch:
            works = []
            for subject, log in logs.items():
                row = batch.rows.get(subject, Row())
                state = row.state
                for given in log:
                    state = Projection().evolve(state, given)
                works.append(Work(subject, 0, Row(state=state), changed=True))
            self._offset += 1
            written = await batch.write(
                Write({PLACE: Position(self._offset, self._epoch if epoch is None else epoch)}, works)
            )
        if written:
            self.cases |= {work.subject: work.row.state for work in works if work.row.state is not None}
        return written

    def rows(self, kind: type[R]) -> list[R]:
        return [r for subject, case in self.cases.items() for r in rows(subject, 0, case) if isinstance(r, kind)]


@pytest.fixture
async def writer(pool: asyncpg.Pool) -> Writer:
    made = Writer(pool)
    await made.claim()
    return made


def some_case(chance: random.Random) -> list[inputs.Input]:
    """A plausible log, cut anywhere."""
    begin = chance.randint(-3000, 300)
    street = chance.choice(["120106001", "120106002", None])
    log: list[inputs.Input] = [registered(begin, street=street), needs()]
    if chance.random() < 0.1:
        return [*log, inputs.Stuck(at=at(begin + 1), reason="no_route")]
    log.append(inputs.Led(at=at(begin + 1), unit="unit-1", centre="centre-1"))
    if chance.random() < 0.9:
        log.append(began(begin + 1))
    log.append(chance.choice([ended(begin + 31, "missed"), ended(begin + 20, "met"), ended(begin + 15, "stopped")]))
    log += [
        ranked(begin + 31, "blown"),
        chance.choice([ranked(begin + 32, "told"), ranked(begin + 33, "undeliverable")]),
    ]
    log.append(began(begin + 32, "w1@1:attend", obligation="w1", rank=1))
    log.append(inputs.Held(at=at(begin + 33), service="escalation", topic="case.intake", reason="gap"))
    log.append(inputs.Released(at=at(begin + 34), service="escalation", topic="case.intake"))
    log += [ranked(begin + 61, "proposed", 2), ranked(begin + 62, "confirmed", 2), ranked(begin + 63, "blown", 2)]
    log += [done(begin + 70, "attended", obligation="w1", rank=2), done(begin + 75, "disposed")]
    log.append(done(begin + 76, "verified", passed=chance.random() < 0.8))
    outcome = chance.choice(["disposed", "settled", "not_settled", "refused"])
    log.append(inputs.Closed(at=at(begin + 80), outcome=outcome))
    log.append(inputs.Reopened(at=at(begin + 200)))
    return log[: chance.randint(1, len(log))]


def streets_of(writer: Writer, now: datetime) -> list[Street]:
    limits = [limit for limit in writer.rows(LimitRow) if limit.until is None]
    overdue = {limit.case_id for limit in limits if limit.due_at < now}
    near = {limit.case_id for limit in limits if limit.near_at <= now <= limit.due_at} - overdue
    cases = [case for case in writer.rows(CaseRow) if case.closed_at is None]
    street_by_case = {case.case_id: case.street for case in writer.rows(CaseRow)}
    out = Counter(street_by_case[w.case_id] for w in writer.rows(WhistleRow) if w.under_way)
    found = []
    for street in {case.street for case in cases}:
        mine = {case.case_id for case in cases if case.street == street}
        found.append(Street(street, len(mine), len(mine & near), len(mine & overdue), out[street]))
    return found


def counts_of(writer: Writer, now: datetime) -> Counts:
    cases, limits, streets = writer.rows(CaseRow), writer.rows(LimitRow), streets_of(writer, now)
    whistles = [w for w in writer.rows(WhistleRow) if w.under_way]
    begin, day, month = day_begin(now, EAST), timedelta(days=1), now - timedelta(days=30)
    then = now - day
    past = [
        one for one in limits if one.due_at < then and one.set_at <= then and (one.until is None or one.until > then)
    ]
    closed = [c for c in cases if c.closed_at is not None and c.closed_at > month]
    again = [c for c in cases if c.closed_at is None and c.reopened and c.begun_at > month]
    return Counts(
        today=sum(begin <= c.opened_at <= now for c in cases),
        yesterday=sum(begin - day <= c.opened_at <= then for c in cases),
        open=sum(s.open for s in streets),
        unroutable=sum(c.unroutable is not None and c.closed_at is None for c in cases),
        near=sum(s.near for s in streets),
        overdue=sum(s.overdue for s in streets),
        overdue_before=len({one.case_id for one in past}),
        whistles=len(whistles),
        by_rank=dict(Counter(w.rank for w in whistles)),
        due=len({one.case_id for one in limits if one.until is None}),
        closed=sum(c.outcome in COUNTED for c in closed) + len(again),
        resolved=sum(c.outcome in RESOLVED and not c.reopened and not c.reworked for c in closed),
    )


@pytest.mark.parametrize("seed", range(3))
async def test_the_screen_counts_what_the_rows_say(pool: asyncpg.Pool, writer: Writer, seed: int) -> None:
    chance, questions = random.Random(seed), Questions(pool, EAST)
    logs = {f"c{n}": some_case(chance) for n in range(150)}
    cuts = {subject: chance.randint(0, len(log)) for subject, log in logs.items()}
    await writer.apply({s: log[: cuts[s]] for s, log in logs.items() if cuts[s]})
    await writer.apply({s: log[cuts[s] :] for s, log in logs.items() if cuts[s] < len(log)})
    for minutes in (-2000, 0, 25, 40, 1500):
        now = at(minutes)
        streets = await questions.streets(now)
        assert sorted(streets, key=repr) == sorted(streets_of(writer, now), key=repr)
        assert await questions.counts(now, streets) == counts_of(writer, now)


async def test_lists_hold_the_earliest_of_each_case(pool: asyncpg.Pool, writer: Writer) -> None:
    chance, questions = random.Random(7), Questions(pool, EAST)
    await writer.apply({f"c{n}": some_case(chance) for n in range(80)})
    first: dict[str, LimitRow] = {}
    for limit in sorted(
        (one for one in writer.rows(LimitRow) if one.until is None), key=lambda one: (one.due_at, one.limit_name)
    ):
        first.setdefault(limit.case_id, limit)
    due = await questions.next_due(10)
    assert [(d.case, d.limit) for d in due] == [
        (one.case_id, one.limit_name) for one in sorted(first.values(), key=lambda one: (one.due_at, one.case_id))[:10]
    ]
    out = await questions.whistles(1000)
    assert {(w.case, w.obligation, w.rank, w.status) for w in out} == {
        (w.case_id, w.obligation, w.rank, w.status) for w in writer.rows(WhistleRow) if w.under_way
    }


def pairs(found: Findings) -> set[tuple[str, str]]:
    assert found.total == len(found.shown)
    return {(finding.case, finding.what) for finding in found.shown}


async def test_the_audit_finds_what_the_rows_say(pool: asyncpg.Pool, writer: Writer) -> None:
    chance, questions, now = random.Random(11), Questions(pool, EAST), at(400)
    await writer.apply({f"c{n}": some_case(chance) for n in range(200)})
    limits, cases = writer.rows(LimitRow), writer.rows(CaseRow)
    running = {
        (one.case_id, one.limit_name)
        for one in limits
        if one.until is None and one.status == "running" and one.due_at < now
    }
    assert pairs(await questions.running(now)) == running != set()
    bare = {
        c.case_id for c in cases if c.closed_at is None and c.led_at
        and not any(one.case_id == c.case_id and one.set_at >= c.begun_at for one in limits)
    }  # fmt: skip
    assert {case for case, _ in pairs(await questions.unlimited(now))} == bare != set()
    awaiting = {(a.case_id, a.what) for a in writer.rows(AwaitingRow)}
    assert pairs(await questions.asked(now)) == {a for a in awaiting if not a[1].startswith("told ")} != set()
    assert pairs(await questions.untold(now)) == {a for a in awaiting if a[1].startswith("told ")} != set()
    held = {(h.case_id, f"{h.service} {h.topic}") for h in writer.rows(HeldRow)}
    assert pairs(await questions.held(now)) == held != set()
    alone = {
        w.case_id for w in writer.rows(WhistleRow)
        if w.under_way and w.undeliverable_at and not (w.told_at or w.acknowledged_at or w.attended_at)
    }  # fmt: skip
    assert {case for case, _ in pairs(await questions.unreached(now))} == alone != set()


async def test_rows_that_are_over_are_removed_and_a_fenced_batch_writes_none(
    pool: asyncpg.Pool, writer: Writer
) -> None:
    questions = Questions(pool, EAST)
    hold = inputs.Held(at=at(1), service="escalation", topic="case.intake", reason="gap")
    await writer.apply({"c1": [registered(), hold]})
    assert len(pairs(await questions.held(at(9)))) == len(pairs(await questions.asked(at(9)))) == 1
    free = inputs.Released(at=at(2), service="escalation", topic="case.intake")
    assert await writer.apply({"c1": [free, inputs.Led(at=at(2), unit="u")]}, epoch=999) == set()
    assert len(pairs(await questions.held(at(9)))) == 1
    await writer.apply({"c1": [free, inputs.Led(at=at(2), unit="u")]})
    assert pairs(await questions.held(at(9))) == pairs(await questions.asked(at(9))) == set()
