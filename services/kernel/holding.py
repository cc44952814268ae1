"""What a service says when a bad record makes it hold a subject, and when it goes on (decision 6).

The same two types stand on every service's topic; the envelope's `source` says who holds.
"""

from __future__ import annotations

from typing import ClassVar

from services.kernel.envelope import Event


class Held(Event, frozen=True, kw_only=True):
    """Records of this subject on `topic` are parked from `offset` on. `reason` is a code and names no value."""

    TYPE: ClassVar[str] = "subject.held.v1"
    topic: str
    partition: int
    offset: int
    reason: str


class Released(Event, frozen=True, kw_only=True):
    """The parked records of this subject on `topic` were applied in order; the service goes on."""

    TYPE: ClassVar[str] = "subject.released.v1"
    topic: str
    redriven: int
