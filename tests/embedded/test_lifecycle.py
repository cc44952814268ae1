"""`maodiao up`, `status`, `down` as a person uses them, on servers of their own."""

import asyncio
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from deploy.commands import accounts
from deploy.embedded import platform
from deploy.embedded.folder import DataFolder, port_is_free
from deploy.embedded.platform import Options, Platform
from deploy.embedded.stack import running
from deploy.errors import DeployError
from deploy.init import Server
from deploy.kafka_admin import can_log_in, login
from deploy.processes.identity import Identity, is_alive, send
from deploy.processes.launch import records
from deploy.processes.orphans import orphans
from deploy.setup import PASSWORDS
from deploy.topology import ADMIN
from tests.embedded.waiting import until_within

pytestmark = pytest.mark.integration


until = partial(until_within, 90.0)


def maodiao(*arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "deploy.cli", *arguments, "--data", str(data)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=200)


class Up:
    """A `maodiao up` in the foreground, whose services are left out: what stands under test is the keeping."""

    def __init__(self, data: Path) -> None:
        self.folder = DataFolder(data)
        code = "from deploy.embedded import platform; platform.existing_services = lambda: []\n"
        code += "from deploy.cli import main\nmain()"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "up", "--data", str(data)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        until(lambda: self._ready() or self.process.poll() is not None)
        assert self.process.poll() is None, self.process.communicate()[0]

    def _ready(self) -> bool:
        holder = running(self.folder)
        return holder is not None and holder.pid == self.process.pid and self.folder.ready.exists()

    def identity(self, name: str) -> Identity:
        return next(r.identity for r in records(self.folder.run) if r.name == name)

    def end(self, signum: signal.Signals) -> str:
        self.process.send_signal(signum)
        return self.process.communicate(timeout=40)[0]


@pytest.fixture
def data() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="maodiao-test-"))
    yield folder
    maodiao("down", data=folder)  # whatever a failed test has left
    shutil.rmtree(folder)


def test_up_again_kill_and_down(data: Path) -> None:
    up = Up(data)
    servers = [up.identity("kafka"), up.identity("postgres")]
    shown = maodiao("status", data=data)
    assert shown.returncode == 0
    assert "kafka" in shown.stdout
    assert "postgres" in shown.stdout

    second = maodiao("up", data=data)
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert str(up.process.pid) in second.stderr
    assert "Traceback" not in second.stderr + second.stdout
    assert up.folder.ready.exists()  # the second left the first alone
    assert all(map(is_alive, servers))

    up.end(signal.SIGKILL)
    assert all(map(is_alive, servers))
    assert "has been killed" in maodiao("status", data=data).stdout
    down = maodiao("down", data=data)
    assert down.stdout == "Stopped: kafka, postgres.\n"
    assert not any(map(is_alive, servers))
    assert all(map(port_is_free, up.folder.known_ports().values()))
    assert maodiao("status", data=data).returncode == 1
    assert "Nothing runs" in maodiao("down", data=data).stdout


def test_up_after_a_kill_ends_the_orphans_and_keeps_what_is_alive(data: Path) -> None:
    first = Up(data)
    ports = first.folder.known_ports()
    left = [first.identity("kafka"), first.identity("postgres")]
    first.end(signal.SIGKILL)

    up = Up(data)
    assert not any(map(is_alive, left))
    assert up.folder.known_ports() == ports

    killed = up.identity("kafka")
    send(killed, signal.SIGKILL)
    kafka = login(f"127.0.0.1:{ports['kafka']}", "routing", up.folder.secret("routing"))
    until(lambda: up.identity("kafka") != killed and _listens(ports["kafka"]) and asyncio.run(can_log_in(kafka)))
    backend = up.identity("postgres")
    send(backend, signal.SIGKILL)
    until(lambda: up.identity("postgres") != backend and _listens(ports["postgres"]))

    servers = [up.identity("kafka"), up.identity("postgres")]
    said = up.end(signal.SIGTERM)
    assert up.process.returncode == 0
    assert "kafka ended (signal 9)" in said
    assert "ended what an earlier run had left: kafka, postgres" in said
    assert not any(map(is_alive, servers))
    assert records(up.folder.run) == []


def _heeds_ctrl_c() -> None:
    """A shell that runs the tests in the background hands an ignored SIGINT down."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("how", [[], ["--detach"]])
def test_a_signal_during_the_start_leaves_nothing(data: Path, how: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.cli", "up", *how, "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=_heeds_ctrl_c,
    )
    run = data / "run"
    until(lambda: run.exists() and any(r.name == "postgres" for r in records(run)))
    started = [r.identity for r in records(run)]
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=40)[0]
    left = [record.name for record in records(run) if is_alive(record.identity)]
    log = data / "logs" / "supervisor.log"
    assert not any(map(is_alive, started)), (left, process.returncode, said, log.read_text() if log.exists() else "")
    assert running(DataFolder(data)) is None
    assert (b"nothing is left running" in said) is bool(how)
    assert records(run) == []


async def _ask(folder: DataFolder, statement: str) -> object:
    server = Server("127.0.0.1", folder.known_ports()["postgres"])
    connection = await asyncpg.connect(server.dsn(ADMIN, "maodiao", folder.secret("postgres")))
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


def test_detached_it_shows_the_way_in_and_keeps_what_was_written(data: Path) -> None:
    folder = DataFolder(data)
    up = maodiao("up", "--detach", data=data)
    assert up.returncode == 0, up.stderr
    assert f"Open http://127.0.0.1:{folder.known_ports()['portal-1']}" in up.stdout
    passwords = accounts.load_passwords(folder.secrets / PASSWORDS)
    assert passwords["duty"] in up.stdout
    logs = {path.name: path.read_text(errors="replace") for path in folder.logs.iterdir()}
    assert {"supervisor.log", "kafka.log", "postgres.log", "portal-1.log"} <= logs.keys()
    secret = {*passwords.values(), *(path.read_text().strip() for path in folder.secrets.iterdir())}
    assert not [name for name, text in logs.items() if any(s in text for s in secret)]
    assert asyncio.run(_ask(folder, "CREATE TABLE kept AS SELECT 311 n")) is None

    started = [r.identity for r in records(folder.run)]
    assert maodiao("down", data=data).returncode == 0
    assert not any(map(is_alive, started))
    assert orphans(folder.run, ()) == []

    again = Up(data)
    assert asyncio.run(_ask(folder, "SELECT n FROM kept")) == 311
    started = [r.identity for r in records(folder.run)]
    again.end(signal.SIGINT)
    assert again.process.returncode == 0
    assert not any(map(is_alive, started))
    assert (records(folder.run), orphans(folder.run, ())) == ([], [])


def test_a_port_that_is_taken_is_said_in_a_sentence(data: Path) -> None:
    folder = DataFolder(data)
    folder.prepare()
    port = folder.ports(["kafka"])["kafka"]
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        done = maodiao("up", data=data)
        looked = maodiao("doctor", data=data)
    assert done.returncode == 1
    assert f"Port {port}" in done.stderr
    assert "--new-ports" in done.stderr
    assert "Traceback" not in done.stderr
    assert looked.returncode == 1
    assert str(port) in looked.stdout


def test_an_old_data_folder_is_refused_and_left_alone(data: Path) -> None:
    (data / "layout").write_text("0\n")
    done = maodiao("up", data=data)
    assert done.returncode == 1
    assert "layout 0" in done.stderr
    assert [p.name for p in data.iterdir()] == ["layout"]


def test_a_folder_of_somebody_elses_is_refused(data: Path) -> None:
    (data / "thesis.txt").write_text("mine")
    done = maodiao("up", data=data)
    assert done.returncode == 1
    assert "no data folder of Maodiao" in done.stderr


def test_a_failed_download_is_said_in_a_sentence(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:  # a port where nobody listens
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MAODIAO_MAVEN_REPOSITORY", f"http://127.0.0.1:{closed.getsockname()[1]}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done = maodiao("up", data=data)
    assert done.returncode == 1
    assert "could not be fetched" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "cache" / "maodiao").iterdir()) == []


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


TOY = """
import http.server, os
class Door(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
print("instance", os.environ["MAODIAO_INSTANCE"], flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["MAODIAO_HTTP_PORT"])), Door).serve_forever()
"""


def _toys(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """The services of this test: processes of our own code in their places."""
    real = platform.service_specs
    monkeypatch.setattr(platform, "existing_services", lambda: ["routing", "notify"])
    monkeypatch.setattr(
        platform,
        "service_specs",
        lambda names, wiring: [replace(s, argv=[sys.executable, "-c", code]) for s in real(names, wiring)],
    )


async def test_services_are_started_watched_and_stopped(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _toys(monkeypatch, TOY)
    said: list[str] = []
    async with Platform(Options(data=data, scale={"routing": 2}), said=said.append) as running_here:
        folder = running_here.stack.folder
        shown = await asyncio.to_thread(maodiao, "status", data=data)
        assert shown.stdout.count(" ready ") == 3
        killed = next(r.identity for r in records(folder.run) if r.name == "routing-2")
        send(killed, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while "routing-2 started again" not in said:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)
        await running_here.ready(["routing-2"])
        left = [r.identity for r in records(folder.run)]
        assert len(left) == 5
        assert running_here.url("routing") == f"http://127.0.0.1:{folder.known_ports()['routing-1']}"
    assert not any(map(is_alive, left))
    assert (folder.logs / "routing-2.log").read_text() == "instance routing-2\n" * 2


async def test_a_service_that_cannot_start_is_said_with_its_log(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _toys(monkeypatch, "raise SystemExit('the policy folder is missing')")
    with pytest.raises(DeployError, match=r"(?s)ended .* times at its start.*the policy folder is missing"):
        async with Platform(Options(data=data)):
            pytest.fail("it is not ready")
    assert records(data / "run") == []
    with pytest.raises(DeployError, match="no such service: rooting"):
        async with Platform(Options(data=data, scale={"rooting": 2})):
            pytest.fail("there is no such service")
