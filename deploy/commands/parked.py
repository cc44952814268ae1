"""`maodiao parked`, `redrive`, `position skip`, `reconcile`: what on-call staff do about records that stand still."""

import asyncio
import getpass
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final, TypeVar

import asyncpg
import typer
from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Console
from rich.table import Table

from deploy import addresses
from deploy.embedded.folder import DEFAULT
from deploy.errors import DeployError
from deploy.replay.reading import whole_partitions
from services.kernel.database import Db
from services.kernel.partitioning import PARTITIONS

WORKERS: Final = ("intake", "routing", "escalation", "notify", "oversight")
REDRIVE_SECONDS: Final = 30.0

Service = Annotated[str, typer.Argument(help=f"One of {', '.join(WORKERS)}.")]
Data = Annotated[Path, typer.Option("--data", help="The data folder.")]
Result = TypeVar("Result")

console = Console(highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(parked)
    app.command()(redrive)
    app.command()(reconcile)
    position = typer.Typer(help="Where a service stands in its topics.", no_args_is_help=True)
    position.command("show")(position_show)
    position.command("skip")(position_skip)
    app.add_typer(position, name="position")


def parked(
    service: Annotated[str, typer.Argument(help="A service; all if left out.")] = "", data: Data = DEFAULT
) -> None:
    """List parked records: whom they hold, why, since when, and how many wait behind.

    Example:  maodiao parked escalation
    """
    table = Table("service", "case", "topic-partition", "offset", "reason", "since", "behind", box=None, pad_edge=False)
    for name in (_known(service),) if service else WORKERS:
        for row in asyncio.run(_fetch(name, data, _PARKED.format(schema=name))):
            since = row["parked_at"].astimezone().strftime("%m-%d %H:%M:%S")
            place = f"{row['topic']}-{row['partition']}"
            table.add_row(name, row["subject"], place, str(row["offset"]), row["reason"], since, str(row["behind"]))
    if table.row_count:
        _show(table)
    else:
        console.print("Nothing is parked.")


def redrive(
    service: Service,
    case: Annotated[str, typer.Option("--case", help="Only this case; all parked ones if left out.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be tried.")] = False,
    data: Data = DEFAULT,
) -> None:
    """Ask the service to apply its parked records again, in order, at their own times. Only this service does.

    What still can't be read stays parked. The worker must be running: it alone may write its partitions.

    Examples:  maodiao redrive escalation --dry-run    maodiao redrive escalation --case 3f…
    """
    name = _known(service)
    asked, left = asyncio.run(_with(name, data, lambda c: _redrive(c, name, case, dry_run)))
    if dry_run:
        console.print(f"{name}: {asked} parked records would be tried again. Nothing was changed.")
        return
    console.print(f"{name}: {asked - left} of {asked} parked records were applied.")
    if left:
        raise DeployError(f"{left} are still parked. `maodiao parked {name}` says why; is the worker running?")


def position_show(service: Service, data: Data = DEFAULT) -> None:
    """Show where the service stands: next offset, epoch, and up to when limits have fired.

    Example:  maodiao position show escalation
    """
    name = _known(service)
    table = Table("topic", "partition", "next offset", "epoch", "limits fired up to", box=None, pad_edge=False)
    sql = f"SELECT * FROM {name}.position ORDER BY topic, partition"  # noqa: S608 - one of WORKERS
    for row in asyncio.run(_fetch(name, data, sql)):
        upto = row["upto"].astimezone().strftime("%m-%d %H:%M:%S") if row["upto"] else "–"
        table.add_row(row["topic"], str(row["partition"]), str(row["next_offset"]), str(row["epoch"]), upto)
    _show(table)


def position_skip(
    service: Service,
    topic: str,
    partition: int,
    to: Annotated[int, typer.Option("--to", help="The offset to go on from.")],
    reason: Annotated[str, typer.Option("--reason", help="Why what lies between may be passed over; kept for ever.")],
    data: Data = DEFAULT,
) -> None:
    """Set a position by hand: for a record that concerns nobody, or offsets that are known to be lost.

    Fences the running worker, which starts again from there. The skip is written down with reason and name.

    Example:  maodiao position skip escalation case.intake 7 --to 4211 --reason "keyless record, see log of 24 Nov"
    """
    name = _known(service)
    if len(reason.strip()) < 8:
        raise DeployError("Say in --reason why these records may be passed over; it is kept for ever.")
    begin = asyncio.run(_with(name, data, lambda c: _skip(c, name, TopicPartition(topic, partition), to, reason)))
    console.print(f"{name}: {topic}-{partition} goes on from {to} (was {begin}).")


def reconcile(
    service: Service,
    publish: Annotated[bool, typer.Option("--publish", help="Publish again what the topics have lost.")] = False,
    data: Data = DEFAULT,
) -> None:
    """Hold the service's archive against its topics: what was said, but is not (or no longer) there.

    With --publish the relay publishes it again, in order, with equal ids; consumers pass over what they have applied.

    Example:  maodiao reconcile intake
    """
    name = _known(service)
    lost, said = asyncio.run(_with(name, data, lambda c: _reconcile(c, name, publish, data)))
    console.print(f"{name}: {said:,} events in the archive, {lost:,} of them not on their topics.")
    if lost and not publish:
        raise DeployError("Publish them again with --publish.")
    if lost:
        console.print("They are queued; the relay publishes them now.")


_PARKED: Final = """SELECT subject, topic, partition, min("offset") AS "offset", min(parked_at) AS parked_at,
  (array_agg(reason ORDER BY "offset"))[1] AS reason, count(*) - 1 AS behind
FROM {schema}.parked GROUP BY subject, topic, partition ORDER BY min(parked_at)"""


def _show(table: Table) -> None:
    """In a pipe nobody sees a width: a case's id stays whole, for the next command to use."""
    wide = console if console.is_terminal else Console(highlight=False, width=200)
    wide.print(table)


def _known(service: str) -> str:
    if service not in WORKERS:
        raise DeployError(f"There is no service {service} with topics; there are {', '.join(WORKERS)}.")
    return service


async def _with(service: str, data: Path, run: Callable[[Db], Awaitable[Result]]) -> Result:
    connection = await asyncpg.connect(addresses.database(service, data))
    try:
        return await run(connection)
    finally:
        await connection.close()


async def _fetch(service: str, data: Path, sql: str) -> list[asyncpg.Record]:
    return await _with(service, data, lambda connection: connection.fetch(sql))


async def _redrive(connection: Db, name: str, case: str, dry_run: bool) -> tuple[int, int]:
    """Mark, then wait until the worker has taken what it can. Returns: how many were asked for, how many are left."""
    mine = "subject = $1 OR $1 = ''"
    asked: int = await connection.fetchval(f"SELECT count(*) FROM {name}.parked WHERE {mine}", case)  # noqa: S608
    if dry_run or not asked:
        return asked, 0
    await connection.execute(f"UPDATE {name}.parked SET redrive = true WHERE {mine}", case)  # noqa: S608
    deadline, left = time.monotonic() + REDRIVE_SECONDS, asked
    while left and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
        left = await connection.fetchval(f"SELECT count(*) FROM {name}.parked WHERE {mine}", case)  # noqa: S608
    await connection.execute(f"UPDATE {name}.parked SET redrive = false WHERE {mine}", case)  # noqa: S608
    return asked, left


async def _skip(connection: Db, name: str, tp: TopicPartition, to: int, reason: str) -> int:
    async with connection.transaction():
        begin: int | None = await connection.fetchval(
            f"SELECT next_offset FROM {name}.position WHERE topic = $1 AND partition = $2 FOR UPDATE",  # noqa: S608
            *tp,
        )
        if begin is None:
            raise DeployError(f"{name} has no position in {tp.topic}-{tp.partition}.")
        await connection.execute(
            f"UPDATE {name}.position SET next_offset = $3, epoch = epoch + 1 WHERE topic = $1 AND partition = $2",  # noqa: S608
            *tp,
            to,
        )
        await connection.execute(
            f"""INSERT INTO {name}.skip (topic, partition, from_offset, to_offset, reason, by)
            VALUES ($1, $2, $3, $4, $5, $6)""",  # noqa: S608
            *tp,
            begin,
            to,
            reason,
            getpass.getuser(),
        )
    return begin


async def _reconcile(connection: Db, name: str, publish: bool, data: Path) -> tuple[int, int]:
    topics = [r["topic"] for r in await connection.fetch(f"SELECT DISTINCT topic FROM {name}.event ORDER BY 1")]  # noqa: S608
    lost, said = list[int](), 0
    async with whole_partitions(addresses.broker(name, data), f"{name}-reconcile") as consumer:
        for topic in topics:
            for lane in range(PARTITIONS):
                rows = await connection.fetch(
                    f"""SELECT e.id, e.body FROM {name}.event e LEFT JOIN {name}.unpublished u USING (id)
                    WHERE u.id IS NULL AND e.topic = $1 AND e.partition = $2""",  # noqa: S608
                    topic,
                    lane,
                )
                # Read after the archive: what was published between the two is not taken for lost.
                there = await _values(consumer, TopicPartition(topic, lane)) if rows else set()
                said += len(rows)
                lost += [row["id"] for row in rows if row["body"] not in there]
    if publish and lost:
        await connection.execute(
            f"""INSERT INTO {name}.unpublished (id, partition)
            SELECT id, partition FROM {name}.event WHERE id = ANY($1::bigint[]) ON CONFLICT DO NOTHING""",  # noqa: S608
            lost,
        )
        await connection.execute(f"NOTIFY {name}_outbox")
    return len(lost), said


async def _values(consumer: AIOKafkaConsumer, tp: TopicPartition) -> set[bytes]:
    """All values of a partition, up to its end as it is now."""
    consumer.assign([tp])
    end = (await consumer.end_offsets([tp]))[tp]
    await consumer.seek_to_beginning(tp)
    values: set[bytes] = set()
    while await consumer.position(tp) < end:
        for records in (await consumer.getmany(tp, timeout_ms=1_000)).values():
            values.update(record.value for record in records if record.value is not None)
    return values
