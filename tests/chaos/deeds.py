"""What people do in simulated time, and how the simulated hours are lived through."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.intake.core import inputs
from tests.chaos.simulated import BEGIN, CENTRE, SEAT, World


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that a person does at a time."""

    at: datetime
    case: str
    make: Callable[[datetime], inputs.Command]


def deeds(cases: int, seed: int, span: timedelta) -> list[Deed]:
    """What people do with that many cases: some come in time, some late, some never."""
    chance = random.Random(seed)
    plan: list[Deed] = []
    for n in range(cases):
        case, at = f"{chance.getrandbits(128):032x}", BEGIN + span * chance.random()
        plan += [
            Deed(at, case, lambda t, n=n: _register(t, n)),  # type: ignore[misc]
            Deed(at + _minutes(0.2), case, lambda t: inputs.Dispatch(at=t, by=SEAT, unit="team")),
        ]
        if chance.random() < 0.6:
            plan.append(Deed(at + _minutes(1), case, lambda t: inputs.Blow(at=t, by=CENTRE, kind="emergency")))
        comes = chance.choice((10, 20, 29, 40, 75, None, None))
        if comes is not None:
            when = at + _minutes(comes)
            plan.append(Deed(when, case, lambda t: inputs.Attend(at=t, by=SEAT)))
            plan.append(Deed(when + _minutes(1), case, lambda t: inputs.Dispose(at=t, by=SEAT)))
            if chance.random() < 0.7:
                plan.append(Deed(when + _minutes(3), case, lambda t: inputs.Verify(at=t, by=SEAT, passed=True)))
                plan.append(Deed(when + _minutes(4), case, lambda t: inputs.Close(at=t, by=SEAT, outcome="disposed")))
    return sorted(plan, key=lambda deed: deed.at)


def _minutes(many: float) -> timedelta:
    return timedelta(minutes=many)


def _register(at: datetime, number: int) -> inputs.Register:
    return inputs.Register(
        at=at, by=SEAT, number=f"S-{number}", family="incident", kind="05-01", channel="telephone",
        community="120106001002", street="120106001",
    )  # fmt: skip


async def live(world: World, plan: list[Deed], until: datetime) -> None:
    """Run the world: deeds at their times, tick after tick."""
    waiting = iter(plan)
    deed = next(waiting, None)
    while world.clock.at < until:
        while deed is not None and deed.at <= world.clock.at:
            await world.press(deed.case, deed.make)
            deed = next(waiting, None)
        await world.tick()


def soonest_leader(world: World) -> timedelta | None:
    """The shortest time between a person of one rank being reached and one of the next."""
    told: dict[tuple[str, str, int], datetime] = {}
    gaps = []
    for at, case, obligation, rank in world.reached:
        if obligation:
            told.setdefault((case, obligation, rank), at)
    for (case, obligation, rank), at in told.items():
        if rank > 1:
            below = told.get((case, obligation, rank - 1))
            gaps.append(at - below if below is not None else timedelta(0))
    return min(gaps, default=None)
