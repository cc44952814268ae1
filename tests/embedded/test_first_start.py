"""The first start, broken off: whatever it leaves, the next one finds helpers that still run and makes all anew."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from shutil import rmtree

import pytest

from deploy.embedded import broker
from deploy.embedded.broker import Broker
from deploy.embedded.database import VERSION, Database
from deploy.embedded.folder import DataFolder
from deploy.errors import DeployError
from deploy.processes.identity import is_alive
from deploy.processes.orphans import end_orphans, orphans
from tests.embedded.waiting import until_within

INITDB = """
from pathlib import Path
from deploy.embedded.database import Database
from deploy.embedded.folder import DataFolder
Database._reachable_binaries = lambda _: Path({slow!r})
Database(DataFolder(Path({data!r})), 1, shared_buffers="16MB").prepare()
"""
FORMAT = """
from pathlib import Path
from deploy.embedded import broker
from deploy.embedded.folder import DataFolder
broker.java = lambda: Path({slow!r}) / "bin" / "java"
broker.Broker(DataFolder(Path({data!r})), Path("jars"), 1, 2).prepare()
"""


until = partial(until_within, 30.0)


@pytest.fixture
def folder() -> Iterator[DataFolder]:
    """A data folder that PostgreSQL's user can reach when root runs the tests."""
    place = Path(tempfile.mkdtemp(prefix="maodiao-test-"))
    place.chmod(0o755)
    made = DataFolder(place / "data")
    made.prepare()
    yield made
    rmtree(place)


def broken_off(folder: DataFolder, helper: str, code: str, begun: Path) -> None:
    """Kill a first start in the middle of a helper, which has begun its work and goes on for a minute."""
    slow = folder.root.parent / "slow"
    program = slow / "bin" / helper
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\nmkdir -p {begun.parent}\necho {VERSION} > {begun}\nexec sleep 60\n")
    program.chmod(0o755)
    start = subprocess.Popen([sys.executable, "-c", code.format(slow=str(slow), data=str(folder.root))])
    until(lambda: begun.exists() or start.poll() is not None)
    start.kill()
    start.wait()


async def test_initdb_that_was_broken_off_is_ended_and_begun_again(folder: DataFolder) -> None:
    place = folder.postgres
    broken_off(folder, "initdb", INITDB, place / "data.new" / "PG_VERSION")
    assert (place / "password").exists()
    left = orphans(folder.run, ())
    assert [r.name for r in left] == ["initdb"]
    await end_orphans(folder.run, ())
    assert not any(is_alive(r.identity) for r in left)

    made = Database(folder, 1, shared_buffers="16MB")
    made.prepare()
    assert [p.name for p in place.iterdir()] == ["data"]
    assert len(list((made.data / "base").iterdir())) == 3  # template0, template1, postgres: initdb's last work


async def test_kafkas_format_that_was_broken_off_is_ended_and_leaves_no_password(
    folder: DataFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_off(folder, "java", FORMAT, folder.kafka / "data" / "bootstrap.checkpoint")
    assert (folder.kafka / "format.args").exists()
    assert [r.name for r in await end_orphans(folder.run, ())] == ["kafka-format"]
    assert orphans(folder.run, ()) == []
    formatted: list[bool] = []
    monkeypatch.setattr(broker.Broker, "_format", lambda self: formatted.append(self._format_args.exists()))
    Broker(folder, Path("jars"), 1, 2).prepare()
    assert formatted == [False]


def test_initdb_that_fails_leaves_nothing(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder.root.parent / "bin" / "initdb"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho no room >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(Database, "_reachable_binaries", lambda _: folder.root.parent)
    with pytest.raises(DeployError, match="no room"):
        Database(folder, 1, shared_buffers="16MB").prepare()
    assert list(folder.postgres.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "sentence"), [("PG_VERSION", r"made by PostgreSQL 17; this release runs 18.*--data"), ("base", "backup")]
)
def test_a_cluster_that_this_release_cannot_run_is_refused_and_left_alone(
    folder: DataFolder, file: str, sentence: str
) -> None:
    cluster = folder.postgres / "data"
    cluster.mkdir(parents=True)
    (cluster / file).write_text("17\n")
    with pytest.raises(DeployError, match=sentence):
        Database(folder, 1, shared_buffers="16MB").prepare()
    assert [(p.name, p.read_text()) for p in cluster.iterdir()] == [(file, "17\n")]
