"""Watching processes: one that dies is started again, each time after a longer pause."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from deploy.errors import DeployError
from deploy.processes import locks
from deploy.processes.launch import Child, ServiceSpec, launch, lock_file

PAUSE_FIRST: Final = 0.25
PAUSE_MAX: Final = 10.0
STEADY_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.1


def pause(failures: int) -> float:
    """Seconds to wait before a start, after so many failures in a row: doubling, at most ten seconds."""
    return min(PAUSE_FIRST * 2.0 ** min(failures, 16), PAUSE_MAX)


def failures_in_a_row(before: int, lived: float) -> int:
    """How many failures in a row there have been when a process dies that had lived `lived` seconds."""
    return 0 if lived >= STEADY_SECONDS else before + 1


class Supervisor:
    """Watches the processes of one data folder. A frozen one is not touched: it may hold work, and may wake."""

    def __init__(self, children: dict[str, Child], run: Path, logs: Path, said: Callable[[str], None]) -> None:
        """`children` is shared with whoever started and will stop them; `said` is told of every death and start."""
        self._children = children
        self._run = run
        self._logs = logs
        self._said = said
        self._failures: dict[str, int] = {}
        self._due: dict[str, float] = {}

    def start(self, spec: ServiceSpec) -> Child:
        """Start a process and watch it from now on.

        Raises:
            DeployError: its predecessor still runs, or the program cannot be started.
        """
        child = launch(spec, self._run, self._logs)
        self._children[spec.name] = child
        return child

    async def watch(self) -> None:
        """Look after the processes until cancelled."""
        while True:
            self.look(time.monotonic())
            await asyncio.sleep(LOOK_SECONDS)

    def look(self, now: float) -> None:
        """One look at every process: note who died, start whose pause is over. `now` is in monotonic seconds."""
        for name, child in list(self._children.items()):
            if child.alive():
                continue
            if name not in self._due:
                self._died(child, now)
            elif now >= self._due[name]:
                self._restart(child, now)

    def _died(self, child: Child, now: float) -> None:
        name = child.spec.name
        failures = failures_in_a_row(self._failures.get(name, 0), now - child.started)
        wait = pause(failures)
        self._failures[name], self._due[name] = failures, now + wait
        self._said(f"{name} ended ({_exit(child.process.returncode)}); starting it again in {wait:.1f} s")

    def _restart(self, child: Child, now: float) -> None:
        name = child.spec.name
        if locks.is_held(lock_file(self._run, name)):  # helpers of the dead one, on their way out
            return
        try:
            self._children[name] = launch(child.spec, self._run, self._logs, restarts=child.restarts + 1)
        except DeployError as error:
            self._failures[name] = self._failures.get(name, 0) + 1
            self._due[name] = now + pause(self._failures[name])
            self._said(str(error))
            return
        del self._due[name]
        self._said(f"{name} started again")


def _exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit {code}"
