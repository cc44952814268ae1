"""`maodiao up`, `down`, `status`, `doctor`."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from deploy import checks
from deploy.embedded import jars
from deploy.embedded.folder import DEFAULT, DataFolder
from deploy.embedded.platform import Options, Platform
from deploy.embedded.stack import FOUNDATIONS, running
from deploy.errors import DeployError
from deploy.init import REPOSITORY
from deploy.processes import locks
from deploy.processes.identity import is_alive, is_frozen, memory, send
from deploy.processes.launch import Record, records, tail
from deploy.processes.orphans import end_orphans
from deploy.setup import SHOWN

STOP_SECONDS: Final = 60.0
DETACHED_SECONDS: Final = 180.0

Data = Annotated[Path, typer.Option("--data", help="The data folder.")]
Policy = Annotated[Path, typer.Option("--policy", help="The folder of policies.")]
Scale = Annotated[list[str], typer.Option("--scale", help="Processes of a service, as routing=2. May be repeated.")]
Systems = Annotated[str, typer.Option("--systems", help="Outside systems, by comma.")]

console = Console(highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(doctor)


def up(
    data: Data = DEFAULT,
    policy: Policy = REPOSITORY / "deploy" / "policy",
    scale: Scale = [],  # noqa: B006 - typer's way to say that an option may be repeated; never changed
    systems: Systems = "demo311",
    detach: Annotated[bool, typer.Option("--detach", help="Leave it running and come back.")] = False,
    new_ports: Annotated[bool, typer.Option("--new-ports", help="Draw the ports anew.")] = False,
    unseen: Annotated[bool, typer.Option("--unseen", hidden=True, help="What --detach starts: greets nobody.")] = False,
) -> None:
    """Start Kafka, PostgreSQL and the services here. Ctrl-C stops them; what they hold stays in the data folder.

    The first start fetches Kafka from Maven Central into the user's cache. MAODIAO_MAVEN_REPOSITORY names a mirror,
    XDG_CACHE_HOME another cache.

    Examples:  maodiao up    maodiao up --detach --scale routing=2 --scale escalation=2
    """
    folder = DataFolder(data)
    checks.demand(folder)
    if new_ports and not locks.is_held(folder.lock):
        folder.forget_ports()
    if detach:
        _detach(folder, ["--policy", str(policy.absolute()), "--systems", systems, *(f"--scale={s}" for s in scale)])
        return
    named = tuple(s for s in systems.split(",") if s)
    try:
        options = Options(data=data, policy=policy, systems=named, scale=dict(map(_scale, scale)))
        asyncio.run(_run(options, unseen=unseen))
    except ValueError as error:  # a malformed name of an outside system
        raise DeployError(str(error)) from error


def down(data: Data = DEFAULT) -> None:
    """Stop what runs in the data folder, also what a killed run has left.

    Example:  maodiao down
    """
    folder = DataFolder(data)
    if not folder.run.exists():
        console.print(f"There is no data folder at {folder.root}; nothing to stop.")
        return
    stopped = asyncio.run(_down(folder))
    console.print(f"Stopped: {', '.join(stopped)}." if stopped else f"Nothing runs in {folder.root}.")


def status(data: Data = DEFAULT) -> None:
    """Show what runs: process, pid, state, port, since, memory. The exit code is 1 if nothing runs.

    Example:  maodiao status
    """
    folder = DataFolder(data)
    supervisor = running(folder)
    found = records(folder.run) if folder.run.exists() else []
    if supervisor is None and not any(is_alive(r.identity) for r in found):
        console.print(f"Maodiao does not run in {folder.root}. `maodiao up` starts it.")
        raise typer.Exit(1)
    table = Table("process", "pid", "state", "port", "since", "restarts", "MiB", box=None, pad_edge=False)
    for r in sorted(found, key=lambda r: (r.name not in FOUNDATIONS, r.name)):
        since = datetime.fromtimestamp(r.since).astimezone().strftime("%m-%d %H:%M:%S")
        mib = memory(r.identity) // checks.MIB if is_alive(r.identity) else 0
        state = _state(r, watched=supervisor is not None)
        table.add_row(r.name, str(r.identity.pid), state, str(r.port or ""), since, str(r.restarts), str(mib))
    console.print(table)
    if supervisor is None:
        console.print("The supervisor has been killed; `maodiao down` or `maodiao up` ends what it left.")
    else:
        console.print(f"supervisor: pid {supervisor.pid}; logs: {folder.logs}")


def doctor(data: Data = DEFAULT) -> None:
    """Look for what is missing on this machine and say what to do. The exit code is 1 if it cannot run.

    Example:  maodiao doctor
    """
    findings = checks.every(DataFolder(data))
    marks = {checks.Level.OK: "[green]ok  [/]", checks.Level.NOTE: "[yellow]note[/]", checks.Level.FAIL: "[red]fail[/]"}
    for finding in findings:
        console.print(
            f"{marks[finding.level]}  {finding.what}" + (f"\n      {finding.advice}" if finding.advice else "")
        )
    if any(f.level is checks.Level.FAIL for f in findings):
        raise typer.Exit(1)


def _scale(text: str) -> tuple[str, int]:
    service, _, count = text.partition("=")
    if not count.isdigit() or not 1 <= int(count) <= 16:
        raise DeployError(f"--scale {text}: write it as routing=2, from 1 to 16.")
    return service, int(count)


async def _run(options: Options, *, unseen: bool) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(signum, stopping.set)
    began = time.monotonic()
    with _bar() as progress:
        platform = Platform(options, progress=progress, said=_say)
        try:
            if not await _unless_stopped(asyncio.create_task(platform.start()), stopping):
                return
            progress.close()
            if unseen:
                _say("ready")  # no greeting: it shows passwords, and this is a log
            else:
                _greet(platform.stack.folder, time.monotonic() - began, "`maodiao down` (or Ctrl-C here)")
            await stopping.wait()
        finally:
            if platform.stack.owned:
                _say("stopping")
                await platform.stop()
                _say("stopped")


async def _unless_stopped(starting: "asyncio.Task[None]", stopping: asyncio.Event) -> bool:
    """Wait for the start; a signal breaks it off."""
    signalled = asyncio.create_task(stopping.wait())
    await asyncio.wait((starting, signalled), return_when=asyncio.FIRST_COMPLETED)
    signalled.cancel()
    if starting.done():
        await starting
        return True
    starting.cancel()
    await asyncio.wait((starting,))
    return False


def _greet(folder: DataFolder, seconds: float, stop: str) -> None:
    console.print(f"[bold]Maodiao 矛调 runs[/] ({seconds:.1f} s). Data, secrets and logs: {folder.root}")
    portal = next((r.port for r in records(folder.run) if r.name == "portal-1"), None)
    if portal is not None:
        console.print(f"Open [bold]http://127.0.0.1:{portal}[/]")
    accounts = folder.secrets / SHOWN
    if accounts.exists():
        console.print(f"Accounts ({accounts}):\n{accounts.read_text().rstrip()}", markup=False)
    console.print(f"`maodiao status` shows the processes, {stop} stops them.")


def _detach(folder: DataFolder, options: list[str]) -> None:
    if locks.is_held(folder.lock):
        holder = running(folder)
        raise DeployError(
            f"Maodiao is already running in {folder.root}{f' (pid {holder.pid})' if holder else ''}. "
            f"`maodiao status` shows it, `maodiao down` stops it."
        )
    folder.prepare()
    folder.ready.unlink(missing_ok=True)
    with _bar() as progress:  # the download here, where somebody sees it
        jars.ensure(folder.cache, progress)
    log = folder.logs / "supervisor.log"
    with log.open("wb") as out:
        log.chmod(0o600)
        child = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", "up", "--unseen", "--data", str(folder.root), *options],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "COLUMNS": "200"},
        )
    began = time.monotonic()
    try:
        _await_ready(folder, child, log)
    except KeyboardInterrupt:
        child.terminate()  # in a session of its own: Ctrl-C does not reach it
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise DeployError(f"It does not end; `maodiao down --data {folder.root}` ends it.") from None
        raise DeployError("The start was broken off; nothing is left running.") from None
    console.print(log.read_text().rstrip(), markup=False)
    _greet(folder, time.monotonic() - began, "`maodiao down`")


def _await_ready(folder: DataFolder, child: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + DETACHED_SECONDS
    while not folder.ready.exists():
        if child.poll() is not None:
            raise DeployError(f"It did not start. {log} says:\n{tail(log, 12)}")
        if time.monotonic() > deadline:
            raise DeployError(
                f"It is not ready after {DETACHED_SECONDS:.0f} s; see {log}, and `maodiao down` to stop it."
            )
        time.sleep(0.1)


async def _down(folder: DataFolder) -> list[str]:
    stopped = []
    supervisor = running(folder)
    if supervisor is not None:
        stopped = [r.name for r in records(folder.run)]
        send(supervisor, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while is_alive(supervisor):
            if time.monotonic() > deadline:
                send(supervisor, signal.SIGKILL)
            await asyncio.sleep(0.05)
    left = await end_orphans(folder.run, FOUNDATIONS)
    return sorted({*stopped, *(r.name for r in left)})


def _state(record: Record, *, watched: bool) -> str:
    if not is_alive(record.identity):
        return "restarting" if watched else "ended"
    if is_frozen(record.identity):
        return "frozen"
    if record.health_url is None:
        return "running"
    try:
        answer = httpx.get(record.health_url, timeout=2.0, trust_env=False)
    except httpx.HTTPError:
        return "not answering"
    return "ready" if answer.status_code == 200 else "not ready"


def _say(text: str) -> None:
    console.print(f"[dim]{datetime.now().astimezone():%H:%M:%S}[/] {text}")


class _bar:  # noqa: N801 - used as `with _bar() as progress`
    """A progress bar that appears with the first byte and is a plain function to whoever tells it."""

    def __init__(self) -> None:
        self._columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self._progress: Progress | None = None

    def __enter__(self) -> "_bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __call__(self, done: int, total: int) -> None:
        if self._progress is None:
            self._progress = Progress(*self._columns, console=console)
            self._task = self._progress.add_task("Kafka, first download", total=total)
            self._progress.start()
        self._progress.update(self._task, completed=done)

    def close(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
