"""Starting one process so that it can be found again, and stopping it for certain."""

import asyncio
import ctypes
import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from deploy.errors import DeployError
from deploy.processes import locks
from deploy.processes.identity import Identity, identify, is_alive, send

LOG_BYTES_MAX: Final = 20 << 20
_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A process to run.

    Args:
        name: unique in the data folder; names its log, lock and pid file (`routing-1`).
        argv: the program and its arguments.
        env: its whole environment.
        health_url: asked for readiness, None where another way tells.
        port: where it listens, for display.
        cwd: its working folder.
        user: uid and gid to run as, None for our own.
        stop_signal: what asks it to end.
        stop_seconds: how long it may take before it is killed.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    health_url: str | None = None
    port: int | None = None
    cwd: Path | None = None
    user: tuple[int, int] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15.0


@dataclass(frozen=True, slots=True)
class Record:
    """What a pid file says of a process. `since` is in seconds since the epoch, for display."""

    name: str
    identity: Identity
    port: int | None
    health_url: str | None
    since: float
    restarts: int
    stop_signal: int = int(signal.SIGTERM)
    stop_seconds: float = 15.0


@dataclass(slots=True)
class Child:
    """A process that we started ourselves."""

    spec: ServiceSpec
    process: subprocess.Popen[bytes]
    identity: Identity
    log: Path
    restarts: int = 0
    started: float = field(default_factory=time.monotonic)

    def alive(self) -> bool:
        """Whether it still runs; reaps it if not."""
        return self.process.poll() is None


def pid_file(run: Path, name: str) -> Path:
    """Where a process is noted."""
    return run / f"{name}.json"


def lock_file(run: Path, name: str) -> Path:
    """The lock that a process holds for as long as it, or a helper of it, lives."""
    return run / f"{name}.lock"


def launch(spec: ServiceSpec, run: Path, logs: Path, *, restarts: int = 0, tie_to_parent: bool = False) -> Child:
    """Start a process in a session of its own, with its lock in hand and its pid noted.

    Args:
        spec: what to run.
        run: folder of pid files and locks.
        logs: folder of logs; standard output and error are appended to `<name>.log`.
        restarts: how often it has been started before, for display.
        tie_to_parent: the kernel kills it when we die; for tests, which nobody cleans up after.

    Raises:
        DeployError: its predecessor still runs, or the program cannot be started.
    """
    lock = _take(spec, run)
    log = logs / f"{spec.name}.log"
    _rotate(log)
    libc = ctypes.CDLL(None) if tie_to_parent else None  # loaded before the fork: nothing may be imported after it
    try:
        with log.open("ab") as out:
            log.chmod(0o600)
            process = subprocess.Popen(
                list(spec.argv),
                env=dict(spec.env),
                cwd=spec.cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                pass_fds=(lock,),
                start_new_session=True,
                user=spec.user[0] if spec.user else None,
                group=spec.user[1] if spec.user else None,
                extra_groups=[] if spec.user else None,
                preexec_fn=None if libc is None else lambda: _die_with_parent(libc),
            )
    except OSError as error:
        raise DeployError(f"{spec.name} could not be started: {error}.") from error
    finally:
        os.close(lock)
    found = identify(process.pid) or Identity(process.pid, 0, "")  # ended at once: its log says why
    child = Child(spec, process, found, log, restarts)
    _note(run, child)
    return child


def run_to_end(spec: ServiceSpec, run: Path) -> "subprocess.CompletedProcess[str]":
    """Run a helper to its end, with its lock in hand: if we are killed meanwhile, the next start finds it and ends it.

    Args:
        spec: what to run; what it prints is returned and kept nowhere.
        run: folder of locks.

    Raises:
        DeployError: its predecessor still runs, or the program cannot be started.
    """
    lock = _take(spec, run)
    try:
        return subprocess.run(
            list(spec.argv),
            env=dict(spec.env),
            cwd=spec.cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            pass_fds=(lock,),
            start_new_session=True,
            user=spec.user[0] if spec.user else None,
            group=spec.user[1] if spec.user else None,
            extra_groups=[] if spec.user else None,
        )
    except OSError as error:
        raise DeployError(f"{spec.name} could not be started: {error}.") from error
    finally:
        os.close(lock)


def records(run: Path) -> list[Record]:
    """The processes noted in a data folder, alive or not."""
    found = []
    for path in sorted(run.glob("*.json")):
        raw = json.loads(path.read_text())
        found.append(Record(**{**raw, "identity": Identity(**raw["identity"])}))
    return found


async def stop(process: Identity, signum: signal.Signals, seconds: float) -> bool:
    """End a process: ask, wait, then kill it with all that it started.

    Returns:
        Whether it ended without being killed.
    """
    send(process, signum)
    if await _gone(process, seconds):
        return True
    send(process, signal.SIGKILL, whole_group=True)
    await _gone(process, 5.0)
    return False


async def stop_child(child: Child, run: Path) -> bool:
    """End a process that we started, reap it and take its note away."""
    graceful = await stop(child.identity, child.spec.stop_signal, child.spec.stop_seconds)
    child.process.wait(5.0)
    pid_file(run, child.spec.name).unlink(missing_ok=True)
    return graceful


def tail(log: Path, lines: int = 5) -> str:
    """The last lines of a log, to show why a process ended."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8192))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


async def _gone(process: Identity, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_alive(process):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.03)
    return True


def _take(spec: ServiceSpec, run: Path) -> int:
    lock = locks.acquire_within(lock_file(run, spec.name), 5.0)
    if lock is None:
        pids = locks.holders(lock_file(run, spec.name))
        raise DeployError(f"{spec.name} already runs in this data folder (pid {pids}). Run `maodiao down` first.")
    return lock


def _note(run: Path, child: Child) -> None:
    record = Record(
        name=child.spec.name,
        identity=child.identity,
        port=child.spec.port,
        health_url=child.spec.health_url,
        since=time.time(),
        restarts=child.restarts,
        stop_signal=int(child.spec.stop_signal),
        stop_seconds=child.spec.stop_seconds,
    )
    path = pid_file(run, child.spec.name)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(record)) + "\n")
    fresh.replace(path)


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_suffix(".log.1"))


def _die_with_parent(libc: ctypes.CDLL) -> None:
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
