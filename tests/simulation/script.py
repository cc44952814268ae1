"""What people do, drawn by chance: presses at minutes of a day, on two cases. What is not possible then is not done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from services.intake.core import inputs
from services.intake.core.cases import Case
from services.intake.core.inputs import Actor, Command
from tests.contracts.play import CLERK, HOUSING, LEADER, MEDIATOR, SEAT
from tests.simulation.world import NINE

GRID = Actor(staff="u-0023", unit="centre-s", street="120106008", role="grid")
Make = Callable[[Case, datetime, Random], Command | None]


@dataclass(frozen=True, slots=True)
class Press:
    """make: the command for the case as it is then, or None where nobody would."""

    at: datetime
    case: str
    make: Make


def _register(family: str) -> Command:
    kind = "0402" if family == "dispute" else "05-01"  # nobody is routed to an incident here: the seat dispatches
    return inputs.Register(
        at=NINE, by=CLERK, number="西于庄 调〔2026〕0001 号", family=family, kind=kind, channel="window",
        community="120106008003", street="120106008",
    )  # type: ignore[arg-type] # fmt: skip


def _attend(case: Case, at: datetime, chance: Random) -> Command:
    """At once, or told later from an offline telephone."""
    earlier = at - timedelta(minutes=chance.choice((5, 20, 45)))
    occurred = chance.choice((None, None, earlier))
    return inputs.Attend(at=at, by=chance.choice((HOUSING, LEADER, SEAT)), occurred_at=occurred)


def _confirm(case: Case, at: datetime, chance: Random) -> Command | None:
    waiting = [(w.obligation, r.rank) for w in case.whistling for r in w.ranks.values() if r.waits_for_press]
    if not waiting:
        return None
    obligation, rank = chance.choice(waiting)
    return inputs.Confirm(at=at, by=SEAT, obligation=obligation, rank=rank)


def _on_whistle(what: type[Command], by: Actor, **fields: object) -> Make:
    def make(case: Case, at: datetime, chance: Random) -> Command | None:
        open_ = [w.obligation for w in case.whistling]
        return what(at=at, by=by, obligation=chance.choice(open_), **fields) if open_ else None

    return make


def _plain(what: type[Command], by: Actor, **fields: object) -> Make:
    return lambda case, at, chance: what(at=at, by=by, **fields)


STEPS: tuple[tuple[float, Make], ...] = (
    (3, _plain(inputs.Accept, SEAT)),
    (2, _plain(inputs.Decline, SEAT, reason="not_ours")),
    (3, _plain(inputs.Dispatch, SEAT, unit="dept-housing")),
    (1, _plain(inputs.Dispatch, SEAT, unit="centre-s")),
    (6, _plain(inputs.Blow, SEAT, unit="dept-housing", kind="emergency")),
    (3, _plain(inputs.Blow, SEAT, kind="emergency")),  # the lead unit, which the timer may have called already
    (5, _attend),
    (14, _confirm),
    (2, _on_whistle(inputs.Acknowledge, LEADER, rank=1)),
    (2, _on_whistle(inputs.Settle, SEAT)),
    (1, _on_whistle(inputs.Withdraw, SEAT, reason="by_mistake")),
    (2, _plain(inputs.Session, MEDIATOR, mode="face_to_face", present=2)),
    (2, _plain(inputs.Agreement, MEDIATOR)),
    (1, _plain(inputs.Perform, MEDIATOR)),
    (2, _plain(inputs.Dispose, SEAT)),
    (1, _plain(inputs.Verify, GRID, passed=False)),
    (1, _plain(inputs.Verify, GRID, passed=True)),
    (1, _plain(inputs.Close, SEAT, outcome="not_settled")),
    (2, _plain(inputs.Reopen, SEAT, reason="again_there")),
    (1, _plain(inputs.Urge, SEAT)),
)


def script(chance: Random) -> list[Press]:
    """Presses of a morning and an afternoon, in order of time."""
    presses = []
    for n in range(chance.choice((1, 2))):
        case, begins = f"{n:032x}", chance.randrange(0, 60)
        family = chance.choice(("dispute", "dispute", "incident"))
        presses.append(Press(NINE + timedelta(minutes=begins), case, lambda *_, family=family: _register(family)))
        for _ in range(chance.randrange(3, 24)):
            minute = begins + chance.choice((chance.randrange(1, 60), chance.randrange(1, 400)))
            (make,) = chance.choices([make for _, make in STEPS], [weight for weight, _ in STEPS])
            presses.append(Press(NINE + timedelta(minutes=minute, seconds=chance.randrange(60)), case, make))
        if chance.random() < 0.5:  # a stall: the seat blows and presses on, rank after rank
            at = NINE + timedelta(minutes=begins + chance.randrange(2, 40))
            presses.append(Press(at, case, _plain(inputs.Blow, SEAT, unit="dept-housing", kind="outcry")))
            presses += [
                Press(at + timedelta(minutes=m), case, _confirm) for m in (32, 36, 40, 48, 55, 75, 100, 140, 200, 300)
            ]
    return sorted(presses, key=lambda press: press.at)
