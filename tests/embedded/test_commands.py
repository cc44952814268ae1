"""Commands before anything starts: what they demand of the machine, and what they say."""

import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deploy import checks, cli
from deploy.commands import demo, lifecycle
from deploy.embedded import jars
from deploy.errors import DeployError


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that gets as far as starting servers fails its test."""

    def started(*_: object) -> None:
        pytest.fail("it started")

    monkeypatch.setattr(demo, "perform", started)
    monkeypatch.setattr(lifecycle, "_run", started)


def test_the_help_of_up_names_what_a_closed_network_needs() -> None:
    told = CliRunner().invoke(cli.build(), ["up", "--help"]).output
    assert jars.REPOSITORY_SETTING in told
    assert "--unseen" not in told


@pytest.mark.usefixtures("nothing_starts")
def test_up_and_demo_refuse_a_machine_with_too_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    low = checks.memory(100 * checks.MIB)
    monkeypatch.setattr(checks, "memory", lambda _available: low)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(DeployError, match="100 MiB of memory are free"):
        lifecycle.up(data=tmp_path / "district")
    with pytest.raises(DeployError, match="100 MiB of memory are free"):
        demo.demo(data=tmp_path / "district")
    with pytest.raises(DeployError, match="100 MiB of memory are free"):
        demo.demo()
    assert list(tmp_path.iterdir()) == []  # neither a data folder nor a temporary one


class Deaf:
    """A child that hears no signal."""

    def terminate(self) -> None:
        pass

    def wait(self, seconds: float) -> None:
        raise subprocess.TimeoutExpired("maodiao", seconds)


def test_a_detached_start_that_does_not_end_is_left_to_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ctrl_c(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(checks, "demand", lambda _folder: None)
    monkeypatch.setattr(jars, "ensure", lambda *_: None)
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: Deaf())
    monkeypatch.setattr(lifecycle, "_await_ready", ctrl_c)
    with pytest.raises(DeployError, match=f"maodiao down --data {tmp_path / 'd'}"):
        lifecycle.up(data=tmp_path / "d", detach=True)
