"""What a channel is, and the three things that can come of a message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Message:
    """What is said to one person.

    id: made of the delivery's key alone, so that a mail system or a receiver can drop a repeat.
    reference: case, obligation, rank and purpose, for machines. title, text: Chinese first, English after it.
    """

    id: str
    reference: dict[str, str | int]
    title: str
    text: str
    link: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The channel took it."""


@dataclass(frozen=True, slots=True)
class Retry:
    """It did not take it now, or nobody knows. reason: a code. after: what it asked for."""

    reason: str
    after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It will never take it. reason: a code, never an address or the other side's words."""

    reason: str


Result: TypeAlias = Sent | Retry | Failed


class Channel(Protocol):
    async def send(self, address: str, message: Message) -> Result:
        """Hand the message over, within the channel's own time limit. Raises nothing that a server or net can cause."""
        ...
