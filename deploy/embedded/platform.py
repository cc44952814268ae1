"""The whole platform on this machine: the embedded stack and the service processes on it, watched.

`async with Platform(options) as platform:` is what `maodiao up` and the demo run.
"""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx

from deploy.embedded import jars
from deploy.embedded.folder import DEFAULT, require_free
from deploy.embedded.maildrop import HOST, Maildrop
from deploy.embedded.stack import EmbeddedStack
from deploy.errors import DeployError
from deploy.init import REPOSITORY
from deploy.processes.launch import Child, tail
from deploy.processes.supervisor import Supervisor
from deploy.service_specs import Wiring, instances, service_specs
from deploy.setup import set_up
from deploy.topology import DEFAULT_SYSTEMS, SERVICES, topology

READY_SECONDS: Final = 90.0
SMTP_HOST: Final = "MAODIAO_SMTP_HOST"
GIVE_UP_AFTER: Final = 3
"""Deaths of one process during the start after which it is not a matter of waiting."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: data folder, policy folder or file, processes per service, further variables by service."""

    data: Path = DEFAULT
    policy: Path = REPOSITORY / "deploy" / "policy"
    systems: Sequence[str] = DEFAULT_SYSTEMS
    scale: Mapping[str, int] = field(default_factory=dict)
    extra: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def existing_services() -> list[str]:
    """The services that can be started: those with a `__main__.py`."""
    return [s.name for s in SERVICES if (REPOSITORY / "services" / s.name / "__main__.py").exists()]


class Platform:
    """Stack, services and their supervisor."""

    def __init__(
        self,
        options: Options,
        *,
        progress: jars.Progress = lambda _done, _total: None,
        said: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Nothing starts yet; `progress` is told of the first download in bytes, `said` what happens."""
        self._options = options
        self._said = said
        self._ports: dict[str, int] = {}
        self._watching: asyncio.Task[None] | None = None
        self.stack = EmbeddedStack(options.data, top=topology(options.systems), progress=progress, said=said)
        self.maildrop = Maildrop(self.stack.folder.root / "mail")
        self.supervisor = Supervisor(self.stack.children, self.stack.folder.run, self.stack.folder.logs, said)

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

    def url(self, service: str) -> str:
        """The address of a service's door (of its first process)."""
        return f"http://127.0.0.1:{self._ports[f'{service}-1']}"

    async def start(self) -> None:
        """Start everything and wait until it is ready.

        Raises:
            DeployError: something cannot run; the sentence says what to do.
        """
        services = existing_services()
        try:
            names = instances(services, self._options.scale)
        except ValueError as error:
            raise DeployError(f"--scale: {error}. There are: {', '.join(services)}.") from error
        await self.stack.start()
        done = await set_up(self.stack.dsn, self.stack.folder.secrets)
        if done:
            self._said(f"setting up the invented district: {', '.join(done)}")
        self._ports = self.stack.folder.ports(names)
        require_free(self._ports)
        wiring = Wiring(
            bootstrap=self.stack.bootstrap,
            server=self.stack.server,
            database=self.stack.top.database,
            secrets=self.stack.folder.secrets,
            policy=self._options.policy.absolute(),
            ports=self._ports,
            systems=self.stack.top.systems,
            repository=REPOSITORY,
            environment=os.environ,
            extra=await self._further(),
        )
        self._said(f"starting {', '.join(names)}" if names else "there is no service to start yet")
        for spec in service_specs(names, wiring):
            self.supervisor.start(spec)
        self._watching = asyncio.create_task(self.supervisor.watch())
        await self.ready(names)
        self.stack.folder.ready.write_text(f"{time.time():.0f}\n")

    async def _further(self) -> Mapping[str, Mapping[str, str]]:
        """The further variables by service; without a mail server among them, mail goes to a folder."""
        extra = self._options.extra
        notify, portal = extra.get("notify", {}), extra.get("portal", {})
        if SMTP_HOST not in os.environ and SMTP_HOST not in notify:
            port = await self.maildrop.start()
            self._said(f"no {SMTP_HOST} is set: mail goes to {self.maildrop.folder}, a file each")
            notify = {**notify, SMTP_HOST: HOST, "MAODIAO_SMTP_PORT": str(port)}
        # The set-up brought the invented district; pages say so unless somebody says that it is another by now.
        portal = {"MAODIAO_DEMO": os.environ.get("MAODIAO_DEMO", "true"), **portal}
        return {**extra, "notify": notify, "portal": portal}

    async def ready(self, names: Sequence[str], seconds: float = READY_SECONDS) -> None:
        """Wait until processes answer that they are ready.

        Raises:
            DeployError: one keeps dying, or does not become ready in time.
        """
        deadline = time.monotonic() + seconds
        waiting = list(names)
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            while waiting:
                await asyncio.sleep(0.1)
                for name in list(waiting):
                    if await _answers_ready(client, self.stack.children[name]):
                        waiting.remove(name)
                self._give_up(waiting, late=time.monotonic() > deadline)

    def _give_up(self, waiting: Sequence[str], *, late: bool) -> None:
        for name in waiting:
            child = self.stack.children[name]
            if late or child.restarts >= GIVE_UP_AFTER:
                why = "did not become ready in time" if late else f"ended {child.restarts} times at its start"
                raise DeployError(f"{name} {why}. {child.log} says:\n{tail(child.log)}")

    async def stop(self) -> None:
        """Stop watching, then everything, the servers last."""
        if self.stack.owned:
            self.stack.folder.ready.unlink(missing_ok=True)
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching
            self._watching = None
        await self.stack.stop()
        await self.maildrop.stop()


async def _answers_ready(client: httpx.AsyncClient, child: Child) -> bool:
    assert child.spec.health_url is not None, "every service has a door"
    try:
        return (await client.get(child.spec.health_url)).status_code == 200
    except httpx.HTTPError:
        return False
