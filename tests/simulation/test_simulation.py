"""Hundreds of disturbed runs by seed, and that the simulation finds what is planted.

More: `python -m tests.simulation --seeds 5000`, or MAODIAO_SEEDS=5000 for the tests. A failure prints its seed;
`python -m tests.simulation --from 17 --seeds 1` runs that one again.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from services.escalation.core import cases, inputs, limits
from services.escalation.core.states import ATTEND
from services.kernel.envelope import decode
from services.kernel.marks import Mark, Marks
from tests.simulation.checks import check, outcome
from tests.simulation.runs import calm, disturbed, run
from tests.simulation.world import Service, World

SEEDS = int(os.environ.get("MAODIAO_SEEDS", "200"))
BLOCKS = 8


def ran(seed: int, of: Callable[[int], Any] = run) -> World:
    try:
        world: World = asyncio.run(of(seed))
    except BaseException as error:
        error.add_note(f"seed {seed}: python -m tests.simulation --from {seed} --seeds 1")
        raise
    return world


@pytest.mark.parametrize("block", range(BLOCKS))
def test_whatever_happens_between_the_services_comes_to_what_the_log_says(block: int) -> None:
    for seed in range(block, SEEDS, BLOCKS):
        ran(seed)


@pytest.mark.parametrize("block", range(2))
def test_delays_that_take_no_time_change_nothing_that_anybody_notices(block: int) -> None:
    """Repeats, other orders, kills and freezes within a moment: limits, whistles, calls and cases are as when calm."""

    async def unhurried(seed: int) -> World:
        world = await disturbed(seed, time_passes=False)
        await check(world)
        assert outcome(world) == outcome(await calm(seed))
        return world

    for seed in range(block, max(20, SEEDS // 5), 2):
        ran(seed, unhurried)


def test_the_runs_reach_what_they_are_for() -> None:
    """That the seeds are not all idle days."""
    types, repeats, lost = Counter[str](), 0, 0
    for seed in range(60):
        world = ran(seed, disturbed)
        for topic, records in world.topics.items():
            types.update(decode(record.value or b"").type for record in records)
            repeats += len(records) - len({record.value for record in records})
            lost += sum(world.lost_answers.values()) if topic == "case.notify" else 0
    for wanted in (
        "escalation.ladder_exhausted.v1", "escalation.limit_missed.v1", "escalation.limit_met.v1",
        "escalation.whistle_refused.v1", "escalation.proposal_withdrawn.v1", "case.superseded.v1",
        "notify.undeliverable.v1", "notify.called_off.v1", "notify.stood_down.v1", "case.whistle_confirmed.v1",
        "case.reopened.v1", "routing.unroutable.v1",
    ):  # fmt: skip
        assert types[wanted], (wanted, types)
    assert repeats > 100 and lost > 10


# What is planted is found


def found(match: str, seeds: int = 120) -> None:
    """Some seed fails, and says this."""
    for seed in range(seeds):
        try:
            asyncio.run(run(seed))
        except AssertionError as error:
            assert match in str(error), f"seed {seed} failed otherwise: {error}"
            return
    raise AssertionError(f"{seeds} seeds did not find it")


def test_a_mark_ahead_of_what_was_published_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The relay marks before it has published: a limit fires although the answer in time waits in the outbox."""

    def mark(self: World) -> None:
        self.marks.append(Mark(relay="relay", upto=self.now, offsets={0: len(self.topics["case.intake"])}))
        self.services["escalation"].worker.marks.add(self.marks[-1])

    monkeypatch.setattr(World, "mark", mark)
    found("came behind it")


def test_limits_by_the_wall_clock_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker fires whatever mark it has heard, wherever it stands itself."""

    def passed(self: Marks, positions: dict[int, int]) -> dict[int, datetime]:
        newest = {p: ahead[-1][1] for p, ahead in self._ahead.items() if ahead}
        return {p: upto for p, upto in newest.items() if (f := self._fired.get(p)) is None or f < upto}

    monkeypatch.setattr(Marks, "passed", passed)
    found("")


def test_a_relay_out_of_order_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    publish = Service.publish

    def shuffled(self: Service, most: int) -> bool:
        rest = self.store.said[self.published :]
        self.store.said[self.published :] = rest[1:2] + rest[:1] + rest[2:]
        return publish(self, most)

    monkeypatch.setattr(Service, "publish", shuffled)
    found("")


def test_a_leader_called_before_the_head_was_told_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait of a rank counts from when it was blown: after an outage of notify the leader is called first."""

    def applied(draft: Any, given: Any) -> None:
        whistle = draft.case.whistle(given.obligation)
        rung = whistle.rung(whistle.rank) if whistle is not None else None
        if rung is not None and whistle.rank == given.rank and whistle.phase == "blown":
            limits.begin_rank(draft, whistle, ATTEND, rung.within)

    monkeypatch.setitem(cases._DECISIONS, inputs.BlownApplied, applied)  # type: ignore[arg-type]
    found("was told")


def test_a_sender_that_forgets_what_it_sent_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = World._answer

    async def forgetful(self: World, case: str, given: Any, call: Any, staff: str) -> None:
        if type(given).__name__ != "Delivered" or self.chance.random() < 0.9:
            await answer(self, case, given, call, staff)

    monkeypatch.setattr(World, "_answer", forgetful)
    found("lost answers")
