"""Wires the portal together and runs its door."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import httpx

from services.host.http import Health
from services.host.logs import configure_logging
from services.host.runtime import Parts, door, open_pool, run
from services.kernel.clock import SystemClock
from services.kernel.telemetry import Logger
from services.portal.doors.api import Services
from services.portal.doors.assets import Assets
from services.portal.doors.forward import Forward
from services.portal.doors.http import build
from services.portal.doors.http_clients import Caller, HttpIntake, HttpOversight, HttpRouting
from services.portal.doors.naming import Names, read_catalogue, read_outline
from services.portal.doors.state import Look, Passwords, Portal
from services.portal.settings import PortalSettings
from services.portal.store.accounts import PostgresAccounts


def services(settings: PortalSettings, http: httpx.AsyncClient, clock: SystemClock) -> Services:
    key = settings.secret("token_key")

    def caller(name: str, url: str) -> Caller:
        return Caller(name, http, url, key, clock)

    return Services(
        intake=HttpIntake(caller("intake", settings.intake_url)),
        oversight=HttpOversight(caller("oversight", settings.oversight_url)),
        routing=HttpRouting(caller("routing", settings.routing_url)),
    )


def forward(settings: PortalSettings, http: httpx.AsyncClient) -> Forward:
    bases = dict.fromkeys(("cases", "stream", "queue", "links", "progress"), settings.intake_url)
    bases |= dict.fromkeys(("screen", "lag", "alarms"), settings.oversight_url)
    bases |= dict.fromkeys(("units", "kinds"), settings.routing_url)
    return Forward(http, {**bases, "deliveries": settings.notify_url})


def look(settings: PortalSettings) -> Look:
    return Look(
        district=settings.district,
        demo=settings.demo,
        zone=ZoneInfo(settings.zone),
        duty_telephone=settings.duty_telephone,
        secure_cookies=settings.secure_cookies,
        session_lasts=timedelta(hours=settings.session_hours),
        token_lasts=timedelta(minutes=settings.token_minutes),
    )


async def parts(settings: PortalSettings, log: Logger) -> Parts:
    clock = SystemClock()
    pool = await open_pool(settings)
    http = httpx.AsyncClient(timeout=10.0, trust_env=False, limits=httpx.Limits(max_connections=1000))
    accounts = PostgresAccounts(pool)
    made = services(settings, http, clock)
    assets = Assets(settings.node_modules)
    if assets.missing:
        log.warning("front-end packages are missing; pages work without them", files=assets.missing, do="npm ci")
    portal = Portal(
        services=made,
        accounts=accounts,
        passwords=Passwords(),
        names=Names(read_catalogue(settings.data_dir, settings.area), made.routing, accounts, clock),
        assets=assets,
        outline=read_outline(settings.data_dir / settings.area / "outline.geojson"),
        look=look(settings),
        clock=clock,
        token_key=settings.secret("token_key"),
    )

    async def database() -> str | None:
        return None if await pool.fetchval("select true") else "database"

    wired = Parts()
    wired.running.append(door(build(portal, forward(settings, http), Health([database])), settings))
    wired.closing += [pool.close, http.aclose]
    return wired


def main() -> None:
    settings = PortalSettings()
    log = configure_logging("portal", settings.instance, settings.log_level)
    run(lambda: parts(settings, log), log)


if __name__ == "__main__":
    main()
