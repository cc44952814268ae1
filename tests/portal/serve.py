"""Shows the portal over services that only pretend: `python -m tests.portal.serve 8080`, then open the address.

Accounts: window, duty, ops, grid, leader, two; the password stands in fakes.py. Nothing is kept.
"""

import asyncio
import sys

import uvicorn

from services.kernel.clock import SystemClock
from tests.portal import town
from tests.portal.fakes import FakeIntake, FakeOversight, accounts, app, portal


async def main(port: int) -> None:
    clock = SystemClock()
    intake = FakeIntake(clock)
    now = clock.now()
    town.fill(intake, now)
    oversight = FakeOversight(intake, town.screen(now), town.lag(now))
    made = portal(clock, intake, oversight, await accounts())
    config = uvicorn.Config(app(made), port=port, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    ticking = asyncio.create_task(_tick(oversight, clock))
    await server.serve()
    ticking.cancel()


async def _tick(oversight: FakeOversight, clock: SystemClock) -> None:
    while True:
        await asyncio.sleep(2)
        oversight.said_lag = town.lag(clock.now())


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
