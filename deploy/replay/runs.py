"""The three runs: compare and verify look, cut over writes."""

from __future__ import annotations

from collections.abc import Callable

from deploy.replay.plans import AnyReplayer, Plan
from deploy.replay.recorded import recorded
from deploy.replay.replayer import Report
from services.kernel.broker import KafkaLogin
from services.kernel.database import Db
from services.kernel.fold import Work
from services.kernel.store import TP, Position, Write
from services.kernel.tables import Codec, Statement
from services.kernel.waking import Waker

Stepped = Callable[[], None]


async def compare(
    plan: Plan, connection: Db, login: KafkaLogin, stepped: Stepped, replayer: AnyReplayer | None = None
) -> Report:
    """Rebuild beside the running service and hold it against what is running, in one snapshot.

    Args:
        stepped: told after each partition. replayer: instead of the plan's own, for tests that change a rule.
    """
    report = Report()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        replayer = replayer or await plan.replayer(connection)
        async with recorded(plan, connection, login) as record:
            async for piece in record.slices():
                report.add(replayer.compare(piece, await record.running(piece.partition)))
                stepped()
        report.differences += await plan.check(connection)
    return report


async def verify(
    plan: Plan, connection: Db, login: KafkaLogin, stepped: Stepped, replayer: AnyReplayer | None = None
) -> Report:
    """Decide again what was decided, in recorded order, in one snapshot."""
    report = Report()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        replayer = replayer or await plan.replayer(connection)
        async with recorded(plan, connection, login) as record:
            async for piece in record.slices():
                report.add(replayer.verify(piece))
                stepped()
    return report


async def cut_over(plan: Plan, connection: Db, login: KafkaLogin, stepped: Stepped) -> int:
    """Make the states anew and put them in place of the running ones.

    One transaction: raise every epoch (a running worker waits, then finds itself fenced and starts again), fold up to
    the positions, which now stand still, and replace the rows. Returns: how many subjects there are.
    """
    subjects, schema = 0, plan.service
    statement = Statement(schema, plan.own, Codec(plan.state), plan.core, Waker())
    async with connection.transaction():
        await connection.execute(f"LOCK TABLE {schema}.position IN SHARE ROW EXCLUSIVE MODE")
        await connection.execute(f"UPDATE {schema}.position SET epoch = epoch + 1")  # noqa: S608 - own schema
        replayer = await plan.replayer(connection)
        for table in await _state_tables(connection, schema):
            await connection.execute(f'TRUNCATE {schema}_state."{table}"')
        async with recorded(plan, connection, login) as record:
            async for piece in record.slices():
                rows = replayer.rebuild(piece)
                works = [Work(subject, piece.partition, row, changed=True) for subject, row in rows.items()]
                advances = await _as_it_stands(connection, schema, piece.partition)
                if works:
                    write = Write(advances, works)
                    built = statement.build(write, plan.derived.parts(None, {}, works))
                    await connection.fetch(built.sql, *built.args)
                subjects += len(works)
                stepped()
        await plan.restore(connection)
    return subjects


async def _state_tables(connection: Db, schema: str) -> list[str]:
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", f"{schema}_state")
    return [row["tablename"] for row in rows]


async def _as_it_stands(connection: Db, schema: str, lane: int) -> dict[TP, Position]:
    rows = await connection.fetch(
        f"SELECT topic, partition, next_offset, epoch FROM {schema}.position WHERE partition = $1",  # noqa: S608
        lane,
    )
    return {TP(r["topic"], r["partition"]): Position(r["next_offset"], r["epoch"]) for r in rows}
