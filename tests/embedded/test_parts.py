"""The parts of the stack without its servers: locked jars, data folder, checks, what a service is told."""

import errno
import functools
import hashlib
import http.server
import os
import shutil
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy import checks
from deploy.embedded import database, jars
from deploy.embedded.broker import argument_file
from deploy.embedded.database import Database
from deploy.embedded.folder import PORTS, DataFolder
from deploy.errors import DeployError
from deploy.init import Server, scram_verifier
from deploy.service_specs import Wiring, instances, service_specs


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[jars.Jar, ...]]:
    """A Maven repository of two small jars on this machine, which the lock of this test names."""
    locked = []
    for artifact in ("one", "two"):
        jar = jars.Jar("org.example", artifact, "1.0", hashlib.sha256(artifact.encode()).hexdigest(), len(artifact))
        path = tmp_path / "repository" / "org" / "example" / artifact / "1.0" / jar.filename
        path.parent.mkdir(parents=True)
        path.write_text(artifact)
        locked.append(jar)
    handler = functools.partial(Quiet, directory=str(tmp_path / "repository"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("MAODIAO_MAVEN_REPOSITORY", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(jars, "locked", lambda: tuple(locked))
    yield tuple(locked)
    server.shutdown()
    server.server_close()


def test_jars_are_fetched_once_and_shared_by_data_folders(repository: tuple[jars.Jar, ...], tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    folder = jars.ensure(tmp_path / "a", lambda done, total: told.append((done, total)))
    assert sorted(p.name for p in folder.iterdir()) == ["one-1.0.jar", "two-1.0.jar"]
    assert told[0] == (0, 6)
    assert told[-1] == (6, 6)
    shutil.rmtree(tmp_path / "repository")
    assert jars.ensure(tmp_path / "b", lambda _done, _total: pytest.fail("fetched again")) == folder
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


def test_a_jar_of_another_content_is_refused_and_nothing_is_kept(
    repository: tuple[jars.Jar, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = (repository[0], replace(repository[1], sha256="0" * 64))
    monkeypatch.setattr(jars, "locked", lambda: wrong)
    with pytest.raises(DeployError, match=r"two-1\.0\.jar came with another content"):
        jars.ensure(tmp_path / "a", lambda _done, _total: None)
    assert list((tmp_path / "cache" / "maodiao").iterdir()) == []


def test_a_download_can_be_broken_off(repository: tuple[jars.Jar, ...], tmp_path: Path) -> None:
    def stop(done: int, _total: int) -> None:
        if done:
            raise DeployError("broken off")

    with pytest.raises(DeployError, match="broken off"):
        jars.ensure(tmp_path / "a", stop)
    assert list((tmp_path / "cache" / "maodiao").iterdir()) == []


@pytest.mark.parametrize("step", ["tempfile.TemporaryDirectory", "deploy.embedded.jars._move_into_place"])
@pytest.mark.usefixtures("repository")
def test_a_disk_that_takes_no_jars_is_said_in_a_sentence(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(step, full)
    with pytest.raises(DeployError, match=r"cannot be kept in .*cache/maodiao \(No space left .*XDG_CACHE_HOME"):
        jars.ensure(tmp_path / "a", lambda _done, _total: None)


def test_half_a_folder_of_jars_is_made_whole(repository: tuple[jars.Jar, ...], tmp_path: Path) -> None:
    folder = jars.ensure(tmp_path / "a", lambda _done, _total: None)
    (folder / "one-1.0.jar").write_text("o")
    assert not jars.present(folder)
    jars.ensure(tmp_path / "a", lambda _done, _total: None)
    assert jars.present(folder)


def test_the_lock_names_kafka_and_no_host() -> None:
    locked = jars.locked()
    assert f"kafka-clients-{jars.KAFKA_VERSION}.jar" in {j.filename for j in locked}
    assert not [j for j in locked if j.artifact == "log4j-slf4j-impl"]
    assert len({j.filename for j in locked}) == len(locked)
    assert "://" not in Path(jars.__file__).with_name("kafka.lock").read_text()


def test_ports_and_secrets_are_drawn_once(tmp_path: Path) -> None:
    first, again = DataFolder(tmp_path / "d"), DataFolder(tmp_path / "d")
    first.prepare()
    ports = first.ports(["kafka", "postgres"])
    assert len(set(ports.values())) == 2
    assert all(port in PORTS for port in ports.values())
    assert again.ports(["intake-1", "postgres"])["postgres"] == ports["postgres"]
    assert again.secret("admin") == first.secret("admin")
    assert again.secret("admin") != again.secret("broker")
    assert stat.S_IMODE(first.secret_file("admin").stat().st_mode) == 0o600


def test_a_secret_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = DataFolder(tmp_path / "d")
    folder.prepare()

    def killed(_size: int) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("secrets.token_urlsafe", killed)
        folder.secret("admin")
    assert not folder.secret_file("admin").exists()
    folder.secret_file("admin").touch()  # as earlier releases left it
    drawn = folder.secret("admin")
    assert len(drawn) > 40
    assert folder.secret("admin") == drawn
    assert [(p.name, stat.S_IMODE(p.stat().st_mode)) for p in folder.secrets.iterdir()] == [("admin", 0o600)]


def test_a_data_folder_below_a_file_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeployError, match="Choose another with --data"):
        DataFolder(tmp_path / "file" / "d").prepare()


@pytest.mark.parametrize(
    ("mib", "level"),
    [(800, checks.Level.FAIL), (1199, checks.Level.FAIL), (1200, checks.Level.NOTE), (2500, checks.Level.OK)],
)
def test_memory_is_judged_with_advice(mib: int, level: checks.Level) -> None:
    finding = checks.memory(mib * checks.MIB)
    assert finding.level is level
    assert bool(finding.advice) is (level is not checks.Level.OK)


@pytest.mark.parametrize(
    ("group", "mib"),
    [
        ({}, 4000),
        ({"memory.max": "max", "memory.current": str(900 * checks.MIB)}, 4000),
        ({"memory.max": str(2000 * checks.MIB), "memory.current": str(900 * checks.MIB)}, 1100),
        (
            {
                "memory.max": str(2000 * checks.MIB),
                "memory.current": str(1900 * checks.MIB),
                "memory.stat": f"anon 7\nactive_file 5\ninactive_file {1500 * checks.MIB}\n",
            },
            1600,
        ),
        ({"memory.max": str(9000 * checks.MIB), "memory.current": "0"}, 4000),
    ],
)
def test_free_memory_is_the_containers_if_that_is_less(group: dict[str, str], mib: int, tmp_path: Path) -> None:
    (tmp_path / "meminfo").write_text(f"MemTotal:  9 kB\nMemAvailable:    {4000 * 1024} kB\nHugePages_Total:   0\n")
    for name, text in group.items():
        (tmp_path / name).write_text(f"{text}\n")
    assert checks.available_memory(tmp_path / "meminfo", tmp_path) == mib * checks.MIB


def test_a_full_disk_fails_with_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=100 * checks.MIB))
    finding = checks.disk(DataFolder(tmp_path / "not" / "there"))
    assert finding.level is checks.Level.FAIL
    assert "--data" in finding.advice


def test_javas_argument_file_quotes(tmp_path: Path) -> None:
    assert argument_file(["-cp", '/a b/"c"\\d/*']) == '"-cp"\n"/a b/\\"c\\"\\\\d/*"\n'


def test_a_verifier_is_the_one_postgresql_would_make() -> None:
    """RFC 7677's example of SCRAM-SHA-256 (user `user`, password `pencil`): its server signature rests on this key."""
    salt = bytes.fromhex("5b6d99689d12358e eca04b141236fa81".replace(" ", ""))
    made = scram_verifier("pencil", salt)
    assert made.startswith("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$")
    assert made.endswith(":wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")


def test_a_service_is_told_files_not_secrets(tmp_path: Path) -> None:
    names = instances(["intake", "routing"], {"routing": 2})
    assert names == ["intake-1", "routing-1", "routing-2"]
    wiring = Wiring(
        bootstrap="127.0.0.1:1",
        server=Server("127.0.0.1", 2),
        database="maodiao",
        secrets=tmp_path / "secrets",
        policy=tmp_path / "policy",
        ports={"intake-1": 10, "routing-1": 11, "routing-2": 12},
        systems=("demo311",),
        repository=tmp_path,
        environment={"PATH": "/bin", "AWS_SECRET": "x", "MAODIAO_LOG_LEVEL": "debug", "MAODIAO_HTTP_PORT": "1"},
        extra={"routing": {"MAODIAO_ROLES": "worker"}},
    )
    intake, _, second = service_specs(names, wiring)
    assert list(second.argv) == [sys.executable, "-m", "services.routing"]
    assert second.health_url == "http://127.0.0.1:12/readyz"
    assert dict(second.env) == {
        "PATH": "/bin",
        "PYTHONUNBUFFERED": "1",
        "MAODIAO_TRANSPORT": "faust",
        "MAODIAO_LOG_LEVEL": "debug",
        "MAODIAO_INTAKE_URL": "http://127.0.0.1:10",
        "MAODIAO_ROUTING_URL": "http://127.0.0.1:11",
        "MAODIAO_KAFKA": "127.0.0.1:1",
        "MAODIAO_KAFKA_USER": "routing",
        "MAODIAO_KAFKA_PASSWORD_FILE": str(tmp_path / "secrets" / "routing"),
        "MAODIAO_DSN": "postgresql://routing@127.0.0.1:2/maodiao",
        "MAODIAO_DSN_PASSWORD_FILE": str(tmp_path / "secrets" / "postgres-routing"),
        "MAODIAO_SECRETS_DIR": str(tmp_path / "secrets"),
        "MAODIAO_HTTP_HOST": "127.0.0.1",
        "MAODIAO_HTTP_PORT": "12",
        "MAODIAO_POLICY_DIR": str(tmp_path / "policy"),
        "MAODIAO_INSTANCE": "routing-2",
        "MAODIAO_SYSTEMS": "demo311",
        "MAODIAO_ROLES": "worker",
    }
    assert "MAODIAO_TRANSPORT" not in intake.env
    with pytest.raises(ValueError, match="no such service: rooting"):
        instances(["routing"], {"rooting": 2})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand PostgreSQL to another user")
def test_root_with_everything_in_a_closed_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment and data folder where the other user cannot get: binaries are copied, the cluster lies outside."""
    closed = Path(tempfile.mkdtemp(prefix="maodiao-test-"))  # mode 700
    place = Path(tempfile.mkdtemp(prefix="maodiao-test-"))
    try:
        packaged = database._packaged()
        for folder_of_wheel in (packaged.parent, packaged.parent.with_name(f"{packaged.parent.name}.libs")):
            shutil.copytree(folder_of_wheel, closed / folder_of_wheel.name)
        monkeypatch.setattr(database, "_packaged", lambda: closed / packaged.parent.name / packaged.name)
        monkeypatch.setattr(database, "ROOTS_PLACE", place)
        folder = DataFolder(closed / "project" / "data")
        folder.prepare()
        made = Database(folder, 1, shared_buffers="16MB")
        made.prepare()
        assert made.data.is_relative_to(place)
        assert (folder.postgres / "data" / "PG_VERSION").read_text().strip() == database.VERSION
        assert made.data.stat().st_uid != 0
        assert Path(made.spec().argv[0]).is_relative_to(place)
        Database(folder, 1, shared_buffers="16MB").prepare()  # a second start uses both
        shutil.rmtree(folder.root)
        folder.prepare()
        anew = Database(folder, 1, shared_buffers="16MB")
        assert not anew.data.exists()  # the deleted folder's cluster has another password
    finally:
        shutil.rmtree(closed)
        shutil.rmtree(place)
