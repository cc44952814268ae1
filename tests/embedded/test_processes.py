"""Processes: telling ours from others, ending them for certain, starting again those that die."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.embedded.stack import EmbeddedStack
from deploy.errors import DeployError
from deploy.processes import locks
from deploy.processes.identity import Identity, identify, is_alive, is_frozen, parse_stat, send
from deploy.processes.launch import ServiceSpec, launch, lock_file, pid_file, records, stop, stop_child
from deploy.processes.orphans import end_orphans, orphans
from deploy.processes.supervisor import PAUSE_MAX, STEADY_SECONDS, Supervisor, failures_in_a_row, pause
from tests.embedded.waiting import until_within

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def sleeper(name: str = "worker-1", *, deaf: bool = False, seconds: float = 5.0) -> ServiceSpec:
    ignore = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " if deaf else ""
    code = f"{ignore}import time; print('up', flush=True); time.sleep(60)"
    return ServiceSpec(name, [sys.executable, "-c", code], ENVIRONMENT, stop_seconds=seconds)


until = partial(until_within, 10.0)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    """A folder of pid files; what a test leaves running is killed."""
    folder = tmp_path / "run"
    folder.mkdir()
    yield folder
    for record in records(folder):
        send(record.identity, signal.SIGKILL)


def logged(run: Path, name: str = "worker-1") -> bool:
    return "up" in (run.parent / f"{name}.log").read_text()


@given(st.text(alphabet="ab ()\n)"), st.integers(0, 2**40), st.integers(1, 2**22))
def test_a_start_time_is_read_whatever_the_command_is_called(command: str, ticks: int, parent: int) -> None:
    fields = ["S", str(parent), *["0"] * 17, str(ticks), *["7"] * 30]
    stat = parse_stat(f"42 ({command}) {' '.join(fields)}\n")
    assert (stat.state, stat.parent, stat.start_ticks) == ("S", parent, ticks)


def test_a_pid_used_again_is_another_process() -> None:
    me = identify(os.getpid())
    assert me is not None
    assert is_alive(me)
    assert not is_alive(Identity(me.pid, me.start_ticks - 1, me.boot_id))
    assert not is_alive(Identity(me.pid, me.start_ticks, "another boot"))
    assert not send(Identity(me.pid, me.start_ticks + 1, me.boot_id), signal.SIGKILL)


def test_a_zombie_does_not_count_as_running() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    found = identify(child.pid)
    assert found is not None
    child.kill()
    until(lambda: not is_alive(found))  # nobody has waited for it yet
    assert child.wait() == -signal.SIGKILL
    assert not send(found, signal.SIGTERM)


def test_a_process_holds_its_lock_and_stands_in_its_pid_file(run: Path) -> None:
    child = launch(sleeper(), run, run.parent)
    assert [r.identity for r in records(run)] == [child.identity]
    assert locks.is_held(lock_file(run, "worker-1"))
    assert locks.holders(lock_file(run, "worker-1")) == [child.identity.pid]
    child.process.kill()
    child.process.wait()
    assert not locks.is_held(lock_file(run, "worker-1"))


def test_a_look_at_a_lock_is_no_holding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = EmbeddedStack(tmp_path)
    stack.folder.prepare()
    looking = locks.acquire(stack.folder.lock, shared=True)  # a `status` in the middle of its look
    assert looking is not None
    assert not locks.is_held(stack.folder.lock)
    monkeypatch.setattr(time, "sleep", lambda _seconds: os.close(looking))  # it ends while `up` waits
    stack._take()
    assert stack.owned
    assert locks.is_held(stack.folder.lock)
    stack._release()
    assert not locks.is_held(stack.folder.lock)


def test_a_second_of_the_same_name_is_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "acquire_within", lambda path, _seconds: locks.acquire(path))
    launch(sleeper(), run, run.parent)
    with pytest.raises(DeployError, match="already runs"):
        launch(sleeper(), run, run.parent)


async def test_a_deaf_process_is_killed(run: Path) -> None:
    child = launch(sleeper(deaf=True, seconds=0.3), run, run.parent)
    until(lambda: logged(run))
    assert await stop_child(child, run) is False
    assert not is_alive(child.identity)
    assert not pid_file(run, "worker-1").exists()


async def test_a_process_that_listens_ends_by_itself(run: Path) -> None:
    child = launch(sleeper(), run, run.parent)
    assert await stop_child(child, run) is True


async def test_a_frozen_process_is_ended_too(run: Path) -> None:
    child = launch(sleeper(seconds=0.3), run, run.parent)
    send(child.identity, signal.SIGSTOP)
    until(lambda: is_frozen(child.identity))
    await stop(child.identity, signal.SIGTERM, 0.3)
    assert not is_alive(child.identity)


@pytest.mark.parametrize("noted", [True, False])
async def test_orphans_are_found_by_pid_file_or_by_lock(run: Path, noted: bool) -> None:
    child = launch(sleeper(), run, run.parent)
    if not noted:  # the supervisor was killed between starting it and noting it
        pid_file(run, "worker-1").unlink()
    assert [r.identity for r in orphans(run, ())] == [child.identity]
    assert [r.name for r in await end_orphans(run, ())] == ["worker-1"]
    assert not is_alive(child.identity)
    assert records(run) == []
    child.process.wait()


async def test_a_pid_file_of_an_ended_process_harms_nobody(run: Path) -> None:
    child = launch(sleeper(), run, run.parent)
    child.process.kill()
    child.process.wait()
    assert orphans(run, ()) == []
    assert await end_orphans(run, ()) == []
    assert records(run) == []


def test_what_dies_is_started_again_and_counted(run: Path) -> None:
    said: list[str] = []
    children = {"worker-1": launch(sleeper(), run, run.parent)}
    supervisor = Supervisor(children, run, run.parent, said.append)
    first = children["worker-1"]
    first.process.kill()
    until(lambda: not first.alive())
    supervisor.look(first.started)
    assert children["worker-1"] is first  # its pause first
    supervisor.look(first.started + pause(1) - 0.01)
    assert children["worker-1"] is first
    supervisor.look(first.started + pause(1) + 0.01)
    second = children["worker-1"]
    assert second.identity != first.identity
    assert (second.restarts, second.alive()) == (1, True)
    assert records(run)[0].restarts == 1
    assert said == ["worker-1 ended (signal 9); starting it again in 0.5 s", "worker-1 started again"]


def test_a_frozen_process_is_left_alone(run: Path) -> None:
    children = {"worker-1": launch(sleeper(), run, run.parent)}
    supervisor = Supervisor(children, run, run.parent, lambda _: None)
    child = children["worker-1"]
    send(child.identity, signal.SIGSTOP)
    until(lambda: is_frozen(child.identity))
    supervisor.look(child.started + 1000)
    assert children["worker-1"] is child


@given(st.integers(0, 1000), st.floats(0, 1000))
def test_pauses_grow_to_a_bound_and_a_long_life_forgives(failures: int, lived: float) -> None:
    assert 0 < pause(failures) <= pause(failures + 1) <= PAUSE_MAX
    assert failures_in_a_row(failures, lived) == (0 if lived >= STEADY_SECONDS else failures + 1)
