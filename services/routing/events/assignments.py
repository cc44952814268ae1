"""Who gets a case, and why."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from services.kernel.envelope import Event


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A unit or person that was considered: its open cases then, and why not, where it was not taken."""

    id: str
    load: int
    left_out: str | None = None


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """What the decision rests on, so that it can be run again and read as a reason.

    rule: the row of the route table that matched. place: the community or street code used.
    """

    rule: str
    place: str
    directory_version: int
    candidates: tuple[Candidate, ...] = ()


class Assigned(Event, frozen=True, kw_only=True):
    """Proposal: lead unit (主办), assisting (协办) and informed (知会) units, and the centre that supervises."""

    TYPE: ClassVar[str] = "routing.assigned.v1"
    unit: str
    centre: str
    level: str
    assisting: tuple[str, ...] = ()
    informed: tuple[str, ...] = ()
    hops: int = 0
    basis: Basis


class PanelProposed(Event, frozen=True, kw_only=True):
    """Proposal: mediator, judicial head (司法所长) and stationed lawyer, as staff ids."""

    TYPE: ClassVar[str] = "routing.panel_proposed.v1"
    mediator: str
    judicial_head: str | None = None
    lawyer: str | None = None
    basis: Basis


class PanelUnfilled(Event, frozen=True, kw_only=True):
    """无人可调: nobody can sit as mediator; the duty seat `seat` finds somebody. The lead unit stays.

    reason: no_mediator, loop (open string).
    """

    TYPE: ClassVar[str] = "routing.panel_unfilled.v1"
    reason: str
    seat: str
    basis: Basis


class Unroutable(Event, frozen=True, kw_only=True):
    """无处可派: to the duty seat `seat`. reason: no_place, no_route, unit_ended, all_declined, loop."""

    TYPE: ClassVar[str] = "routing.unroutable.v1"
    reason: str
    seat: str
    basis: Basis


class HandedOver(Event, frozen=True, kw_only=True):
    """Proposal: up a level (what this one can't settle) or down one (what belongs below)."""

    TYPE: ClassVar[str] = "routing.handed_over.v1"
    direction: str
    from_unit: str
    unit: str
    reason: str
    basis: Basis
