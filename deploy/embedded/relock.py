"""Make kafka.lock again: `python -m deploy.embedded.relock`, after a change of the coordinates below.

jgo resolves what Kafka needs; the lock keeps coordinates, hashes and sizes, and no host.
"""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final

from deploy.embedded.jars import KAFKA_VERSION

COORDINATES: Final = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    f"org.apache.kafka:kafka-tools:{KAFKA_VERSION}",
    "org.slf4j:slf4j-simple:1.7.36",  # without it the broker logs nothing
)
FORBIDDEN: Final = "log4j-slf4j-impl"
"""Silently swaps in older clients."""

LOCK: Final = Path(__file__).with_name("kafka.lock")


def main() -> None:
    """Resolve, check, and replace the lock."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "jgo.toml").write_text(
            f'[environment]\nname = "kafka"\n[dependencies]\ncoordinates = {list(COORDINATES)}\n'
            '[settings]\ncache_dir = ".jgo"\n'
        )
        subprocess.run([sys.executable, "-m", "jgo", "sync"], cwd=folder, check=True)
        LOCK.write_text(_lock_text(folder / ".jgo"))


def _lock_text(folder: Path) -> str:
    sizes = {path.name: path.stat().st_size for path in folder.rglob("*.jar")}
    lines = []
    for entry in tomllib.loads((folder / "jgo.lock.toml").read_text())["dependencies"]:
        group, artifact, version = entry["groupId"], entry["artifactId"], entry["version"]
        if artifact == FORBIDDEN:
            raise SystemExit(f"{FORBIDDEN} came in; exclude what brings it")
        size = sizes[f"{artifact}-{version}.jar"]
        lines.append(f"{group}:{artifact}:{version} sha256:{entry['sha256']} {size}")
    head = [line for line in LOCK.read_text().splitlines() if line.startswith("#")]
    return "\n".join([*head, *sorted(lines)]) + "\n"


if __name__ == "__main__":
    main()
