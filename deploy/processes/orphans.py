"""Finding and ending what a killed supervisor left behind."""

import asyncio
import os
import signal
from pathlib import Path

from deploy.processes import locks
from deploy.processes.identity import identify, is_alive
from deploy.processes.launch import Record, pid_file, records, stop


def orphans(run: Path, last: tuple[str, ...]) -> list[Record]:
    """Processes of this data folder that still run, those named in `last` at the end.

    Known by their pid files; where a supervisor was killed before it wrote one, by the lock that the process holds.
    """
    found = [r for r in records(run) if is_alive(r.identity)]
    named = {r.identity.pid for r in found}
    for lock in sorted(run.glob("*.lock")):
        for pid in locks.holders(lock):
            identity = identify(pid)
            if lock.stem != "stack" and identity is not None and pid not in named and os.getsid(pid) == pid:
                found.append(Record(lock.stem, identity, None, None, 0.0, 0))
                named.add(pid)
    return sorted(found, key=lambda r: (r.name in last, r.name))


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
