"""Finding a browser for the page tests: one list for `doctor` and the tests, and a sentence where there is none."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy import checks
from tests.browser import chromium


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a browser, whose user is not root."""
    monkeypatch.delenv(checks.BROWSER_SETTING, raising=False)
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


@pytest.mark.parametrize("name", ["chromium", "chrome", "microsoft-edge-stable"])
def test_doctor_knows_the_browsers_of_the_tests(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda asked: f"/bin/{name}" if asked == name else None)
    assert chromium.find_or_install() == f"/bin/{name}"
    found = checks._browser()
    assert (found.level, found.what) == (checks.Level.OK, f"browser for the page tests: /bin/{name}")


def test_a_browser_that_is_named_goes_before_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda asked: asked if asked != "/no/such" else None)
    monkeypatch.setenv(checks.BROWSER_SETTING, "/opt/mine")
    assert chromium.find_or_install() == "/opt/mine"
    monkeypatch.setenv(checks.BROWSER_SETTING, "/no/such")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "MAODIAO_CHROMIUM names /no/such" in checks._browser().what
    with pytest.raises(chromium.NoChromiumError, match="No Chromium was found"):  # nothing is installed instead of it
        chromium.find_or_install()


def test_without_a_browser_both_say_what_to_do() -> None:
    assert checks._browser().level is checks.Level.NOTE
    with pytest.raises(SystemExit, match=r"No Chromium was found.*MAODIAO_CHROMIUM"):
        chromium.main()


@pytest.mark.parametrize("error", [FileNotFoundError("apt-get"), subprocess.TimeoutExpired("apt-get", 600)])
def test_an_installation_that_fails_ends_with_a_sentence(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(Path, "exists", lambda _path: True)
    monkeypatch.setattr(subprocess, "run", fails)
    with pytest.raises(SystemExit, match=r"apt-get update failed .*by hand"):
        chromium.main()
