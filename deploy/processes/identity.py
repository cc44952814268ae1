"""Who a process is: a pid alone is used again, so a start time and the boot's id go with it.

Linux only: /proc and pidfd.
"""

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Identity:
    """A process for ever: pid, start in clock ticks since boot (/proc/PID/stat field 22), and which boot."""

    pid: int
    start_ticks: int
    boot_id: str


@dataclass(frozen=True, slots=True)
class Stat:
    """The fields of /proc/PID/stat that matter here."""

    state: str
    parent: int
    start_ticks: int


def parse_stat(text: str) -> Stat:
    """Read a line of /proc/PID/stat. The command, field 2, may hold spaces and brackets: count from its last one."""
    fields = text.rpartition(")")[2].split()
    return Stat(state=fields[0], parent=int(fields[1]), start_ticks=int(fields[19]))


def boot_id() -> str:
    """The id that the kernel drew at this boot."""
    return _BOOT_ID.read_text().strip()


def identify(pid: int) -> Identity | None:
    """The identity of a running process, None if it has ended (a zombie has)."""
    stat = _stat(pid)
    return None if stat is None else Identity(pid, stat.start_ticks, boot_id())


def is_alive(process: Identity) -> bool:
    """Whether this very process still runs. A zombie, waiting for its parent, does not."""
    return identify(process.pid) == process


def is_frozen(process: Identity) -> bool:
    """Whether it has been stopped by SIGSTOP or a debugger."""
    stat = _stat(process.pid)
    return stat is not None and stat.start_ticks == process.start_ticks and stat.state in {"T", "t"}


def parent(pid: int) -> int | None:
    """The pid of a process's parent, None if the process has ended."""
    stat = _stat(pid)
    return None if stat is None else stat.parent


def memory(process: Identity) -> int:
    """Bytes that a process and its descendants take, what they share counted once (0 if we may not look)."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (above := parent(int(entry.name))) is not None:
            children.setdefault(above, []).append(int(entry.name))
    pending, total = [process.pid], 0
    while pending:
        pid = pending.pop()
        total += _proportional(pid)
        pending += children.get(pid, [])
    return total


def _proportional(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # ended, or another user's
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def send(process: Identity, signum: signal.Signals, *, whole_group: bool = False) -> bool:
    """Signal this very process, or nobody.

    Args:
        process: who.
        signum: which signal.
        whole_group: also the processes that it started; right only for one that leads its own session.

    Returns:
        False if the process has ended, or its pid now belongs to another.
    """
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        # Checked after the handle is held: whatever the pid means later, the handle means this process.
        if not is_alive(process):
            return False
        if whole_group and os.getpgid(process.pid) == process.pid:
            os.killpg(process.pid, signum)
        else:
            signal.pidfd_send_signal(handle, signum)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def _stat(pid: int) -> Stat | None:
    try:
        stat = parse_stat(Path(f"/proc/{pid}/stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if stat.state in {"Z", "X"} else stat
