"""Finding and ending what a killed supervisor left behind."""

import asyncio
import signal
from pathlib import Path
from typing import Final

from deploy.processes import locks
from deploy.processes.identity import identify, is_alive, parent
from deploy.processes.launch import Record, pid_file, records, stop

STACK_LOCK: Final = "stack.lock"
"""Held by the supervisor itself, which is nobody's orphan."""


def orphans(run: Path, last: tuple[str, ...]) -> list[Record]:
    """Processes of this data folder that still run, those named in `last` at the end.

    Known by their pid files; where a supervisor was killed before it wrote one, by the lock that the process holds.
    """
    found = [r for r in records(run) if is_alive(r.identity)]
    named = {r.name for r in found}
    for lock in sorted(run.glob("*.lock")):
        if lock.stem not in named and lock.name != STACK_LOCK and locks.is_held(lock):
            found += [Record(lock.stem, i, None, None, 0.0, 0) for i in map(identify, _eldest(lock)) if i is not None]
    return sorted(found, key=lambda r: (r.name in last, r.name))


def _eldest(lock: Path) -> list[int]:
    """The processes that hold a lock without having it from a parent: a server, not its helpers."""
    pids = locks.holders(lock)
    return [pid for pid in pids if parent(pid) not in pids]


async def end_orphans(run: Path, last: tuple[str, ...]) -> list[Record]:
    """End every process that a data folder still has: first the services, then what they rest on.

    Returns:
        Those that were found and ended.
    """
    found = orphans(run, last)
    for group in ([r for r in found if r.name not in last], [r for r in found if r.name in last]):
        await asyncio.gather(*(stop(r.identity, signal.Signals(r.stop_signal), r.stop_seconds) for r in group))
    for record in records(run):
        if not is_alive(record.identity):
            pid_file(run, record.name).unlink(missing_ok=True)
    return found
