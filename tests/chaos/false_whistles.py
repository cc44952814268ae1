"""`python -m tests.chaos.false_whistles`: outages across due times, while people come in time.

Two outages of two minutes on the real platform: escalation's only worker down, then intake's only relay stalled. Many
limits fall due meanwhile; part of them is met in time by the log, part is not. Then outages of an hour in simulated
time. None may be missed falsely, each that was truly unattended has to fire, and no leader is told before the head.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from deploy.commands.directory import read_files
from deploy.init import REPOSITORY
from deploy.processes.identity import send
from tests.chaos import clocks, deeds, simulated
from tests.chaos.evidence import Evidence
from tests.chaos.host import ALONE, Host, Plan, policy_folder
from tests.chaos.load import KINDS, Door, Load
from tests.chaos.pending import Pending
from tests.chaos.reading import Servers, gather
from tests.chaos.sinks import Sinks
from tests.notify.examples import DIRECTORY

OUTAGE_S, CASES, IN_TIME = 120.0, 120, 0.6
_NEVER = datetime.min.replace(tzinfo=UTC)
POLICY = Path(__file__).with_name("whistles.yaml")
_Act = Callable[[], Awaitable[None]]
REST_S = 150.0


@dataclass(slots=True)
class Outage:
    """One outage. cases: those whose limits fall due in it. fell: when it began and ended, by our clock."""

    name: str
    cases: set[str] = field(default_factory=set)
    began: datetime = _NEVER
    ended: datetime = _NEVER


class District:
    """The platform, and the people who work on its cases."""

    def __init__(self, host: Host, servers: Servers, notebooks: Path, said: Callable[[str], None]) -> None:
        self.host, self.servers, self.notebooks, self.said = host, servers, notebooks, said
        units = [u for u in read_files().units if u.valid_to is None]
        self.communities = [u.unit for u in units if len(u.unit) == 12 and u.unit.startswith("120106001")]
        port = servers.folder.known_ports()["intake-1"]
        door = Door("intake-1", f"http://127.0.0.1:{port}", 1.0)
        key = servers.folder.secret("token_key").encode()
        self.people = Load([door], key, notebooks / "answers.jsonl", self.communities, 1.0)
        self.pending = Pending(servers)
        self.chance = random.Random(7)

    async def across(
        self, outage: Outage, down: Callable[[], Awaitable[None]], up: Callable[[], Awaitable[None]]
    ) -> None:
        """Begin cases, take a part away, come in time or not, bring it back, and wait until all is at rest."""
        begun = await asyncio.gather(*(self._begin(n * 0.15) for n in range(CASES)))
        cases = [case for case in begun if case]
        outage.cases |= set(cases)
        whistled = cases[: len(cases) // 2]
        await self._told(whistled)
        outage.began = datetime.now(UTC)
        await down()
        self.said(
            f"{outage.name}: away for {OUTAGE_S:.0f} s; {len(cases)} cases, {len(whistled)} of them with a whistle"
        )
        ends = time.monotonic() + OUTAGE_S
        come = [case for case in cases if self.chance.random() < IN_TIME]
        await asyncio.gather(*(self._come(case, case in whistled, self.chance.uniform(2, 40)) for case in come))
        await asyncio.sleep(max(0.0, ends - time.monotonic()))
        await up()
        outage.ended = datetime.now(UTC)
        self.said(f"{outage.name}: back; in {len(come)} cases people came in time")
        await self._rest()

    async def _begin(self, wait: float) -> str:
        await asyncio.sleep(wait)
        place = {"community": self.chance.choice(self.communities)}
        body: dict[str, object] = {"family": "incident", "kind": self.chance.choice(KINDS), "channel": "telephone"}
        made = await self.people.press("register", "", {**body, "place": place})
        if made is None or not await self.people.assigned(made.case):
            return ""
        return made.case

    async def _told(self, cases: list[str]) -> None:
        """Blow for these, and wait until the heads were told: then their limit of attendance runs."""
        await asyncio.gather(*(self.people.step(case, "whistle", {"kind": "emergency"}) for case in cases))
        deadline = time.monotonic() + 30
        while (await self.pending.left()).keys() - {"limits due"} and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.3)

    async def _come(self, case: str, whistled: bool, wait: float) -> None:
        """Somebody comes in time, settles and disposes: all of it recorded by intake, whoever else is away."""
        await asyncio.sleep(wait)
        if whistled:
            await self.people.press("attend", case, {"obligation": "w1"})
            await self.people.press("settle", case, {"obligation": "w1"})
        else:
            await self.people.press("attend", case, {})
        await self.people.step(case, "dispose")

    async def _rest(self) -> None:
        deadline, quiet = time.monotonic() + REST_S, 0
        while quiet < 3 and time.monotonic() < deadline:
            quiet = 0 if await self.pending.left() else quiet + 1
            await asyncio.sleep(1.0)


async def real(console: Console, keep: Path | None) -> bool:
    """Both outages on the real platform. Returns: whether all is as it must be."""
    data = keep or Path(tempfile.mkdtemp(prefix="maodiao-whistles-"))
    servers, began = Servers(data), time.monotonic()
    servers.folder.prepare()
    notebooks = data / "chaos"
    notebooks.mkdir(exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:

        def said(text: str) -> None:
            seconds = int(time.monotonic() - began)
            console.print(f"[{seconds // 60}:{seconds % 60:02}] {text}", markup=False)

        bar = asyncio.create_task(_move(progress, 30 + 2 * (OUTAGE_S + 90)))
        async with Sinks(notebooks / "arrivals.jsonl") as sinks:
            plan = Plan(
                data=str(data), roles=dict(ALONE), policy=str(policy_folder(data, POLICY)),
                environment={"MAODIAO_SMTP_HOST": "127.0.0.1", "MAODIAO_SMTP_PORT": str(sinks.smtp_port),
                             "MAODIAO_MAIL_FROM": "maodiao@chaos.invalid"},
                webhook=f"http://127.0.0.1:{sinks.webhook_port}",
            )  # fmt: skip
            async with Host(plan) as host:
                outages = await _outages(District(host, servers, notebooks, said))
                evidence = await gather(servers, notebooks, [], [], said)
        bar.cancel()
    good = _tell(console, evidence, outages)
    if keep is None and good:
        shutil.rmtree(data, ignore_errors=True)
    else:
        console.print(f"The data folder is kept: {data}")
    return good


async def _move(progress: Progress, seconds: float) -> None:
    task = progress.add_task("outages", total=seconds)
    while True:
        await asyncio.sleep(0.5)
        progress.advance(task, 0.5)


async def _outages(district: District) -> list[Outage]:
    worker, relay = Outage("worker of escalation down"), Outage("relay of intake stalled")
    host = district.host
    await district.across(worker, lambda: host.take_down("escalation-1"), lambda: host.put_up("escalation-1"))
    frozen = host.stack.children["intake-3"].identity

    async def stall() -> None:
        send(frozen, signal.SIGSTOP)

    async def wake() -> None:
        send(frozen, signal.SIGCONT)

    await district.across(relay, stall, wake)
    await district.pending.close()
    return [worker, relay]


def _tell(console: Console, evidence: Evidence, outages: list[Outage]) -> bool:
    """The counts of each outage."""
    table = Table(
        "outage", "limits due in it", "met in time", "missed, truly", "false", "not fired", "ranks blown", box=None
    )
    good = True
    for outage in outages:
        mine = _only(evidence, outage.cases)
        found = clocks.limits(mine, within=(outage.began, outage.ended))
        table.add_row(
            outage.name, f"{found.due}", f"{found.met}", f"{found.missed}", f"{len(found.false)}",
            f"{len(found.forgotten)}", f"{found.whistles}",
        )  # fmt: skip
        enough = found.met > CASES / 4 and found.missed > CASES / 4
        good = good and enough and not found.false and not found.forgotten
        for line in (*found.false[:5], *found.forgotten[:5]):
            console.print(f"  {line}", markup=False)
    console.print(table)
    for check in (clocks.fired_behind_the_log, clocks.false_misses, clocks.leaders_after_heads):
        finding = check(evidence)
        console.print(f"{finding.what}: {len(finding.wrong)} of {finding.looked_at}  {finding.note}", markup=False)
        good = good and finding.holds
    return good


def _only(evidence: Evidence, cases: set[str]) -> Evidence:
    return Evidence(topics={t: [e for e in entries if e.key in cases] for t, entries in evidence.topics.items()})


async def hour(console: Console, cases: int, seed: int) -> bool:
    """An outage of an hour of each part, in simulated time. Returns: whether all is as it must be."""
    policy = Path(__file__).with_name("simulated.yaml").read_text()
    calendar = (REPOSITORY / "deploy" / "policy" / "calendar-2026.yaml").read_text()
    table = Table(
        "away for an hour", "limits due", "met", "missed", "false", "leaders told", "before the head", "soonest after",
        box=None,
    )  # fmt: skip
    good = True
    for n, part in enumerate(simulated.PARTS):
        since = simulated.BEGIN + timedelta(minutes=25)
        world = simulated.World(policy, calendar, DIRECTORY, {part: (since, since + simulated.OUTAGE)})
        plan = deeds.deeds(cases, seed + n, timedelta(minutes=90))
        until = simulated.BEGIN + timedelta(hours=8)
        await deeds.live(world, plan, until)
        evidence = world.evidence()
        found = clocks.limits(evidence, (simulated.BEGIN, until - timedelta(minutes=1)))
        heads, behind = clocks.leaders_after_heads(evidence), clocks.fired_behind_the_log(evidence)
        soonest = deeds.soonest_leader(world)
        wrong = [*found.false, *found.forgotten, *heads.wrong, *behind.wrong]
        table.add_row(
            part, f"{found.due}", f"{found.met}", f"{found.missed}", f"{len(found.false)}", f"{heads.looked_at}",
            f"{len(heads.wrong)}", str(soonest),
        )  # fmt: skip
        early = soonest is not None and soonest <= timedelta(0)
        good = good and not wrong and not early and heads.looked_at > 0
        for line in wrong[:5]:
            console.print(f"  {part}: {line}", markup=False)
    console.print(table)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.false_whistles", description=__doc__)
    parser.add_argument("--simulated", action="store_true", help="only the outages of an hour in simulated time")
    parser.add_argument("--cases", type=int, default=150, help="cases of each simulated outage")
    parser.add_argument("--seed", type=int, default=20261124)
    parser.add_argument("--keep", type=Path, help="data folder to use and to keep")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    console = Console(highlight=False, soft_wrap=True)
    good = True if given.simulated else asyncio.run(real(console, given.keep))
    console.print(f"outages of an hour in simulated time, seed {given.seed}")
    good = asyncio.run(hour(console, given.cases, given.seed)) and good
    console.print("false whistles: none" if good else "false whistles: NOT as it must be, see above")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
