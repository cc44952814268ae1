"""Who was told, over which channel, or why nobody could be. Staff ids and posts alone; addresses stay in notify."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from services.kernel.envelope import Event


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the chain person on duty → head of unit → parent's duty seat, as the roster gave it.

    role: on_duty, head, duty_seat. staff: None where the step was empty.
    """

    role: str
    unit: str
    post: str
    staff: str | None = None


class Called(Event, frozen=True, kw_only=True):
    """Deliveries were written for this obligation and rank: the chain with the slice of the roster used.

    purpose: whistle, assignment, unconfirmed, undelivered, reminder.
    """

    TYPE: ClassVar[str] = "notify.called.v1"
    obligation: str
    rank: int
    purpose: str
    unit: str
    post: str
    chain: tuple[Step, ...]
    directory_version: int


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


class Undeliverable(Event, frozen=True, kw_only=True):
    """Every step of the chain was empty or failed. reason: nobody_on_chain, channels_failed."""

    TYPE: ClassVar[str] = "notify.undeliverable.v1"
    obligation: str
    rank: int
    purpose: str
    unit: str
    reason: str


class StoodDown(Event, frozen=True, kw_only=True):
    """Whoever had been told of this obligation was told that it is over."""

    TYPE: ClassVar[str] = "notify.stood_down.v1"
    obligation: str
    staff: str
    channel: str
