"""What is done to the platform: kills, freezes, restarts; each on a process that has uncommitted work."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx

from deploy.processes.identity import is_alive, send
from deploy.processes.launch import Record, records
from deploy.service_specs import service_of
from services.kernel.partitioning import PARTITIONS
from tests.chaos.evidence import Fault, Zombie
from tests.chaos.host import answers
from tests.chaos.load import Load
from tests.chaos.pending import Pending
from tests.chaos.reading import Servers

WAIT_FOR_WORK_S = 20.0
WHOLE_S = 60.0
FROZEN_S = 30.0


@dataclass(slots=True)
class Strikes:
    """Strikes and keeps the record. said: hears each strike in a line."""

    servers: Servers
    pending: Pending
    load: Load
    said: Callable[[str], None]
    faults: list[Fault] = field(default_factory=list)
    zombies: list[Zombie] = field(default_factory=list)
    kills: int = 0
    struck: dict[str, int] = field(default_factory=dict)
    unmet: list[str] = field(default_factory=list)

    def expect(self, holds: bool, what: str) -> None:
        """What a strike is there to see; where it is not seen, the run is not enough."""
        if not holds:
            self.unmet.append(what)
            self.said(f"expected, and it did not happen: {what}")

    # Kills

    async def kill_worker(self, name: str) -> None:
        """Kill a worker that has records in hand."""
        await self._kill(name, await self._until_work(lambda: self._in_worker(name)))

    async def kill_while_firing(self, name: str) -> None:
        """Kill a worker of escalation at the moment when limits of its cases are due."""

        async def look() -> str:
            many = await self.pending.firing(name)
            return f"{many} cases with limits due" if many else ""

        await self._kill(name, await self._until_work(look))

    async def kill_relay(self, service: str) -> None:
        """Kill the relay that holds the partitions, while events wait to be published."""
        name, pending = await self._relay_with_work(service)
        await self._kill(name, pending)

    async def kill_door(self, name: str) -> None:
        """Kill a door that is answering."""
        await self._kill(name, await self._until_work(lambda: self._in_door(name)))

    async def kill_both_relays(self, service: str) -> None:
        """Two relays at once: the one that holds the partitions and the one that would take over."""
        holder, pending = await self._relay_with_work(service)
        both = [r for r in self._all() if r.name in await self._relays_of(service)] or [self._find(holder)]
        began = time.time()
        for record in both:
            send(record.identity, signal.SIGKILL, whole_group=True)
            self._count(record.name)
        names = " and ".join(record.name for record in both)
        self.said(f"kill -9 {names} at once, with {pending}")
        for record in both:
            await self._whole(record)
        self._note(began, "kill -9 of two relays at once", names, pending, (service,))

    async def _kill(self, name: str, pending: str) -> None:
        record, began = self._find(name), time.time()
        send(record.identity, signal.SIGKILL, whole_group=True)
        self._count(name)
        self.said(f"kill -9 {name} (pid {record.identity.pid}), with {pending}")
        await self._whole(record)
        self._note(began, "kill -9", name, pending, (service_of(name),))

    def _count(self, name: str) -> None:
        self.kills += 1
        self.struck[name] = self.struck.get(name, 0) + 1

    # Freezes

    async def freeze_worker(self, name: str, seconds: float = FROZEN_S) -> None:
        """SIGSTOP one of two workers past its session, then SIGCONT: what it does then is looked at in the ledger."""
        record, pending = self._find(name), await self._until_work(lambda: self._in_worker(name))
        backends, began = await self.pending.backends(name), time.time()
        send(record.identity, signal.SIGSTOP)
        self.said(f"SIGSTOP {name} (pid {record.identity.pid}) for {seconds:.0f} s, with {pending}")
        await asyncio.sleep(seconds)
        taken, claims = await self.pending.behind(service_of(name)), await self.pending.claims(name)
        woke = time.time()
        send(record.identity, signal.SIGCONT)
        ended = await self._ended_or_again(record, claims, 30.0)
        sends = service_of(name) == "notify"
        self.zombies.append(Zombie(application=name, sends=sends, backends=backends, woke=woke, ended=ended))
        how = f"ended {ended - woke:.1f} s later" if ended else "joined its group again"
        self.said(f"SIGCONT {name}: {how}; meanwhile its partitions were with {', '.join(sorted(taken))}")
        if ended is not None:
            await self._whole(record)
        self._note(began, f"SIGSTOP {seconds:.0f} s, SIGCONT", name, pending, (service_of(name),))

    async def freeze_inside_claim(self, name: str, other: str, seconds: float = 15.0) -> None:
        """Kill the other worker, with records in hand, so that this one claims its partitions, and SIGSTOP this one in
        the middle of that.

        A trigger makes the claim take some seconds. Whether the sleeper wrote under an epoch that was no longer its
        own is among the ledger's checks.
        """
        await self.pending.slow_claims(name, slow=True)
        record, victim = self._find(name), self._find(other)
        left = await self._until_work(lambda: self._in_worker(other))
        began = time.time()
        send(victim.identity, signal.SIGKILL, whole_group=True)
        self._count(other)
        self.said(f"kill -9 {other} (pid {victim.identity.pid}), with {left}")
        pending = await self._until_claiming(name)
        send(record.identity, signal.SIGSTOP)
        await self.pending.slow_claims(name, slow=False)
        self.said(f"SIGSTOP {name} (pid {record.identity.pid}) for {seconds:.0f} s, with {pending}")
        await asyncio.sleep(seconds)
        send(record.identity, signal.SIGCONT)
        await self._answering()
        what = f"SIGSTOP {seconds:.0f} s inside a claim, SIGCONT"
        self._note(began, what, name, f"{other}: {left}; {name}: {pending}", (service_of(name),))

    async def freeze_relay(self, service: str, seconds: float) -> None:
        """SIGSTOP the relay that holds the partitions; another one, if there is any, has to take them all; then both
        run."""
        name, pending = await self._relay_with_work(service)
        record, began = self._find(name), time.time()
        send(record.identity, signal.SIGSTOP)
        self.said(f"SIGSTOP relay {name} for {seconds:.0f} s, with {pending}")
        await asyncio.sleep(seconds)
        holders = await self.pending.relays(service)
        send(record.identity, signal.SIGCONT)
        self.said(f"SIGCONT relay {name}; meanwhile the partitions were with {holders or 'nobody'}")
        others = {other for other in await self._relays_of(service) if other != name}
        taken = sum(lanes for holder, lanes in holders.items() if holder in others)
        self.expect(
            taken == PARTITIONS or not others,
            f"{' or '.join(sorted(others))} takes the {PARTITIONS} partitions of {name}; {taken} were taken",
        )
        self._note(began, f"SIGSTOP {seconds:.0f} s of a relay, SIGCONT", name, pending, (service,))

    # Servers

    async def restart_postgres(self, signum: signal.Signals) -> None:
        await self._restart("postgres", signum, await self.any_work())

    async def restart_postgres_while_assigning(self, worker: str, survivor: str) -> None:
        """Kill a worker, and take the database away in the middle of the survivor's claim of its partitions."""
        await self.pending.slow_claims(survivor, slow=True)
        record, pending = self._find(worker), await self._until_work(lambda: self._in_worker(worker))
        send(record.identity, signal.SIGKILL, whole_group=True)
        self._count(worker)
        self.said(f"kill -9 {worker} (pid {record.identity.pid}), with {pending}")
        # What asks every schema takes its time, and a claim may be over by then: so it is asked first.
        left = await self.any_work()
        inside = await self._until_claiming(survivor)
        await self._restart("postgres", signal.SIGINT, f"{survivor}: {inside}; {left}")
        await self.pending.slow_claims(survivor, slow=False)
        await self._whole(record)

    async def _until_claiming(self, name: str) -> str:
        """Wait until a claim that was made slow is under way."""
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            if await self.pending.claiming(name):
                return "a claim under way"
            await asyncio.sleep(0.01)
        return "nothing pending"

    async def restart_broker(self, signum: signal.Signals) -> None:
        await self._restart("kafka", signum, await self.any_work())

    async def _restart(self, name: str, signum: signal.Signals, pending: str) -> None:
        record, began = self._find(name), time.time()
        send(record.identity, signum, whole_group=signum is signal.SIGKILL and name == "kafka")
        self.said(f"{signum.name} to {name} (pid {record.identity.pid}), with {pending}")
        await self._whole(record)
        await self._answering()
        self._note(began, f"{name} restarted by {signum.name}", name, pending, ("notify", "all"))

    # What is pending

    async def any_work(self) -> str:
        """Wait until anybody has work, and say whose it is."""
        return await self._until_work(self._anything)

    async def _until_work(self, look: Callable[[], Awaitable[str]]) -> str:
        """Poll until the process has work; under load that is a matter of moments."""
        deadline = time.monotonic() + WAIT_FOR_WORK_S
        while not (found := await look()):
            if time.monotonic() > deadline:
                return "nothing pending"
            await asyncio.sleep(0.002)
        return found

    async def _in_worker(self, name: str) -> str:
        behind = (await self.pending.behind(service_of(name))).get(name, 0)
        sending = await self.pending.due() if service_of(name) == "notify" else 0
        parts = [f"{behind} records not applied"] if behind else []
        parts += [f"{sending} messages on their way"] if sending else []
        return ", ".join(parts)

    async def _in_door(self, name: str) -> str:
        waiting = self.load.in_flight[name]
        return f"{waiting} requests unanswered" if waiting else ""

    async def _relay_with_work(self, service: str) -> tuple[str, str]:
        """The relay that holds most partitions, and what waits for it."""
        holders: dict[str, int] = {}

        async def look() -> str:
            waiting = await self.pending.unpublished(service)
            if waiting:
                holders.update(await self.pending.relays(service))
            return f"{waiting} events unpublished" if waiting and holders else ""

        pending = await self._until_work(look)
        return max(holders, key=lambda n: holders[n], default=(await self._relays_of(service))[0]), pending

    async def _relays_of(self, service: str) -> list[str]:
        """Relays in processes of their own, or all processes of the service where each has one."""
        names = [r.name for r in self._all() if service_of(r.name) == service]
        alone = [name for name in names if name.endswith(("-3", "-4"))]
        return alone or names

    async def _anything(self) -> str:
        left = await self.pending.left()
        return ", ".join(f"{what} {many}" for what, many in left.items() if what != "limits due")

    # Until it is whole again

    def _all(self) -> list[Record]:
        return records(self.servers.folder.run)

    def _find(self, name: str) -> Record:
        return next(record for record in self._all() if record.name == name)

    async def _ended_or_again(self, record: Record, claims: int, seconds: float) -> float | None:
        """When a worker that woke ended; None where it lives, and has claimed partitions anew or waits for some."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not is_alive(record.identity):
                return time.time()
            if await self.pending.claims(record.name) > claims:
                await asyncio.sleep(2.0)  # fenced after all, perhaps, on something that it had in hand
                return None if is_alive(record.identity) else time.time()
            await asyncio.sleep(0.02)
        return None

    async def _whole(self, before: Record) -> None:
        """Until the supervisor has started its successor, and that is ready."""
        deadline = time.monotonic() + WHOLE_S
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            while time.monotonic() < deadline:
                now = next((r for r in self._all() if r.name == before.name), None)
                fresh = now is not None and now.identity != before.identity and is_alive(now.identity)
                if now is not None and fresh and await answers(client, now.health_url):
                    return
                await asyncio.sleep(0.1)
        self.said(f"{before.name} is not whole after {WHOLE_S:.0f} s")

    async def _answering(self) -> None:
        """Until every process that has a door is ready."""
        deadline = time.monotonic() + WHOLE_S
        async with httpx.AsyncClient(timeout=2.0, trust_env=False) as client:
            for record in self._all():
                while not await answers(client, record.health_url) and time.monotonic() < deadline:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)

    def _note(self, began: float, what: str, target: str, pending: str, touches: tuple[str, ...]) -> None:
        self.faults.append(
            Fault(at=began, until=time.time(), what=what, target=target, pending=pending, touches=touches)
        )
