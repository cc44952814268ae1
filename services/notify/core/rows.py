"""Which deliveries a decision opens and closes: the difference between a case before and after. Pure.

The batch writes these rows in the statement that writes the events, so there is no event without its delivery and no
delivery without its event.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.notify.core.calls import CALLED_OFF, TOLD, Call, Case
from services.notify.core.inputs import Key

FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Opened:
    """This person is to be told now."""

    key: Key
    staff: str
    role: str


@dataclass(frozen=True, slots=True)
class Closed:
    """Deliveries of a call that wait no longer.

    staff: only of this person; None for all of the call. into: the state they take. told: who was told over which
    channel, where somebody was; that delivery becomes told, whatever it was before.
    """

    key: Key
    into: str
    staff: str | None = None
    told: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """closed first, then opened."""

    closed: tuple[Closed, ...] = ()
    opened: tuple[Opened, ...] = ()


def changes(before: Case | None, after: Case | None) -> Changes:
    """What the rows of the table `delivery` have to follow."""
    was = before.calls if before is not None else {}
    now = after.calls if after is not None else {}
    moved = [(was.get(name), call) for name, call in now.items() if was.get(name) != call]
    return Changes(
        tuple(closed for old, new in moved for closed in _closed(old, new)),
        tuple(opened for old, new in moved for opened in _opened(old, new)),
    )


def _opened(old: Call | None, new: Call) -> list[Opened]:
    step = new.trying
    if step is None or step.staff is None or (old is not None and old.trying == step):
        return []
    return [Opened(new.key, step.staff, step.role)]


def _closed(old: Call | None, new: Call) -> list[Closed]:
    if old is None:
        return []
    if new.outcome != old.outcome:
        if new.outcome == TOLD and new.staff is not None:
            return [Closed(new.key, CALLED_OFF, told=(new.staff, new.channel or ""))]
        return [Closed(new.key, CALLED_OFF if new.outcome == CALLED_OFF else FAILED)]
    if new.step != old.step and old.trying is not None:
        return [Closed(new.key, FAILED, staff=old.trying.staff)]
    return []
