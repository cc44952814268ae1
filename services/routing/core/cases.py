"""What routing keeps of a case, and what it proposes as the case goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as with_
from datetime import datetime
from typing import Final, Literal, NoReturn

import msgspec
from msgspec.structs import replace

from services.kernel.envelope import Event
from services.routing.core.inputs import (
    Accepted,
    Closed,
    Declined,
    Dispatched,
    Input,
    Led,
    PanelFormed,
    Registered,
    Reopened,
    Superseded,
)
from services.routing.core.leads import NO_RULE, Matter, again, basis, lead, to_seat
from services.routing.core.panels import NO_MEDIATOR, PANEL_LOOP, PANEL_REASONS, compose
from services.routing.core.places import Place, locate
from services.routing.core.view import View
from services.routing.events.assignments import Assigned, Basis, PanelProposed, Unroutable

LOOP: Final = "loop"
MOST_HOPS: Final = 8
"""Proposals without a human having settled who has the case; then the duty seat decides (DESIGN: reason `loop`)."""

By = Literal["proposal", "log", "hand"]


class Panel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Staff ids."""

    mediator: str
    judicial_head: str | None = None
    lawyer: str | None = None


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A case as routing sees it.

    last: number of the last fact applied. lead_by, panel_by: who said so: our own proposal, the log that applied it,
    or a human. declined: units that sent it back since a human last gave it to them. recused: staff who did so.
    hops, panel_hops: proposals since a human last settled who has it.
    """

    family: str
    kind: str
    community: str | None = None
    street: str | None = None
    open: bool = True
    last: int
    lead: str | None = None
    lead_by: By | None = None
    panel: Panel | None = None
    panel_by: By | None = None
    declined: tuple[str, ...] = ()
    recused: tuple[str, ...] = ()
    hops: int = 0
    panel_hops: int = 0


class Cases:
    """Routing's core. A repeated fact is known by its number, so it says nothing and changes nothing."""

    rules: Final = 1

    def decide(self, state: Case | None, given: Input, view: View) -> Sequence[Event]:
        """See the kernel's `Core`. Whatever looks at the view says something, so its basis can be recalled."""
        case = self.evolve(state, given)
        if case is None or not case.open or (state is not None and given.sequence <= state.last):
            return ()
        match given:
            case Registered():
                return _route(case, view, given.at) if state is None else ()
            case Declined(unit=unit) if state is not None and state.lead == unit:
                return _route(case, view, given.at)
            case Superseded(proposal="lead") if state is not None and state.lead_by == "proposal":
                return _route(case, view, given.at)
            case Superseded(proposal="panel") if state is not None and state.panel_by == "proposal":
                return _panel_again(case, view, given.at)
            case Dispatched() if case.panel is None and case.family == "dispute":
                return _panel(case, None, view, given.at)
            case Reopened() if state is not None and not state.open:
                return _reopen(case, view, given.at)
            case _:
                return ()

    def evolve(self, state: Case | None, event: Input | Event) -> Case | None:
        """See the kernel's `Core`."""
        if isinstance(event, Event):
            return _said(state, event) if state is not None else None
        if state is None:
            return _begin(event) if isinstance(event, Registered) else None
        if event.sequence <= state.last:
            return state
        return _told(replace(state, last=event.sequence), event)

    def due(self, state: Case) -> datetime | None:
        """Routing waits for nobody: limits are escalation's."""
        return None

    def fired(self, at: datetime, held: bool) -> NoReturn:
        raise AssertionError("routing has no limits")

    def recall(self, recorded: Sequence[Event], view: View) -> View:
        """The directory and the loads that stand in the recorded basis; unchanged where nothing was said."""
        grounds = [ground for event in recorded if (ground := _basis(event)) is not None]
        if not grounds:
            return view
        loads = {candidate.id: candidate.load for ground in grounds for candidate in ground.candidates}
        return with_(view, edition=view.editions.edition(grounds[0].directory_version), loads=loads)


def _begin(event: Registered) -> Case:
    return Case(
        family=event.family, kind=event.kind, community=event.community, street=event.street, last=event.sequence
    )


def _told(case: Case, event: Input) -> Case:
    """A fact of the log."""
    match event:
        case Dispatched(unit=unit):
            left_out = tuple(id_ for id_ in case.declined if id_ != unit)
            return replace(case, lead=unit, lead_by="hand", declined=left_out, hops=0, panel_hops=0)
        case Led(unit=unit):
            return replace(case, lead=unit, lead_by="log")
        case Accepted():
            return replace(case, hops=0, panel_hops=0)
        case Declined(unit=unit, by=by):
            case = case if case.lead != unit else replace(case, lead=None, lead_by=None)
            return replace(case, declined=_with(case.declined, unit), recused=_with(case.recused, by))
        case PanelFormed(mediator=mediator, judicial_head=head, lawyer=lawyer):
            return replace(case, panel=Panel(mediator=mediator, judicial_head=head, lawyer=lawyer), panel_by="log")
        case Superseded(proposal="lead") if case.lead_by == "proposal":
            return replace(case, lead=None, lead_by=None)
        case Superseded(proposal="panel") if case.panel_by == "proposal":
            return replace(case, panel=None, panel_by=None)
        case Closed():
            return replace(case, open=False)
        case Reopened():
            return replace(case, open=True, hops=0, panel_hops=0)
        case _:
            return case


def _said(case: Case, event: Event) -> Case:
    """An own event."""
    match event:
        case Assigned(unit=unit, hops=hops):
            return replace(case, lead=unit, lead_by="proposal", hops=hops + 1)
        case PanelProposed(mediator=mediator, judicial_head=head, lawyer=lawyer):
            panel = Panel(mediator=mediator, judicial_head=head, lawyer=lawyer)
            return replace(case, panel=panel, panel_by="proposal", panel_hops=case.panel_hops + 1)
        case Unroutable(reason=reason) if reason in PANEL_REASONS:
            return replace(case, panel=None, panel_by=None)
        case Unroutable():
            return replace(case, lead=None, lead_by=None)
        case _:
            return case


def _with(ids: tuple[str, ...], id_: str) -> tuple[str, ...]:
    return ids if id_ in ids else (*ids, id_)


def _place(case: Case, view: View, at: datetime) -> Place:
    directory = view.edition.directory
    return locate(directory, case.community, case.street, directory.day(at))


def _matter(case: Case, view: View, at: datetime) -> Matter:
    return Matter(case.family, case.kind, _place(case, view, at), case.declined, case.hops)


def _route(case: Case, view: View, at: datetime) -> tuple[Event, ...]:
    """A lead, and with it the panel of its level."""
    matter = _matter(case, view, at)
    if case.hops >= MOST_HOPS:
        return (to_seat(LOOP, matter.place, basis(NO_RULE, matter.place, (), view), view, at),)
    proposal = lead(matter, view, at)
    if isinstance(proposal, Unroutable):
        return (proposal,)
    return (proposal, *_panel(case, proposal.level, view, at))


def _reopen(case: Case, view: View, at: datetime) -> tuple[Event, ...]:
    directory = view.edition.directory
    unit = directory.unit(case.lead, directory.day(at)) if case.lead is not None else None
    if unit is None:
        return _route(case, view, at)
    proposal = again(unit, _matter(case, view, at), view, at)
    return (proposal, *(_panel(case, unit.level, view, at) if case.panel is None else ()))


def _panel_again(case: Case, view: View, at: datetime) -> tuple[Event, ...]:
    if case.panel_hops < MOST_HOPS:
        return _panel(case, None, view, at)
    place = _place(case, view, at)
    return (to_seat(PANEL_LOOP, place, basis(NO_RULE, place, (), view), view, at),)


def _panel(case: Case, level: str | None, view: View, at: datetime) -> tuple[Event, ...]:
    """The panel of the route at a level; level None: that of the lead unit, or where it is not known, the entry's."""
    directory, table = view.edition.directory, view.edition.table(at)
    if table is None:
        return ()
    day = directory.day(at)
    unit = directory.unit(case.lead, day) if level is None and case.lead is not None else None
    found = table.at_level(case.family, case.kind, level or (unit.level if unit is not None else ""))
    route = found or table.entry(case.family, case.kind)
    if route is None or not route.panel:
        return ()
    place = _place(case, view, at)
    composed = compose(route, case.kind, place, case.recused, view, day)
    ground = basis(route.id, place, composed.candidates, view)
    if composed.mediator is None:
        return (to_seat(NO_MEDIATOR, place, ground, view, at),)
    return (
        PanelProposed(
            mediator=composed.mediator, judicial_head=composed.judicial_head, lawyer=composed.lawyer, basis=ground
        ),
    )


def _basis(event: Event) -> Basis | None:
    return event.basis if isinstance(event, Assigned | PanelProposed | Unroutable) else None
