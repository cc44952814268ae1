"""`maodiao rebuild` and `maodiao verify`."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import asyncpg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from deploy import addresses
from deploy.embedded.folder import DEFAULT
from deploy.errors import DeployError
from deploy.replay import runs
from deploy.replay.plans import PLANS, Plan
from deploy.replay.replayer import Report
from services.kernel.broker import KafkaLogin
from services.kernel.database import Db
from services.kernel.partitioning import PARTITIONS

Service = Annotated[str, typer.Argument(help=f"One of {', '.join(PLANS)}.")]
Data = Annotated[Path, typer.Option("--data", help="The data folder.")]
Most = Annotated[int, typer.Option("--most", help="How many differences to list.")]

Result = TypeVar("Result")
console = Console(highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(rebuild)
    app.command()(verify)


def rebuild(
    service: Service,
    compare: Annotated[bool, typer.Option("--compare", help="Only compare; write nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Replace the running states without asking.")] = False,
    data: Data = DEFAULT,
    most: Most = 20,
) -> None:
    """Fold the log and the service's own events into states anew: no decision, no message, nothing published.

    With --compare it is held against the running states, in one snapshot: exit 1 if anything differs. Without, the
    result takes their place; a running worker is fenced meanwhile and starts again by itself.

    Examples:  maodiao rebuild escalation --compare    maodiao rebuild oversight --yes
    """
    plan = _plan(service)
    if compare:
        report = asyncio.run(_run(plan, data, "rebuild", lambda c, login, step: runs.compare(plan, c, login, step)))
        _show(f"rebuild {service} --compare", report, most)
        raise typer.Exit(1 if report.differences else 0)
    if not yes and not typer.confirm(f"Replace the running states of {service}?"):
        raise typer.Exit(1)
    count = asyncio.run(_run(plan, data, "rebuild", lambda c, login, step: runs.cut_over(plan, c, login, step)))
    console.print(f"{service}: the states of {count:,} subjects were made anew and are in place.")


def verify(service: Service, data: Data = DEFAULT, most: Most = 20) -> None:
    """Decide again all that was decided, in recorded order, and compare: exit 1 if the present rules differ.

    Decisions of older rules that would be different today are counted by their number and are no fault.

    Example:  maodiao verify escalation
    """
    plan = _plan(service)
    if not plan.verifies:
        able = ", ".join(p.service for p in PLANS.values() if p.verifies)
        raise DeployError(f"{service} has no decisions that can be made again from the log; these have: {able}.")
    report = asyncio.run(_run(plan, data, "verify", lambda c, login, step: runs.verify(plan, c, login, step)))
    _show(f"verify {service}", report, most)
    raise typer.Exit(1 if report.differences else 0)


def _plan(service: str) -> Plan:
    if service not in PLANS:
        raise DeployError(f"There is no service {service} that can be replayed; there are {', '.join(PLANS)}.")
    return PLANS[service]


async def _run(
    plan: Plan, data: Path, what: str, run: Callable[[Db, KafkaLogin, runs.Stepped], Awaitable[Result]]
) -> Result:
    login = addresses.broker(plan.service, data)
    began = time.monotonic()
    connection = await asyncpg.connect(addresses.database(plan.service, data), server_settings={"jit": "off"})
    try:
        with _bar() as bar:
            task = bar.add_task(f"{what} {plan.service}", total=PARTITIONS)
            result = await run(connection, login, lambda: bar.advance(task))
    finally:
        await connection.close()
    console.print(f"took {time.monotonic() - began:.1f} s")
    return result


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True)


def _show(title: str, report: Report, most: int) -> None:
    table = Table("compared", "count", box=None, pad_edge=False)
    table.add_row("records of its topics", f"{report.records:,}")
    table.add_row("own events", f"{report.own_events:,}")
    table.add_row("subjects", f"{report.subjects:,}")
    if report.decisions:
        table.add_row("decisions made again", f"{report.decisions:,}")
    if report.unreadable:
        table.add_row("can't be read, not parked", f"{report.unreadable:,}")
    for rules, count in sorted(report.older.items()):
        table.add_row(f"differ, by older rules {rules}", f"{count:,}")
    table.add_row("differences", f"{len(report.differences):,}")
    console.print(title)
    console.print(table)
    for difference in report.differences[:most]:
        console.print(f"  {difference.subject}: {difference.what}")
    if len(report.differences) > most:
        console.print(f"  … and {len(report.differences) - most:,} more (--most)")
