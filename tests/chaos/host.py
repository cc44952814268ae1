"""The platform as chaos runs it: workers and relays in processes of their own, so that each is struck apart.

`python -m tests.chaos.host PLAN.json` is the supervisor's process, which chaos kills too; `maodiao up` finds what it
leaves. In-process (`async with Host(plan) as host`) where no supervisor is struck.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import asyncpg
import httpx
import msgspec

from deploy.embedded.stack import EmbeddedStack
from deploy.init import REPOSITORY
from deploy.processes.launch import ServiceSpec, stop_child, tail
from deploy.processes.supervisor import Supervisor
from deploy.service_specs import Wiring, service_of, service_specs
from deploy.setup import set_up
from deploy.topology import ADMIN
from services.notify.store.contacts import Contact, import_contacts

SPLIT: Final[Mapping[str, str]] = {
    **{f"{service}-{n}": "door,worker" for service in ("intake", "routing", "escalation", "notify") for n in (1, 2)},
    **{f"{service}-{n}": "relay" for service in ("intake", "routing", "escalation", "notify") for n in (3, 4)},
    "oversight-1": "door,worker",
    "portal-1": "door",
}
"""Roles by process. Two workers and two relays of each; a relay alone has no door, so it is asked by its lanes."""

SMALL: Final[Mapping[str, str]] = {
    "intake-1": "door,worker",
    "intake-3": "relay",
    "routing-1": "door,worker,relay",
    "escalation-1": "door,worker",
    "escalation-2": "door,worker",
    "escalation-3": "relay",
    "notify-1": "door,worker,relay",
    "oversight-1": "door,worker",
}
"""Enough for one planted fault, and for outages: one relay of intake, so that nobody takes over from it."""

ALONE: Final = {name: roles for name, roles in SMALL.items() if name != "escalation-2"}
"""One worker of escalation: while it is down, nobody is."""

READY_S: Final = 90.0
WEBHOOKS: Final = ("u-0001", "u-0002", "u-0003")
"""The district's leaders are reached by webhook first, everybody else by mail."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to run. planted: fault by process. environment: further variables for every process."""

    data: str
    roles: dict[str, str]
    policy: str
    environment: dict[str, str]
    webhook: str
    planted: dict[str, str] = {}


POLICY: Final = Path(__file__).with_name("policy.yaml")


def policy_folder(data: Path, policy: Path = POLICY) -> Path:
    """The policy's file, beside the calendar that it names."""
    place = data / "policy"
    place.mkdir(parents=True, exist_ok=True)
    shutil.copy(REPOSITORY / "deploy" / "policy" / "calendar-2026.yaml", place)
    return Path(shutil.copy(policy, place / "chaos.yaml"))


class Host:
    """Stack, processes and their supervisor."""

    def __init__(self, plan: Plan, said: Callable[[str], None] = lambda _: None) -> None:
        self.plan, self._said = plan, said
        self.stack = EmbeddedStack(Path(plan.data), shared_buffers="256MB", said=said)
        self.supervisor = Supervisor(self.stack.children, self.stack.folder.run, self.stack.folder.logs, said)
        self.specs: dict[str, ServiceSpec] = {}
        self._watching: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start everything and wait until it is ready."""
        await self.stack.start()
        await set_up(self.stack.dsn, self.stack.folder.secrets)
        await self._watch_writes()
        await self._webhooks()
        self.specs = {spec.name: spec for spec in self._specs()}
        for spec in self.specs.values():
            self.supervisor.start(spec)
        self._watching = asyncio.create_task(self.supervisor.watch())
        await self.ready(list(self.specs))
        self.stack.folder.ready.write_text(f"{time.time():.0f}\n")

    async def ready(self, names: list[str]) -> None:
        """Wait until these processes answer that they are ready; a relay without a door only lives."""
        deadline = time.monotonic() + READY_S
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            for name in names:
                while not await answers(client, self.specs[name].health_url):
                    if time.monotonic() > deadline:
                        raise TimeoutError(f"{name} is not ready:\n{tail(self.stack.children[name].log, 12)}")
                    await asyncio.sleep(0.1)

    async def take_down(self, name: str) -> None:
        """End a process and leave it down."""
        await stop_child(self.stack.children.pop(name), self.stack.folder.run)

    async def put_up(self, name: str) -> None:
        self.supervisor.start(self.specs[name])
        await self.ready([name])

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None
        await self.stack.stop()

    def _specs(self) -> list[ServiceSpec]:
        names, plan = list(self.plan.roles), self.plan
        wiring = Wiring(
            bootstrap=self.stack.bootstrap, server=self.stack.server, database=self.stack.top.database,
            secrets=self.stack.folder.secrets, policy=Path(plan.policy), ports=self.stack.folder.ports(names),
            systems=self.stack.top.systems, repository=REPOSITORY, environment={**os.environ, **plan.environment},
        )  # fmt: skip
        return [self._with_role(spec) for spec in service_specs(names, wiring)]

    def _with_role(self, spec: ServiceSpec) -> ServiceSpec:
        roles, planted = self.plan.roles[spec.name], self.plan.planted.get(spec.name)
        argv = spec.argv
        if planted is not None:
            argv = [sys.executable, "-m", "tests.chaos.faults", planted, service_of(spec.name)]
        url = spec.health_url if "door" in roles else None
        return replace(spec, env={**spec.env, "MAODIAO_ROLES": roles}, argv=argv, health_url=url)

    async def _watch_writes(self) -> None:
        connection = await asyncpg.connect(self.stack.dsn(ADMIN))
        try:
            await connection.execute(Path(__file__).with_name("watching.sql").read_text())
        finally:
            await connection.close()

    async def _webhooks(self) -> None:
        contacts = [
            Contact(staff, f"{staff}@demo.invalid", None, f"{self.plan.webhook}/{staff}", "webhook")
            for staff in WEBHOOKS
        ]
        connection = await asyncpg.connect(self.stack.dsn("notify"))
        try:
            await import_contacts(connection, contacts, replace=False)
        finally:
            await connection.close()


async def answers(client: httpx.AsyncClient, url: str | None) -> bool:
    """Whether a process says that it is ready; one that has no door counts as such."""
    if url is None:
        return True
    try:
        return (await client.get(url)).status_code == 200
    except httpx.HTTPError:
        return False


async def _run(plan: Plan) -> None:
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    async with Host(plan, lambda text: print(f"{datetime.now(UTC):%H:%M:%S} {text}", flush=True)):
        await stopping.wait()


if __name__ == "__main__":
    asyncio.run(_run(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Plan)))
