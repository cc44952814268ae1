"""Directory and loads on the real database: what two batches do to each other, and what an import leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from msgspec.structs import replace as with_

from deploy.commands.directory import import_files, read_files
from deploy.errors import DeployError
from services.kernel.core import Row
from services.kernel.fold import Folder, Outcome, Work
from services.kernel.postgres import BatchStore
from services.kernel.store import TP, Moved, Position, Unavailable, Write
from services.routing.core.cases import Case, Cases
from services.routing.core.inputs import Closed, Dispatched, Registered
from services.routing.core.routes import RouteTable
from services.routing.core.view import View
from services.routing.store.changes import Change, RefusedError, RepeatedError, apply, apply_once
from services.routing.store.editions import Shelf
from services.routing.store.loads import LoadExtension, TalliedCases, Tally, kept, recount, restore
from tests.routing.logs import TOPIC, incoming
from tests.routing.town import EDITION, NINE, SHELF, TABLE, UNITS, view

# The town without what would hang in the air in a real import.
SOUND = [unit for unit in UNITS if unit.unit != "dept-gone"]
ROUTES = RouteTable(version=1, start=TABLE.start, routes=tuple(r for r in TABLE.routes if r.kind != "06-"))
STAFF = {"u-day": "u-0001", "u-night": "u-0002", "u-m1": "u-0011", "u-m2": "u-0012", "u-m3": "u-0013"}
STAFF |= {"u-m9": "u-0019", "u-l1": "u-0021", "u-j1": "u-0031"}


def with_staff_ids(unit):
    posts = tuple(
        with_(
            post,
            staff=tuple(STAFF[s] for s in post.staff),
            shifts=tuple(with_(shift, staff=STAFF[shift.staff]) for shift in post.shifts),
        )
        for post in unit.posts
    )
    return with_(unit, posts=posts, mediators=tuple(with_(m, staff=STAFF[m.staff]) for m in unit.mediators))


TOWN = [with_staff_ids(unit) for unit in SOUND]
CHANGE = Change(TOWN, "Asia/Shanghai", "test", ROUTES, ())


@pytest.fixture
async def pool(stack) -> AsyncIterator[asyncpg.Pool]:
    name = await stack.new_database()
    pool = await asyncpg.create_pool(stack.dsn("routing", name), min_size=1, max_size=4)
    yield pool
    await pool.close()
    await stack.drop_database(name)


class Batches:
    """A store with one claimed partition, and cases that go through it one batch at a time."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool, self.core, self.next, self.epoch = pool, TalliedCases(), 0, 0
        self.store = BatchStore(
            pool, "routing", "case.routing", Case, self.core, LoadExtension(Shelf()), most_subjects=100
        )
        self.folder = Folder("routing", self.core)

    async def claim(self) -> Batches:
        claims = await self.store.claim({TP(TOPIC, 0): 0})
        self.epoch = claims[TP(TOPIC, 0)].epoch
        return self

    async def run(self, *facts: tuple[str, object], between=None) -> dict[str, Work[Case]]:
        async with self.store.batch({subject: 0 for subject, _ in facts}) as batch:
            works = {s: Work(s, 0, batch.rows.get(s, Row())) for s, _ in facts}
            for subject, fact in facts:
                assert self.folder.apply(works[subject], incoming(subject, fact), batch.view) is Outcome.APPLIED
            if between is not None:
                await between()
            self.next += len(facts)
            write = Write({TP(TOPIC, 0): Position(self.next, self.epoch)}, list(works.values()))
            assert await batch.write(write) == {TP(TOPIC, 0)}
        return works

    async def loads(self) -> dict[str, int]:
        async with self.pool.acquire() as connection:
            found = await kept(connection)
            assert found == await recount(connection)
        return found


def registered(subject: str, kind: str = "05-01", family: str = "incident"):
    return subject, Registered(
        id=f"{subject}1", sequence=1, at=NINE, family=family, kind=kind, community="C1", street=None
    )


@pytest.fixture
async def batches(pool) -> Batches:
    async with pool.acquire() as connection:
        await apply(connection, CHANGE)
    return await Batches(pool).claim()


async def test_without_a_directory_nothing_is_decided(pool):
    lonely = await Batches(pool).claim()
    with pytest.raises(Unavailable, match="no_directory"):
        await lonely.run(registered("a"))


async def test_cases_of_one_batch_are_shared_out_fairly(batches):
    works = await batches.run(*(registered(f"c{n}") for n in range(6)))
    assert sorted(work.row.state.lead for work in works.values()) == ["team-S1a"] * 3 + ["team-S1b"] * 3
    assert await batches.loads() == {"team-S1a": 3, "team-S1b": 3}


async def test_closing_and_dispatching_move_loads(batches):
    await batches.run(registered("a"), registered("b"))
    at = NINE + timedelta(minutes=1)
    await batches.run(
        ("a", Closed(id="a2", sequence=2, at=at)), ("b", Dispatched(id="b2", sequence=2, at=at, unit="dept-housing"))
    )
    assert await batches.loads() == {"dept-housing": 1}


async def test_a_mediators_cap_holds_within_one_batch(batches, pool):
    async with pool.acquire() as connection:
        centre = next(unit for unit in TOWN if unit.unit == "centre-S1")
        capped = with_(centre, mediators=tuple(with_(m, cap=2) for m in centre.mediators))
        await apply(connection, replace(CHANGE, units=[capped], table=None, kinds=None))
    works = await batches.run(*(registered(f"d{n}", "0402", "dispute") for n in range(5)))
    mediators = sorted(work.row.state.panel.mediator for work in works.values())
    assert mediators == ["u-0011", "u-0011", "u-0012", "u-0012", "u-0019"]


async def test_another_workers_choice_between_reading_and_writing_sends_the_batch_back(batches):
    other = Batches(batches.pool)

    async def meanwhile():
        async with other.store.batch({"other": 1}) as batch:
            work = Work("other", 1, Row())
            other.folder.apply(work, incoming("other", registered("other")[1], 1), batch.view)
            claims = await other.store.claim({TP(TOPIC, 1): 0})
            write = Write({TP(TOPIC, 1): Position(1, claims[TP(TOPIC, 1)].epoch)}, [work])
            assert await batch.write(write)

    with pytest.raises(Moved):
        await batches.run(registered("mine"), between=meanwhile)
    assert await batches.loads() == {"team-S1a": 1}, "nothing of the batch was written"
    batches.next = 0
    works = await batches.run(registered("mine"))
    assert works["mine"].row.state.lead == "team-S1b", "decided again with the loads of now"


async def test_a_fenced_partition_changes_no_load(batches):
    await batches.store.claim({TP(TOPIC, 0): 0})
    async with batches.store.batch({"late": 0}) as batch:
        work = Work("late", 0, Row())
        batches.folder.apply(work, incoming("late", registered("late")[1]), batch.view)
        assert await batch.write(Write({TP(TOPIC, 0): Position(1, batches.epoch)}, [work])) == set()
    assert await batches.loads() == {}


async def test_two_workers_at_once_lose_no_load(batches):
    async def worker(partition: int, names: list[str]) -> None:
        mine = Batches(batches.pool)
        claims = await mine.store.claim({TP(TOPIC, partition): 0})
        epoch = claims[TP(TOPIC, partition)].epoch
        for n, name in enumerate(names):
            while True:
                try:
                    async with mine.store.batch({name: partition}) as batch:
                        work = Work(name, partition, Row())
                        mine.folder.apply(work, incoming(name, registered(name)[1], partition), batch.view)
                        await batch.write(Write({TP(TOPIC, partition): Position(n + 1, epoch)}, [work]))
                    break
                except Moved:
                    continue

    await asyncio.gather(*(worker(p, [f"w{p}-{n}" for n in range(15)]) for p in (1, 2, 3)))
    loads = await batches.loads()
    assert loads["team-S1a"] + loads["team-S1b"] == 45
    assert abs(loads["team-S1a"] - loads["team-S1b"]) <= 1, "fair to the last case"


async def test_a_rebuild_restores_the_loads_of_the_states(batches, pool):
    await batches.run(registered("a"), registered("b", "0402", "dispute"))
    async with pool.acquire() as connection:
        right = await kept(connection)
        await connection.execute("UPDATE routing.unit_load SET load = load + 5")
        await connection.execute("DELETE FROM routing.unit_load WHERE unit = 'centre-S1'")
        assert await kept(connection) != right
        await restore(connection)
        assert await kept(connection) == right


async def test_an_edition_stays_as_it_was_when_the_directory_changes(batches, pool):
    shelf = Shelf()
    async with pool.acquire() as connection:
        await shelf.refresh(connection, 1)
        renamed = [with_(TOWN[1], name="renamed")]
        done = await apply(connection, replace(CHANGE, units=renamed, table=None, kinds=None))
        await shelf.refresh(connection, done.edition)
    day = shelf.edition(1).directory.day(NINE)
    assert [shelf.edition(n).directory.unit("S1", day).name for n in (1, 2)] == ["S1", "renamed"]
    assert shelf.edition(2).tables == shelf.edition(1).tables == (ROUTES,)
    with pytest.raises(LookupError):
        shelf.edition(3)


async def test_the_outbox_has_each_version_once_in_order(batches, pool):
    async with pool.acquire() as connection:
        assert (await apply(connection, CHANGE)).published == [], "again: nothing"
        await apply(connection, replace(CHANGE, units=[with_(TOWN[1], name="renamed")], table=None, kinds=None))
        rows = await connection.fetch("SELECT key, sequence FROM routing.event WHERE topic = 'directory' ORDER BY id")
        assert await connection.fetchval("SELECT count(*) FROM routing.unpublished") == len(rows)
    assert len(rows) == len(TOWN) + 1
    assert (rows[-1]["key"], rows[-1]["sequence"]) == ("S1", 2)


async def refused(connection, **fields) -> str:
    with pytest.raises(RefusedError) as caught:
        await apply(connection, replace(CHANGE, **fields))
    return "; ".join(caught.value.faults)


async def test_what_is_refused_changes_nothing(batches, pool):
    async with pool.acquire() as connection:
        before = await connection.fetchval("SELECT count(*) FROM routing.unit_version")
        assert "not in the directory" in await refused(connection, units=[with_(TOWN[1], parent="nobody")])
        tomorrow = datetime.now(UTC).date() + timedelta(days=2)
        assert "can't begin after" in await refused(connection, units=[with_(TOWN[1], valid_from=tomorrow)])
        changed = RouteTable(version=1, start=ROUTES.start, routes=ROUTES.routes[1:])
        assert "raise its version" in await refused(connection, table=changed)
        soon = RouteTable(version=2, start=datetime.now(UTC) + timedelta(seconds=5), routes=ROUTES.routes)
        assert "at least 10 s ahead" in await refused(connection, table=soon)
        later = RouteTable(version=2, start=datetime.now(UTC) + timedelta(seconds=60), routes=ROUTES.routes)
        assert (await apply(connection, replace(CHANGE, table=later))).table
        assert "raise its version" in await refused(connection, table=changed)
        assert await connection.fetchval("SELECT count(*) FROM routing.unit_version") == before


async def test_a_repeated_request_is_taken_once(batches, pool):
    change = replace(CHANGE, units=[with_(TOWN[1], name="once")], table=None, kinds=None)
    async with pool.acquire() as connection:
        made, fresh = await apply_once(connection, "key-1", b"digest", change)
        assert (made.version, fresh) == (2, True)
        assert await apply_once(connection, "key-1", b"digest", change) == (made, True)
        with pytest.raises(RepeatedError):
            await apply_once(connection, "key-1", b"another", change)
        assert await apply_once(connection, "key-2", b"digest", change) == (made, False), "it stands so already"


async def test_the_command_imports_what_is_shipped_and_says_what_it_refuses(stack):
    name = await stack.new_database()
    dsn, read = stack.dsn("routing", name), read_files()
    done = await import_files(dsn, read)
    assert (len(done.published), done.table, done.edition) == (426, True, 1)
    again = await import_files(dsn, read)
    assert (again.published, again.table, again.edition) == ([], False, 1)
    with pytest.raises(DeployError, match="nothing was changed"):
        await import_files(dsn, replace(read, units=(*read.units, with_(read.units[0], unit="x", parent="nobody"))))
    await stack.drop_database(name)


def test_inside_a_batch_it_decides_as_the_core_does_alone():
    _, fact = registered("a")
    tally = Tally({"team-S1a": 1}, {})
    said = TalliedCases().decide(None, fact, View(EDITION, tally, SHELF))
    assert said == Cases().decide(None, fact, view(team_S1a=1))
    assert tally == {"team-S1a": 1, "team-S1b": 1}
