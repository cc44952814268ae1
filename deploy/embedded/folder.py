"""The data folder: what lies where, and the ports and secrets that are drawn at the first start and kept."""

import json
import os
import random
import secrets
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from deploy.errors import DeployError
from deploy.processes.orphans import STACK_LOCK
from deploy.topology import SHARED_KEYS

LAYOUT: Final = 1
"""Raised when a release can no longer use a folder that an older one made."""

DEFAULT: Final = Path(".maodiao")
PORTS: Final = range(20_000, 32_000)
"""Below the range from which Linux takes ports for outgoing connections (32768 and up), so that ours stay free."""


class DataFolder:
    """Paths in a data folder, and what is kept there. Nothing is touched before `prepare`."""

    def __init__(self, root: Path) -> None:
        """`root` is the folder itself, `.maodiao` by default."""
        self.root = root.absolute()
        self.secrets = self.root / "secrets"
        self.logs = self.root / "logs"
        self.run = self.root / "run"
        self.kafka = self.root / "kafka"
        self.postgres = self.root / "postgres"
        self.cache = self.root / "cache"
        self.lock = self.run / STACK_LOCK
        self.ready = self.run / "ready"
        self._layout = self.root / "layout"
        self._ports = self.root / "ports.json"

    def prepare(self) -> None:
        """Make what is missing.

        Raises:
            DeployError: the folder was made by another release, or cannot be written.
        """
        problem = self.problem()
        if problem:
            raise DeployError(problem)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            # As root, PostgreSQL runs as another user, who must be able to pass through (not to list) this folder.
            self.root.chmod(0o711 if os.geteuid() == 0 else 0o700)
            for folder in (self.secrets, self.logs, self.run, self.kafka):
                folder.mkdir(exist_ok=True)
                folder.chmod(0o700)
        except OSError as error:
            raise DeployError(
                f"The data folder {self.root} cannot be written ({error.strerror}). Choose another with --data."
            ) from error
        if not self._layout.exists():
            self._layout.write_text(f"{LAYOUT}\n")

    def problem(self) -> str | None:
        """Why this release cannot use the folder, None if it can (or if there is none yet)."""
        if not self.root.exists():
            return None
        if not self._layout.exists():
            if any(self.root.iterdir()):
                return f"{self.root} holds files but is no data folder of Maodiao. Choose another with --data."
            return None
        found = self._layout.read_text().strip()
        if found != str(LAYOUT):
            return (
                f"The data folder {self.root} has layout {found}; this release uses layout {LAYOUT}. Run it with the "
                f"release that made it, or choose a new folder with --data."
            )
        return None

    def secret(self, name: str) -> str:
        """A secret by name, drawn at the first asking; one file each, mode 600."""
        path = self.secret_file(name)
        # Drawn anew if it is empty: earlier releases left it so when they were killed at the wrong moment.
        if not path.exists() or path.stat().st_size == 0:
            fresh = path.with_name(path.name + ".new")  # whole or not there
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32))
            fresh.replace(path)
        return path.read_text().strip()

    def secret_file(self, name: str) -> Path:
        """Where a secret lies."""
        return self.secrets / name

    def shared_keys(self) -> None:
        """Draw the keys that several services share, if they are not there yet."""
        for name in SHARED_KEYS:
            self.secret(name)

    def ports(self, names: Iterable[str]) -> dict[str, int]:
        """A port for each name: the one it has had since it was first asked for, else a free one."""
        kept = self.known_ports()
        wanted = list(names)
        for name in wanted:
            if name not in kept:
                kept[name] = _free_port(set(kept.values()))
        write_json(self._ports, kept)
        return {name: kept[name] for name in wanted}

    def known_ports(self) -> dict[str, int]:
        """The ports drawn so far, by name."""
        kept: dict[str, int] = json.loads(self._ports.read_text()) if self._ports.exists() else {}
        return kept

    def forget_ports(self) -> None:
        """Draw all ports anew at the next start."""
        self._ports.unlink(missing_ok=True)


def write_json(path: Path, content: object) -> None:
    """Replace a file in one step: a reader sees the old content or the new, never half."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(content, indent=1) + "\n")
    fresh.replace(path)


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def require_free(ports: dict[str, int]) -> None:
    """Check that nobody else listens.

    Raises:
        DeployError: a port is taken.
    """
    for name, port in ports.items():
        if not port_is_free(port):
            raise DeployError(
                f"Port {port}, which this data folder keeps for {name}, is taken by another process "
                f"(`ss -ltnp sport = :{port}` shows which). Stop that one, or run `maodiao up --new-ports`."
            )


def _free_port(taken: set[int]) -> int:
    for _ in range(200):
        port = random.choice(PORTS)  # noqa: S311 - spreading, not secrecy
        if port not in taken and port_is_free(port):
            return port
    raise DeployError(
        f"No free port was found between {PORTS.start} and {PORTS.stop}. Stop some servers and try again."
    )
