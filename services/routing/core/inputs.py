"""What routing is told of a case: the facts of its log, as the door to the topics translates them.

`sequence` is the number of the fact on the case's log, `at` its time there, `id` that of the event. Personal data
never come this far.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Base of all inputs."""

    id: str
    sequence: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered(Fact):
    """A case begins. community, street: codes, None where nobody knows."""

    family: str
    kind: str
    community: str | None
    street: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched(Fact):
    """派遣: a human sends the case to a unit. It overrides what routing proposed."""

    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Led(Fact):
    """The log names this unit as the lead: a proposal was applied, or the case was handed over."""

    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted(Fact):
    """受理: the unit takes the case."""

    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined(Fact):
    """退回: the unit sends the case back; `by` is the member of staff who did."""

    unit: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelFormed(Fact):
    """The log names this panel, as staff ids."""

    mediator: str
    judicial_head: str | None
    lawyer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Superseded(Fact):
    """A proposal was not taken: its ground had moved, or the unit had declined, or the case goes in circles.

    proposal: id of our event. because: `declined`, `loop`, or the field that had changed.
    """

    proposal: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stuck(Fact):
    """无处可派: the log says that nobody has the case and the duty seat decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed(Fact):
    """结案: it counts no longer as open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopened(Fact):
    """重新办理: the last lead gets it again."""


Input: TypeAlias = (
    Registered | Dispatched | Led | Accepted | Declined | PanelFormed | Superseded | Stuck | Closed | Reopened
)
