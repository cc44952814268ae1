"""The chain of people to try: post called → person on duty → head of unit → parent's duty seat."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.notify.core.roster import DUTY_SEAT, HEAD, ON_DUTY, Directory, answering, holders, on_duty, post_of
from services.notify.events.deliveries import RosterUnit, Step


@dataclass(frozen=True, slots=True)
class Chain:
    """Steps in the order in which they are tried, and the slice of the directory that gave them."""

    steps: tuple[Step, ...]
    roster: tuple[RosterUnit, ...]

    @property
    def version(self) -> int:
        """The highest version among the units looked at; 0 where the directory knew none of them."""
        return max((unit.version for unit in self.roster), default=0)


def call_chain(directory: Directory, unit: str, post: str, at: datetime) -> Chain:
    """Whom to try for a post of a unit, at a moment.

    The person on duty is who has the unit's duty (`on_duty`), or sits at its seat. A step without a person stands in
    the chain as empty and is passed at once: no wait goes to a desk where nobody sits. Who was named by an earlier
    step is not named again: the chain goes on because that person could not be reached.
    """
    here = directory.units.get(unit)
    steps: list[Step] = []
    if post not in (ON_DUTY, DUTY_SEAT):
        steps += _steps("head" if post == HEAD else "holder", unit, post, answering(here, post, at))
    duty = DUTY_SEAT if post_of(here, ON_DUTY) is None and post_of(here, DUTY_SEAT) is not None else ON_DUTY
    steps += _steps("on_duty", unit, duty, on_duty(here, duty, at))
    steps += _steps("head", unit, HEAD, holders(here, HEAD))
    used = {unit: {post, ON_DUTY, DUTY_SEAT, HEAD}}
    above = directory.seat_above(unit)
    if above is not None:
        steps += _steps("duty_seat", above, DUTY_SEAT, answering(directory.units.get(above), DUTY_SEAT, at))
        used.setdefault(above, set()).add(DUTY_SEAT)
    return Chain(_each_once(steps), _slice(directory, used))


def seat_chain(directory: Directory, unit: str | None, at: datetime) -> Chain:
    """Whom to try at a unit's duty seat (值班坐席): the seat there, then the seats above it up to the district's.

    unit: None, or one without a seat, begins at the nearest seat above.
    """
    steps: list[Step] = []
    used: dict[str, set[str]] = {}
    here = unit if unit is not None else directory.root
    while here is not None and here not in used:
        used[here] = {DUTY_SEAT}
        if post_of(directory.units.get(here), DUTY_SEAT) is not None:
            steps += _steps("duty_seat", here, DUTY_SEAT, answering(directory.units.get(here), DUTY_SEAT, at))
        here = directory.seat_above(here)
    return Chain(_each_once(steps), _slice(directory, used))


def _steps(role: str, unit: str, post: str, staff: tuple[str, ...]) -> list[Step]:
    return [Step(role=role, unit=unit, post=post, staff=person) for person in staff or (None,)]


def _each_once(steps: list[Step]) -> tuple[Step, ...]:
    seen: set[str] = set()
    kept: list[Step] = []
    for step in steps:
        if step.staff not in seen and step not in kept:
            kept.append(step)
        if step.staff is not None:
            seen.add(step.staff)
    return tuple(kept)


def _slice(directory: Directory, used: dict[str, set[str]]) -> tuple[RosterUnit, ...]:
    """The units looked at, with the posts looked at and no others; `parent` where that was looked at too."""
    return tuple(
        RosterUnit(
            unit=unit.unit,
            version=unit.version,
            parent=above if (above := directory.seat_above(name)) in used else None,
            posts=tuple(post for post in unit.posts if post.post in names),
        )
        for name, names in used.items()
        if (unit := directory.units.get(name)) is not None
    )
