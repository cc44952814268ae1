"""Runs with one planted fault: shorter, with strikes that give the fault its chance; the ledger has to find it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tests.chaos import clocks, ledger, outlets
from tests.chaos.arena import Arena, Step
from tests.chaos.evidence import Evidence
from tests.chaos.faults import PLANTED
from tests.chaos.findings import Finding
from tests.chaos.host import SMALL

CASES_A_SECOND, REPORTS_A_SECOND = 2.0, 0.3
DRAIN_S = 75.0


@dataclass(frozen=True, slots=True)
class Trial:
    """where: the processes that have the fault. finds: the check that has to see it."""

    where: tuple[str, ...]
    finds: Callable[[Evidence], Finding]
    steps: Callable[[Arena], Sequence[Step]]


TRIALS: Mapping[str, Trial] = {
    "relay-marks-early": Trial(
        ("escalation-3",),
        ledger.published,
        lambda arena: [Step(4, lambda: arena.strikes.kill_relay("escalation")) for _ in range(6)],
    ),
    "no-epoch": Trial(
        ("escalation-1",),
        outlets.epochs,
        lambda arena: [Step(46, lambda: arena.strikes.freeze_worker("escalation-1", 15)) for _ in range(2)],
    ),
    "position-apart": Trial(
        ("escalation-1", "escalation-2"),
        ledger.applied,
        lambda arena: [Step(10, lambda n=n: arena.strikes.kill_worker(f"escalation-{n}")) for n in (1, 2, 1, 2, 1)],  # type: ignore[misc]
    ),
    "wall-clock": Trial(
        ("escalation-1", "escalation-2"),
        clocks.fired_behind_the_log,
        lambda arena: [Step(25, lambda: arena.strikes.freeze_relay("intake", 25))],
    ),
}


async def run(console: Console, name: str, keep: Path | None) -> bool:
    """Returns: whether the ledger found it."""
    trial = TRIALS[name]
    console.print(f"planted: {PLANTED[name]}, in {', '.join(trial.where)}")
    arena = Arena(
        SMALL, cases_a_second=CASES_A_SECOND, reports_a_second=REPORTS_A_SECOND, console=console,
        planted=dict.fromkeys(trial.where, name), keep=keep / name if keep is not None else None, drain_s=DRAIN_S,
    )  # fmt: skip
    async with arena:
        await arena.run(trial.steps(arena), warm_s=20, breath_s=2)
        evidence = await arena.evidence()
    return _tell(console, name, trial.finds(evidence), ledger.examine(evidence))


def _tell(console: Console, name: str, wanted: Finding, all_: Sequence[Finding]) -> bool:
    for finding in all_:
        if not finding.holds:
            console.print(f"  {finding.what}: {len(finding.wrong)} of {finding.looked_at}", markup=False)
    if wanted.holds:
        console.print(f"NOT found: {PLANTED[name]}; looked for {wanted.what}")
        return False
    console.print(
        f"found: {PLANTED[name]}: {wanted.what}, {len(wanted.wrong)}; the first: {wanted.wrong[0]}", markup=False
    )
    return True
