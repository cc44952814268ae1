"""Finds Chromium, or installs it on Debian as root, or says what to install."""

import os
import subprocess
import sys
from pathlib import Path

from deploy.checks import BROWSER_SETTING, browser

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


def find_or_install() -> str:
    """Path of a browser; on Debian and Ubuntu as root it is installed if there is none.

    Raises:
        NoChromiumError: there is none and it can't be installed.
    """
    found = browser()
    named = os.environ.get(BROWSER_SETTING)
    if found is None and not named and os.geteuid() == 0 and Path("/etc/debian_version").exists():
        _install()
        found = browser()
    if found is None:
        raise NoChromiumError(
            "No Chromium was found. Debian or Ubuntu: apt-get install chromium fonts-noto-cjk; Fedora: dnf install "
            "chromium google-noto-sans-cjk-fonts; elsewhere install Chromium or Chrome, or name a program "
            f"that is there in {BROWSER_SETTING}."
        )
    return found


def _install() -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", *PACKAGES]):
        said = " ".join(command)
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=INSTALL_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise NoChromiumError(f"{said} failed ({error}). Install Chromium by hand.") from error
        if done.returncode != 0:
            raise NoChromiumError(f"{said} failed:\n{done.stderr[-2000:]}\nInstall Chromium by hand.")


def main() -> None:
    """Print the path of a browser, or end with the sentence that says what to do."""
    try:
        print(find_or_install())
    except NoChromiumError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
