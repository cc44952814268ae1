"""Locks that live as long as a process: flock on a file whose descriptor the process holds."""

import fcntl
import os
import time
from pathlib import Path


def acquire(path: Path, *, shared: bool = False) -> int | None:
    """Take the lock of a file, which is made if missing; `shared`: beside others who take it so.

    Returns:
        The open descriptor, which holds the lock until it and every inherited copy are closed; None if taken.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def acquire_within(path: Path, seconds: float) -> int | None:
    """Take the lock, waiting up to `seconds` for who will not have it long.

    That is the helpers of a server that has just been killed, or somebody who only looks (`is_held`).
    """
    deadline = time.monotonic() + seconds
    while (descriptor := acquire(path)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    return descriptor


def is_held(path: Path) -> bool:
    """Whether some process holds the lock. The look takes it for a moment, shared, so that two looks see no holder."""
    if not path.exists():
        return False
    descriptor = acquire(path, shared=True)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


def holders(path: Path) -> list[int]:
    """Pids of the processes that have the lock file open, as far as we may look into them.

    For the one case in which no pid file names them: the supervisor was killed between starting and noting.
    """
    if not path.exists():
        return []
    wanted = path.stat()
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid() and _has_open(process / "fd", wanted):
            found.append(int(process.name))
    return sorted(found)


def _has_open(folder: Path, wanted: os.stat_result) -> bool:
    try:
        for entry in folder.iterdir():
            try:
                seen = entry.stat()
            except OSError:  # closed meanwhile, or a kind of descriptor that has no file
                continue
            if (seen.st_dev, seen.st_ino) == (wanted.st_dev, wanted.st_ino):
                return True
    except (PermissionError, FileNotFoundError, ProcessLookupError):
        return False
    return False
