"""The strikes of the whole run and of the short one, and what is said at the end."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from deploy.service_specs import service_of
from tests.chaos import edits, report
from tests.chaos.arena import Arena, Step
from tests.chaos.host import SPLIT
from tests.chaos.ledger import volume

CASES_A_SECOND, REPORTS_A_SECOND = 3.5, 1.0
KILLS, LEAST_RATE, LEAST_EVENTS = 20, 50.0, 20_000
LEAST_OF_ROLE: Mapping[str, int] = {"worker": 2, "door": 2, "relay": 1}
REPLAYS = (
    ("rebuild", "routing", "--compare"), ("rebuild", "escalation", "--compare"), ("rebuild", "notify", "--compare"),
    ("rebuild", "oversight", "--compare"), ("verify", "routing"), ("verify", "escalation"),
)  # fmt: skip


def whole(arena: Arena) -> list[Step]:
    """First with workers and relays apart, then, after the supervisor's end, as `maodiao up` runs them."""
    s = arena.strikes
    return [
        Step(6, lambda: s.kill_worker("escalation-1")),
        Step(4, lambda: s.kill_relay("intake")),
        Step(6, lambda: s.kill_worker("notify-1")),
        Step(6, lambda: s.kill_door("intake-1")),
        Step(6, lambda: s.kill_worker("routing-2")),
        Step(42, lambda: s.freeze_worker("escalation-2")),
        Step(4, lambda: s.kill_relay("escalation")),
        Step(6, lambda: s.kill_door("portal-1")),
        Step(6, lambda: s.kill_worker("oversight-1")),
        Step(20, lambda: s.restart_postgres(signal.SIGKILL)),
        Step(4, lambda: s.kill_relay("notify")),
        Step(6, lambda: s.kill_worker("notify-2")),
        Step(6, lambda: s.kill_worker("intake-2")),
        Step(22, lambda: s.freeze_relay("intake", 20)),
        Step(4, lambda: s.kill_both_relays("intake")),
        Step(25, lambda: s.restart_broker(signal.SIGTERM)),
        Step(4, lambda: s.kill_relay("routing")),
        Step(6, lambda: s.kill_worker("escalation-2")),
        Step(30, lambda: s.freeze_inside_claim("routing-1", "routing-2")),
        Step(50, arena.kill_supervisor),
        Step(8, lambda: s.kill_worker("routing-1")),
        Step(8, lambda: s.kill_door("intake-2")),
        Step(42, lambda: s.freeze_worker("notify-2")),
        Step(8, lambda: s.kill_worker("notify-1")),
        Step(8, lambda: s.kill_worker("oversight-1")),
        Step(30, lambda: s.restart_postgres_while_assigning("escalation-1", "escalation-2")),
        Step(8, lambda: s.kill_door("portal-1")),
        Step(25, lambda: s.restart_broker(signal.SIGKILL)),
        Step(8, lambda: s.kill_while_firing("escalation-2")),
        Step(8, lambda: s.kill_door("intake-1")),
    ]


def short(arena: Arena) -> list[Step]:
    s = arena.strikes
    return [
        Step(6, lambda: s.kill_worker("escalation-1")),
        Step(4, lambda: s.kill_relay("intake")),
        Step(6, lambda: s.kill_door("intake-1")),
        Step(30, lambda: s.freeze_worker("escalation-2", 20)),
        Step(20, lambda: s.restart_postgres(signal.SIGKILL)),
        Step(6, lambda: s.kill_worker("notify-1")),
    ]


async def run(console: Console, *, short: bool, cases_a_second: float, keep: Path | None) -> int:
    """Returns: the exit code."""
    arena = Arena(SPLIT, cases_a_second=cases_a_second, reports_a_second=REPORTS_A_SECOND, console=console, keep=keep)
    async with arena:
        steps = _short(arena) if short else whole(arena)
        await arena.run(steps, warm_s=10, breath_s=1 if short else 6)
        evidence = await arena.evidence()
        good = report.show(console, evidence)
        good = await _replays(arena) and good
        if not short:
            good = _enough(arena, volume(evidence).log, volume(evidence).all_topics) and good
    console.print("chaos: nothing was lost" if good else "chaos: NOT as it must be, see above")
    return 0 if good else 1


_short = short


async def _replays(arena: Arena) -> bool:
    """rebuild and verify after chaos: zero differences; then one planted edit a service, and exactly that is found."""
    good = True
    for command, *arguments in REPLAYS:
        said = await asyncio.to_thread(arena.maodiao, command, *arguments)
        good = report.replayed(arena.console, said) and good
    return await edits.planted(arena.servers.dsn(), arena.maodiao, arena.say) and good


def _enough(arena: Arena, log: int, all_topics: int) -> bool:
    """Was it the run that it has to be?"""
    strikes, rate = arena.strikes, log / arena.loaded
    missing: Sequence[str] = [
        *([] if strikes.kills >= KILLS else [f"{strikes.kills} kills, {KILLS} are wanted"]),
        *([f"killed too seldom: {', '.join(few)}"] if (few := spared(strikes.struck, SPLIT)) else []),
        *([] if rate >= LEAST_RATE else [f"{rate:.0f} events a second on case.intake, {LEAST_RATE:.0f} are wanted"]),
        *([] if log > LEAST_EVENTS else [f"{log} events on case.intake, more than {LEAST_EVENTS} are wanted"]),
        *arena.strikes.unmet,
        *([f"struck with nothing pending: {', '.join(idle)}"] if (idle := _idle(arena)) else []),
    ]
    arena.console.print(
        f"{strikes.kills} × kill -9; load for {arena.loaded:.0f} s: {rate:.0f} events a second on case.intake, "
        f"{all_topics / arena.loaded:.0f} on all topics"
    )
    for what in missing:
        arena.console.print(f"not enough: {what}")
    return not missing


def spared(struck: Mapping[str, int], roles: Mapping[str, str]) -> list[str]:
    """Roles killed less often than is wanted, by service, and processes with a door or worker that never were killed.

    Relays count by service alone: the one that does not hold the partitions has nothing to lose.

    Args:
        struck: kills by process. roles: of each process; all die with it, whichever the strike was aimed at.
    """
    killed: Counter[tuple[str, str]] = Counter()
    for name, said in roles.items():
        for role in said.split(","):
            killed[service_of(name), role] += struck.get(name, 0)
    few = [f"{role} of {service} {many} ×" for (service, role), many in killed.items() if many < LEAST_OF_ROLE[role]]
    return few + [f"{name} never" for name, said in roles.items() if said != "relay" and not struck.get(name)]


def _idle(arena: Arena) -> list[str]:
    return [f"{fault.what} {fault.target}" for fault in arena.strikes.faults if "nothing pending" in fault.pending]
