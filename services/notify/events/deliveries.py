"""Who was told, over which channel, or why nobody could be. Staff ids and posts alone; addresses stay in notify.

`obligation` names what a call is about, within the case. A whistle's is its own (`w1`, or the limit's name); what
notify calls for other reasons has names of its own, so that nobody takes a message to a seat for a whistle told:
`a<n>` assignment, `g<n>` urged, `p<n>` proposed, `n<n>` undelivered, `u<n>` unroutable, `h<n>` held, `r<n>` reminder,
`t<n>` untold, `c<n>` unconfirmed, where n is the number, on its topic, of the event that asked for the call.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from services.kernel.envelope import Event


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the chain post called → person on duty → head of unit → parent's duty seat, as the roster gave it.

    role: holder (of the post called, where that is not the head), on_duty, head, duty_seat.
    staff: None where the step was empty.
    """

    role: str
    unit: str
    post: str
    staff: str | None = None


class RosterShift(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A shift. Minutes are of the local day, 0 … 1440; an end not after its start runs past midnight."""

    staff: str
    weekdays: tuple[int, ...]
    start_min: int
    end_min: int


class RosterPost(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A post, who holds it, and who of them is on duty when."""

    post: str
    staff: tuple[str, ...] = ()
    shifts: tuple[RosterShift, ...] = ()


class RosterUnit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the choice of people looks at in one unit, at one version of it.

    parent: the unit above; in the slice of a call the nearest one above that has a duty seat.
    """

    unit: str
    version: int
    parent: str | None = None
    posts: tuple[RosterPost, ...] = ()


class Called(Event, frozen=True, kw_only=True):
    """Deliveries were written for this obligation and rank: the chain with the slice of the roster used.

    purpose: whistle, assignment, urged, proposed, unconfirmed, undelivered, untold, unroutable, held, reminder,
        stood_down.
    rank: of the whistle; 0 for every other purpose.
    about: the whistle or limit that it is about, where `obligation` is a name of notify's own.
    asked_after: number, on case.intake, of the last event that the asking event rests on. An end of the case or of
    the obligation with a higher number overtakes the call.
    respond_within_s: how long after being told attendance is due; whistles alone.
    roster: the units and posts looked at, so that the choice can be made again (`verify`).
    """

    TYPE: ClassVar[str] = "notify.called.v1"
    obligation: str
    rank: int
    purpose: str
    unit: str
    post: str
    chain: tuple[Step, ...]
    directory_version: int
    about: str | None = None
    asked_after: int = 0
    respond_within_s: int | None = None
    roster: tuple[RosterUnit, ...] = ()


class Told(Event, frozen=True, kw_only=True):
    """A channel took the message for this person."""

    TYPE: ClassVar[str] = "notify.told.v1"
    obligation: str
    rank: int
    purpose: str
    staff: str
    unit: str
    post: str
    role: str
    channel: str
    attempts: int


class StepFailed(Event, frozen=True, kw_only=True):
    """No channel of this person took the message; the next step of the chain was called at once.

    reason: no_contact, refused, unanswered.
    """

    TYPE: ClassVar[str] = "notify.step_failed.v1"
    obligation: str
    rank: int
    purpose: str
    staff: str
    role: str
    reason: str


class Undeliverable(Event, frozen=True, kw_only=True):
    """Every step of the chain was empty or failed. reason: nobody_on_chain, channels_failed."""

    TYPE: ClassVar[str] = "notify.undeliverable.v1"
    obligation: str
    rank: int
    purpose: str
    unit: str
    reason: str


class CalledOff(Event, frozen=True, kw_only=True):
    """It was over before the message left: nobody was told. because: case_ended, obligation_ended."""

    TYPE: ClassVar[str] = "notify.called_off.v1"
    obligation: str
    rank: int
    purpose: str
    because: str


class StoodDown(Event, frozen=True, kw_only=True):
    """Whoever had been told of this obligation was told that it is over."""

    TYPE: ClassVar[str] = "notify.stood_down.v1"
    obligation: str
    staff: str
    channel: str
    rank: int = 0
