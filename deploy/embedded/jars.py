"""Apache Kafka's jars: fetched once per user by jgo, checked against kafka.lock, shared by every data folder."""

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from deploy.errors import DeployError

KAFKA_VERSION: Final = "4.3.1"
WORKERS: Final = 6
REPOSITORY_SETTING: Final = "MAODIAO_MAVEN_REPOSITORY"

Progress = Callable[[int, int], None]
"""Told (bytes so far, bytes in all) while the jars come in."""


@dataclass(frozen=True, slots=True)
class Jar:
    """One locked artefact; `size` is in bytes."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def filename(self) -> str:
        """The jar's file name, the same in every Maven repository."""
        return f"{self.artifact}-{self.version}.jar"


def parse_lock(text: str) -> tuple[Jar, ...]:
    """Read the lines of kafka.lock: `group:artifact:version sha256:HEX SIZE`."""
    jars = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            coordinate, digest, size = line.split()
            group, artifact, version = coordinate.split(":")
            jars.append(Jar(group, artifact, version, digest.removeprefix("sha256:"), int(size)))
    return tuple(jars)


def locked() -> tuple[Jar, ...]:
    """The jars that this release runs on."""
    return parse_lock(resources.files("deploy.embedded").joinpath("kafka.lock").read_text())


def cache_root(fallback: Path) -> Path:
    """The user's cache (XDG_CACHE_HOME, else ~/.cache), or `fallback` where that cannot be written."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path("~/.cache").expanduser())
    root = Path(home) / "maodiao"
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError:
        return fallback
    return root if os.access(root, os.W_OK) else fallback


def jar_folder(fallback: Path) -> Path:
    """Where the jars lie or will lie; a changed lock gets a folder of its own."""
    digest = hashlib.sha256("".join(j.sha256 for j in locked()).encode()).hexdigest()[:12]
    return cache_root(fallback) / f"kafka-{KAFKA_VERSION}-{digest}"


def present(folder: Path) -> bool:
    """Whether every locked jar is in the folder, at its full size. Hashes are checked when they are fetched."""
    return all((path := folder / j.filename).is_file() and path.stat().st_size == j.size for j in locked())


def ensure(fallback: Path, progress: Progress) -> Path:
    """The folder with all jars, fetched if they are not there yet.

    Args:
        fallback: a folder to keep them in if the user's cache cannot be written.
        progress: told how many bytes of how many have come.

    Raises:
        DeployError: the download failed, a jar is not the one that was locked, or the disk takes none.
    """
    folder = jar_folder(fallback)
    if present(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="kafka-", dir=folder.parent) as staging:
            complete = Path(staging) / "jars"
            complete.mkdir()
            _fetch_all(Path(staging) / "repository", complete, progress)
            _move_into_place(complete, folder)
    except OSError as error:
        raise DeployError(
            f"Kafka's jars cannot be kept in {folder.parent} ({error.strerror or error}). Make room on that disk and "
            f"let it be written, or name another place in XDG_CACHE_HOME."
        ) from error
    return folder


def _move_into_place(complete: Path, folder: Path) -> None:
    """Whole or not at all, also beside another process that does the same."""
    if folder.exists() and not present(folder):
        shutil.rmtree(folder)
    try:
        complete.rename(folder)
    except OSError:
        if not present(folder):
            raise


def _each(fetch: Callable[[Jar], None], jars: tuple[Jar, ...]) -> None:
    pool = ThreadPoolExecutor(WORKERS)
    try:
        for done in as_completed([pool.submit(fetch, jar) for jar in jars]):
            done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _fetch_all(repository: Path, into: Path, progress: Progress) -> None:
    # Imported here: jgo comes with the extra `embedded`, which a container does not install.
    import requests
    from jgo.maven import MavenContext
    from jgo.maven._resolver import PythonResolver

    jars = locked()
    total, done = sum(j.size for j in jars), 0

    def count(size: int) -> None:
        nonlocal done
        done += size
        progress(min(done, total), total)

    @contextmanager
    def counted(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield count

    logging.getLogger("jgo").setLevel(logging.ERROR)
    mirror = os.environ.get(REPOSITORY_SETTING)
    context = MavenContext(
        resolver=PythonResolver(progress_callback=counted),
        repo_cache=repository,
        local_repos=[],
        remote_repos={"mirror": mirror} if mirror else None,
        timeout=30,
    )

    def fetch(jar: Jar) -> None:
        artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
        path = artifact.resolve()
        if hashlib.sha256(path.read_bytes()).hexdigest() != jar.sha256:
            raise DeployError(
                f"{jar.filename} came with another content than the locked one. Something between here and the Maven "
                f"repository changes files; try another network, or name a mirror in {REPOSITORY_SETTING}."
            )
        path.rename(into / jar.filename)

    progress(0, total)
    try:
        _each(fetch, jars)
    except (requests.RequestException, RuntimeError, OSError) as error:
        raise DeployError(
            f"Kafka's jars could not be fetched ({type(error).__name__}: {str(error)[:200]}). Check the network and "
            f"the disk and start again; behind a mirror of Maven Central, name it in {REPOSITORY_SETTING}."
        ) from error
