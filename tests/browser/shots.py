"""Takes a picture of each page: `python -m tests.browser.shots http://127.0.0.1:8080 [name …]`.

The portal there is the one of `python -m tests.portal.serve 8080`. Pictures go to tests/browser/shots/.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.chromium import ARGUMENTS, find_or_install
from tests.portal.fakes import PASSWORD
from tests.portal.town import CASE_VENDOR, CASE_WHISTLE

FOLDER = Path(__file__).parent / "shots"
DESK, LOW, PHONE, WALL = (1440, 900), (1366, 680), (390, 844), (1920, 1080)
SIZES = {"desk": DESK, "low": LOW, "phone": PHONE, "wall": WALL}


@dataclass(frozen=True)
class Shot:
    """One page at one or more sizes, as one account (empty: nobody)."""

    name: str
    path: str
    login: str
    sizes: tuple[str, ...]


SHOTS = (
    Shot("sign-in", "/sign-in", "", ("desk", "phone")),
    Shot("duty", f"/duty?f=open&chosen={CASE_VENDOR}", "duty", ("desk", "low", "phone")),
    Shot("duty-confirm", f"/duty?f=whistle&chosen={'c' * 32}", "duty", ("desk",)),
    Shot("register", "/register", "window", ("desk", "low", "phone")),
    Shot("case", f"/cases/{CASE_WHISTLE}", "leader", ("desk", "low", "phone")),
    Shot("case-vendor", f"/cases/{CASE_VENDOR}", "duty", ("desk",)),
    Shot("case-held", f"/cases/{'f' * 32}?open=dispatch", "duty", ("desk",)),
    Shot("cases", "/cases", "duty", ("desk", "low")),
    Shot("receipt", f"/cases/{CASE_VENDOR}/receipt", "window", ("desk",)),
    Shot("whistle", "/w/good", "", ("phone",)),
    Shot("whistle-gone", "/w/old", "", ("phone",)),
    Shot("report", "/report", "grid", ("phone",)),
    Shot("reported", "/reported", "grid", ("phone",)),
    Shot("screen", "/screen", "leader", ("wall", "desk", "low")),
    Shot("lag", "/lag", "ops", ("desk", "low")),
)


def sign_in(page: Page, base: str, login: str) -> None:
    page.goto(f"{base}/sign-in")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.click("main button")
    page.wait_for_url(lambda url: "/sign-in" not in url)


def take(browser: Browser, base: str, shot: Shot) -> None:
    for size in shot.sizes:
        width, height = SIZES[size]
        context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN")
        page = context.new_page()
        page.on("console", lambda said: print("console:", said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: print("page error:", error))
        if shot.login:
            sign_in(page, base, shot.login)
        page.goto(base + shot.path)
        page.wait_for_timeout(700)
        page.screenshot(path=FOLDER / f"{shot.name}-{size}.png")
        context.close()


def main(base: str, names: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_or_install(), args=list(ARGUMENTS))
        for shot in SHOTS:
            if not names or shot.name in names:
                take(browser, base, shot)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
