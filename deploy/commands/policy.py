"""`maodiao policy`: limits and ladders. Stored versions never change; a new one begins ahead of time."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import asyncpg
import httpx
import typer
from rich.console import Console
from rich.table import Table

from deploy import addresses
from deploy.embedded.folder import DEFAULT
from deploy.errors import DeployError
from services.escalation.store.policies import AHEAD, Stored, apply, stored
from services.escalation.store.policy_files import PolicyError, read_calendar
from services.host.tokens import Identity, mint

_WAIT = timedelta(minutes=2)
"""As long as `--revise` waits for the version to come into force."""

Data = Annotated[Path, typer.Option("--data", help="The data folder, where MAODIAO_DSN names no database.")]

console = Console(highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Limits and ladders 时限与吹哨.", no_args_is_help=True, rich_markup_mode=None)
    group.command("apply")(apply_)
    group.command("show")(show)
    app.add_typer(group, name="policy")


def apply_(
    files: Annotated[list[Path], typer.Argument(help="Policies and calendars, YAML; calendars first.")],
    since: Annotated[
        str | None, typer.Option("--from", help="In force from then on, as 2026-12-01T08:00:00+08:00; or `now`.")
    ] = None,
    revise: Annotated[bool, typer.Option("--revise", help="Also for the running limits of open cases.")] = False,
    by: Annotated[str, typer.Option("--by", help="Who does it; kept with the version.")] = "cli",
    data: Data = DEFAULT,
) -> None:
    """Store a new version of a policy or calendar. `now` means: as soon as every worker is sure to know it.

    Running limits keep what they were set by, unless --revise orders otherwise.

    Examples:  maodiao policy apply my-policy.yaml --from now    maodiao policy apply calendar-2027.yaml --revise
    """
    begins, texts = _time(since), [_text(file) for file in files]
    done = asyncio.run(_apply(addresses.database("escalation", data), texts, by, begins))
    for version in done:
        said = "stored" if version.new else "was stored already"
        console.print(f"{version.kind} {version.name} {version.version} {said}; in force from {_local(version.since)}")
    if revise:
        told = _revise(done, data)
        console.print(f"{told} open cases were told; their limits are revised as escalation answers.")


def show(
    data: Data = DEFAULT,
    body: Annotated[bool, typer.Option("--body", help="Also print the policy in force.")] = False,
) -> None:
    """Show every version, and which policy is in force.

    Examples:  maodiao policy show    maodiao policy show --body
    """
    versions, now = asyncio.run(_stored(addresses.database("escalation", data))), datetime.now(UTC)
    if not versions:
        raise DeployError("No policy is stored yet. `maodiao policy apply FILE` stores one.")
    table = Table("kind", "name", "version", "in force from", "applied by", "applied at", box=None)
    for v in versions:
        table.add_row(v.kind, v.name, str(v.version), _local(v.since), v.applied_by, _local(v.applied_at))
    console.print(table)
    current = max((v for v in versions if v.kind == "policy" and v.since <= now), key=lambda v: v.since, default=None)
    console.print("No policy is in force." if current is None else f"In force: {current.name} {current.version}")
    newest = {v.name: v for v in versions if v.kind == "calendar"}  # the oldest come first
    for calendar in (read_calendar(v.body) for v in newest.values()):
        if calendar.until is not None:
            console.print(
                f"日历 {calendar.name} 的节假日排到 {calendar.until}，之后只按周末算；放假通知出来后请导入下一年的。\n"
                f"{calendar.name} knows holidays until {calendar.until}; later days go by the weekend alone until a "
                "calendar with the next year is applied."
            )
    if body and current is not None:
        console.print(current.body, markup=False)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    if text == "now":
        return datetime.now(UTC) + AHEAD + timedelta(seconds=2)
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        given = None
    if given is None or given.tzinfo is None:
        raise DeployError(f"--from {text}: not a time with its zone. Write it as 2026-12-01T08:00:00+08:00, or `now`.")
    return given


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeployError(f"{file} can't be read as UTF-8 text ({type(error).__name__}).") from error


def _local(moment: datetime) -> str:
    return moment.astimezone().isoformat(sep=" ", timespec="seconds")


async def _connect(dsn: str) -> "asyncpg.Connection[asyncpg.Record]":
    try:
        return await asyncpg.connect(dsn, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise DeployError(f"escalation's database does not answer ({type(error).__name__}). Is it up?") from error


async def _apply(dsn: str, texts: list[str], by: str, since: datetime | None) -> list[Stored]:
    """All of them or none."""
    connection = await _connect(dsn)
    try:
        async with connection.transaction():
            return [await apply(connection, text, by=by, since=since) for text in texts]
    except PolicyError as error:
        raise DeployError(f"Nothing was stored.\n{error}") from error
    finally:
        await connection.close()


async def _stored(dsn: str) -> list[Stored]:
    connection = await _connect(dsn)
    try:
        return await stored(connection)
    finally:
        await connection.close()


def _revise(done: list[Stored], data: Path) -> int:
    """Have intake order a revision of every open case, once the versions are in force."""
    left = max(version.since for version in done) - datetime.now(UTC)
    if left > _WAIT:
        raise DeployError(f"Stored, but nothing is revised: it is in force in {left}. Say this again then.")
    time.sleep(max(0.0, left.total_seconds()))
    newest = {version.kind: version.version for version in done}
    order = {"policy_version": newest.get("policy"), "calendar_version": newest.get("calendar")}
    identity = Identity(staff="cli", unit="ops", post="ops", role="ops")
    token = mint(identity, addresses.shared_key("token_key", data), datetime.now(UTC))
    key = "-".join(f"revise-{v.kind}-{v.name}-{v.version}" for v in done)
    try:
        answer = httpx.post(
            f"{addresses.door('intake', data)}/v1/revisions",
            json={name: number for name, number in order.items() if number is not None},
            headers={"authorization": f"Bearer {token}", "idempotency-key": key},
            timeout=600,
            trust_env=False,
        )
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise DeployError(f"Stored, but intake did not take the order to revise ({error}). Say it again.") from error
    return int(answer.json()["cases"])
