"""A browser, and the portal that it looks at: over services that only pretend, or at MAODIAO_PORTAL (with accounts)."""

import asyncio
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from services.kernel.clock import SystemClock
from tests.browser.chromium import ARGUMENTS, find_or_install
from tests.portal import town
from tests.portal.fakes import PASSWORD, FakeIntake, FakeOversight, accounts, app, portal
from tests.portal.test_forward import free_socket


@dataclass
class Serving:
    """The server, once its thread has made it."""

    server: uvicorn.Server | None = None


@dataclass
class Site:
    """Where the portal is, and how one signs in there. `intake` only where services pretend."""

    url: str
    passwords: dict[str, str]
    intake: FakeIntake | None = None
    loop: asyncio.AbstractEventLoop | None = None

    def sign_in(self, page: Page, login: str) -> None:
        page.goto(f"{self.url}/sign-in")
        page.fill("#login", login)
        page.fill("#password", self.passwords.get(login, PASSWORD))
        page.click("main button")
        page.wait_for_url(lambda url: "/sign-in" not in url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For a module alone: while Playwright's synchronous API lives, no test of this thread may run an event loop."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=find_or_install(), args=list(ARGUMENTS))
        yield made
        made.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of 1440 × 900 that fails the test on an error of a script."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
    made, errors = context.new_page(), []
    made.set_default_timeout(10_000)
    made.on("pageerror", lambda error: errors.append(str(error)))
    yield made
    context.close()
    assert not errors, errors


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The portal in a thread of its own."""
    given = os.environ.get("MAODIAO_PORTAL")
    if given:
        pairs = (one.partition(":") for one in os.environ.get("MAODIAO_ACCOUNTS", "").split(",") if one)
        yield Site(given, {login: password for login, _, password in pairs})
        return
    clock, listening = SystemClock(), free_socket()
    intake, now = FakeIntake(clock), clock.now()
    town.fill(intake, now)
    oversight = FakeOversight(intake, town.screen(now), town.lag(now))
    loop, serving = asyncio.new_event_loop(), Serving()

    async def serve() -> None:
        made = app(portal(clock, intake, oversight, await accounts()))
        serving.server = uvicorn.Server(uvicorn.Config(made, log_level="error", timeout_graceful_shutdown=1))
        await serving.server.serve(sockets=[listening])

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    yield Site(f"http://127.0.0.1:{listening.getsockname()[1]}", {}, intake, loop)
    assert serving.server is not None
    serving.server.should_exit = True
    thread.join(10)
