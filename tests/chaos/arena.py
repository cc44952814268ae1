"""One run: folder, sinks, platform, load; from its start to the evidence at rest."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from deploy.commands.directory import read_files
from deploy.embedded.stack import running
from deploy.init import REPOSITORY
from deploy.processes.identity import is_alive, send
from deploy.processes.launch import records, tail
from tests.chaos.evidence import Evidence
from tests.chaos.host import Plan, policy_folder
from tests.chaos.load import Door, Load
from tests.chaos.outside import Outside
from tests.chaos.pending import Pending
from tests.chaos.reading import Servers, gather
from tests.chaos.sinks import Sinks
from tests.chaos.strikes import Strikes

START_S, DRAIN_S = 120.0, 240.0


@dataclass(frozen=True, slots=True)
class Step:
    """One strike of a run. seconds: about how long it takes, for the time left that is shown."""

    seconds: float
    do: Callable[[], Coroutine[object, object, None]]


class Arena:
    """See the module. The supervisor is a process of its own; `async with Arena(…) as arena`.

    Args:
        roles: processes of the platform with their roles. planted: fault by process.
        cases_a_second, reports_a_second: the load. console: where to print. keep: the data folder, if it is to stay.
        drain_s: how long everything may take to come to rest when the load has ended.
    """

    def __init__(
        self,
        roles: Mapping[str, str],
        *,
        cases_a_second: float,
        reports_a_second: float,
        console: Console,
        planted: Mapping[str, str] | None = None,
        keep: Path | None = None,
        drain_s: float = DRAIN_S,
    ) -> None:
        self.roles, self.planted, self.console = dict(roles), dict(planted or {}), console
        self._kept, self._drain_s = keep, drain_s
        self.data = keep or Path(tempfile.mkdtemp(prefix="maodiao-chaos-"))
        self._rates = cases_a_second, reports_a_second
        self.servers = Servers(self.data)
        self.notebooks = self.data / "chaos"
        self.began = self.loaded = 0.0

    async def __aenter__(self) -> Self:
        self.servers.folder.prepare()
        self.notebooks.mkdir(exist_ok=True)
        self.sinks = await Sinks(self.notebooks / "arrivals.jsonl").__aenter__()
        self.environment = {
            "MAODIAO_SMTP_HOST": "127.0.0.1",
            "MAODIAO_SMTP_PORT": str(self.sinks.smtp_port),
            "MAODIAO_MAIL_FROM": "maodiao@chaos.invalid",
            "MAODIAO_LEASE_S": "15",
        }
        self.policy = policy_folder(self.data)
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(), console=self.console, transient=True,
        )  # fmt: skip
        try:
            await self._start_host()
            self._make_load()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.maodiao, "down")
        await self.sinks.__aexit__(kind, error, trace)
        if self._kept is None and error is None:
            shutil.rmtree(self.data, ignore_errors=True)
        else:
            self.console.print(f"The data folder is kept: {self.data}")

    def say(self, text: str) -> None:
        at = time.time() - self.began if self.began else 0.0
        self.console.print(f"{datetime.now(UTC):%H:%M:%S} [{int(at) // 60}:{int(at) % 60:02}] {text}", markup=False)

    async def _start_host(self) -> None:
        plan = Plan(
            data=str(self.data), roles=self.roles, policy=str(self.policy), environment=self.environment,
            webhook=f"http://127.0.0.1:{self.sinks.webhook_port}", planted=self.planted,
        )  # fmt: skip
        file, log = self.notebooks / "plan.json", self.notebooks / "host.log"
        file.write_bytes(msgspec.json.encode(plan))
        self.say(f"starting {len(self.roles)} processes in {self.data}")
        with log.open("wb") as out:
            self.host = subprocess.Popen(  # noqa: ASYNC220 - a moment, before there is load
                [sys.executable, "-m", "tests.chaos.host", str(file)], stdout=out, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, cwd=REPOSITORY, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_S
        while not self.servers.folder.ready.exists():
            if self.host.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The platform did not start:\n{tail(log, 15)}")
            await asyncio.sleep(0.1)

    def _make_load(self) -> None:
        ports = self.servers.folder.known_ports()
        weights = {"intake-1": 9.0, "intake-2": 9.0, "portal-1": 2.0}
        doors = [Door(n, f"http://127.0.0.1:{ports[n]}", weight) for n, weight in weights.items() if n in self.roles]
        units = read_files().units
        communities = [u.unit for u in units if len(u.unit) == 12 and u.unit.isdigit() and u.valid_to is None]
        key = self.servers.folder.secret("token_key").encode()
        self.load = Load(doors, key, self.notebooks / "answers.jsonl", communities, self._rates[0])
        self.outside = Outside(
            self.servers.kafka("demo311"), self.notebooks / "sent.jsonl", communities, self._rates[1]
        )
        self.pending = Pending(self.servers)
        self.strikes = Strikes(self.servers, self.pending, self.load, self.say)

    async def run(self, steps: Sequence[Step], *, warm_s: float, breath_s: float) -> None:
        """Load throughout; strike after strike; then let all of it come to rest."""
        self.began = time.time()
        load = [asyncio.create_task(self.load.run()), asyncio.create_task(self.outside.run())]
        planned = warm_s + sum(step.seconds + breath_s for step in steps) + 90
        with self._progress:
            bar = self._progress.add_task("chaos", total=planned)
            await self._during(asyncio.sleep(warm_s), bar, warm_s)
            for step in steps:
                await self._during(step.do(), bar, step.seconds)
                await self._during(asyncio.sleep(breath_s), bar, breath_s)
                for task in load:
                    if task.done():
                        task.result()
            self.loaded = time.time() - self.began
            self.load.stop()
            self.outside.stop()
            self.say("the load ends; cases under way come to their end")
            await self._during(self._rest(load), bar, 90)

    async def _during(self, work: Coroutine[object, object, None], bar: TaskID, seconds: float) -> None:
        """Do it, and move the bar by what was planned for it, however long it takes."""
        task, before, began = asyncio.ensure_future(work), self._progress.tasks[0].completed, time.monotonic()
        while not task.done():
            share = min(1.0, (time.monotonic() - began) / max(seconds, 0.1))
            self._progress.update(bar, completed=before + share * seconds)
            await asyncio.wait({task}, timeout=0.5)
        task.result()
        self._progress.update(bar, completed=before + seconds)

    async def _rest(self, load: Sequence[asyncio.Task[None]]) -> None:
        await asyncio.wait(load, timeout=self._drain_s)
        deadline, quiet = time.monotonic() + self._drain_s, 0
        while quiet < 3 and time.monotonic() < deadline:
            left = await self.pending.left()
            quiet = 0 if left else quiet + 1
            await asyncio.sleep(1.0)
        if quiet < 3:
            self.say(f"not at rest after {self._drain_s:.0f} s: {dict(await self.pending.left())}")

    async def kill_supervisor(self) -> None:
        """kill -9 of the supervisor, while there is work in its children; they live on, and `maodiao up` finds them and
        starts anew, all roles in each process."""
        supervisor = running(self.servers.folder)
        assert supervisor is not None
        pending = await self.strikes.any_work()
        began = time.time()
        send(supervisor, signal.SIGKILL)
        self.host.wait(5)
        left = [r for r in records(self.servers.folder.run) if is_alive(r.identity)]
        self.say(f"kill -9 of the supervisor (pid {supervisor.pid}), with {pending}; {len(left)} processes live on")
        scale = [f"--scale={service}=2" for service in ("intake", "routing", "escalation", "notify")]
        said = await asyncio.to_thread(self.maodiao, "up", "--detach", "--policy", str(self.policy), *scale)
        found = next((line for line in said.splitlines() if "earlier run" in line), "")
        self.say(f"maodiao up: {found.strip()[:200] or 'it found nothing'}")
        self.strikes.expect(bool(left and found), f"maodiao up finds what a killed supervisor left; {len(left)} lived")
        over = [r.name for r in left if is_alive(r.identity)]
        self.strikes.expect(not over, f"maodiao up ends what a killed supervisor left; {', '.join(over)} lived on")
        pending = f"{len(left)} orphans; {pending}"
        self.strikes._note(began, "kill -9 of the supervisor, maodiao up", "all", pending, ("notify",))

    def maodiao(self, command: str, *arguments: str) -> str:
        """Run a command of ours on this folder. Returns: what it said."""
        argv = [sys.executable, "-m", "deploy.cli", command, *arguments, "--data", str(self.data)]
        done = subprocess.run(
            argv, cwd=REPOSITORY, env={**os.environ, **self.environment, "COLUMNS": "200"}, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if done.returncode not in (0, 1):
            raise RuntimeError(f"maodiao {command} ended with {done.returncode}:\n{done.stdout[-2000:]}")
        return done.stdout

    async def evidence(self) -> Evidence:
        await self.pending.close()
        return await gather(self.servers, self.notebooks, self.strikes.faults, self.strikes.zombies, self.say)
