"""Finds Chromium, or installs it on Debian as root, or says what to install."""

import os
import shutil
import subprocess
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome", "microsoft-edge-stable")
PACKAGES = ("chromium", "fonts-noto-cjk")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Without these Chromium refuses to run as root, or talks to the world by itself."""
INSTALL_S = 600


class NoChromiumError(Exception):
    """There is no Chromium; the sentence says what to do."""


def find() -> str | None:
    """Path of a browser: of MAODIAO_CHROMIUM, else the first of the known names."""
    named = os.environ.get("MAODIAO_CHROMIUM")
    if named:
        return named
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def find_or_install() -> str:
    """Path of a browser; on Debian and Ubuntu as root it is installed if there is none.

    Raises:
        NoChromiumError: there is none and it can't be installed.
    """
    found = find()
    if found is None and os.geteuid() == 0 and Path("/etc/debian_version").exists():
        _install()
        found = find()
    if found is None:
        raise NoChromiumError(
            "No Chromium was found. Debian or Ubuntu: apt-get install chromium fonts-noto-cjk; Fedora: dnf install "
            "chromium google-noto-sans-cjk-fonts; elsewhere install Chromium or Chrome, or name it in MAODIAO_CHROMIUM."
        )
    return found


def _install() -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        if done.returncode != 0:
            raise NoChromiumError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    print(find_or_install())
