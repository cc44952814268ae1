"""What routing keeps of a case, and what it proposes as the case goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace as with_
from datetime import datetime
from typing import Final, NoReturn

import msgspec
from msgspec.structs import replace

from services.kernel.envelope import Event, derived_id
from services.routing.core import leads, panels
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
    Stuck,
    Superseded,
)
from services.routing.core.places import Place, locate
from services.routing.core.view import View
from services.routing.events.assignments import Assigned, Basis, PanelProposed, PanelUnfilled, Unroutable

LOOP: Final = "loop"
MOST_HOPS: Final = 8
"""Proposals without anybody having taken the case; then the duty seat decides (DESIGN: reason `loop`)."""


class Panel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Staff ids."""

    mediator: str
    judicial_head: str | None = None
    lawyer: str | None = None


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A case as routing sees it.

    last, cause: number and id of the last fact applied. lead_id, panel_id: the proposal of ours that said so and waits
    for its answer; None once the log or a human has said it. declined: units that sent it back since a human last
    gave it to them. recused: staff who did so. hops, panel_hops: proposals since somebody last took the case.
    """

    family: str
    kind: str
    community: str | None = None
    street: str | None = None
    open: bool = True
    last: int
    cause: str
    lead: str | None = None
    lead_id: str | None = None
    panel: Panel | None = None
    panel_id: str | None = None
    declined: tuple[str, ...] = ()
    recused: tuple[str, ...] = ()
    hops: int = 0
    panel_hops: int = 0


class Cases:
    """Routing's core. A repeated fact is known by its number, so it says nothing and changes nothing."""

    rules: Final = 1

    def decide(self, state: Case | None, given: Input, view: View) -> Sequence[Event]:
        """See the kernel's `Core`. What looks at loads says something, so that its basis can be recalled."""
        case = self.evolve(state, given)
        if case is None or not case.open:
            return ()
        if state is None:
            return _route(case, view, given.at)
        if given.sequence <= state.last:
            return ()
        match given:
            case Declined(unit=unit) if state.lead == unit:
                return _route(case, view, given.at)
            case Superseded(proposal=id_, because=because) if because != LOOP:
                if id_ == state.lead_id:
                    return _route(case, view, given.at)
                return _panel_again(case, view, given.at) if id_ == state.panel_id else ()
            case Dispatched() if case.family == "dispute":
                return _panel(case, None, view, given.at)
            case Reopened() if not state.open:
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
        return _told(replace(state, last=event.sequence, cause=event.id), event)

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
        family=event.family,
        kind=event.kind,
        community=event.community,
        street=event.street,
        last=event.sequence,
        cause=event.id,
    )


def _told(case: Case, event: Input) -> Case:
    """A fact of the log."""
    match event:
        case Dispatched(unit=unit):
            left_out = tuple(id_ for id_ in case.declined if id_ != unit)
            return replace(_without_panel(_led(case, unit)), declined=left_out, hops=0, panel_hops=0)
        case Led(unit=unit):
            return _led(case, unit)
        case Accepted(unit=unit):
            return replace(_led(case, unit), hops=0, panel_hops=0)
        case Declined(unit=unit, by=by):
            case = case if case.lead != unit else _without_panel(_led(case, None))
            return replace(case, declined=_with(case.declined, unit), recused=_with(case.recused, by))
        case PanelFormed(mediator=mediator, judicial_head=head, lawyer=lawyer):
            return replace(case, panel=Panel(mediator=mediator, judicial_head=head, lawyer=lawyer), panel_id=None)
        case Superseded():
            return _superseded(case, event)
        case Stuck():
            return _led(case, None)
        case Closed():
            return replace(case, open=False)
        case Reopened():
            return replace(case, open=True, hops=0, panel_hops=0)
        case _:
            return case


def _superseded(case: Case, event: Superseded) -> Case:
    if event.proposal == case.panel_id:
        return _without_panel(case)
    if event.proposal != case.lead_id:
        return case
    # The log may hold a refusal that a hand-made dispatch has made us forget.
    declined = _with(case.declined, case.lead) if event.because == leads.DECLINED and case.lead else case.declined
    return replace(_led(case, None), declined=declined)


def _said(case: Case, event: Event) -> Case:
    """An own event. Its id follows from the fact that caused it and its place among what was said then."""
    match event:
        case Assigned(unit=unit, hops=hops):
            return replace(case, lead=unit, lead_id=_lead_id(case), hops=hops + 1)
        case PanelProposed(mediator=mediator, judicial_head=head, lawyer=lawyer):
            ordinal = 1 if case.lead_id == _lead_id(case) else 0
            return replace(
                case,
                panel=Panel(mediator=mediator, judicial_head=head, lawyer=lawyer),
                panel_id=derived_id(case.cause, PanelProposed.TYPE, ordinal),
                panel_hops=case.panel_hops + 1,
            )
        case PanelUnfilled():
            return _without_panel(case)
        case Unroutable():
            return _led(case, None)
        case _:
            return case


def _lead_id(case: Case) -> str:
    return derived_id(case.cause, Assigned.TYPE, 0)


def _led(case: Case, unit: str | None) -> Case:
    return replace(case, lead=unit, lead_id=None)


def _without_panel(case: Case) -> Case:
    return replace(case, panel=None, panel_id=None)


def _with(ids: tuple[str, ...], id_: str) -> tuple[str, ...]:
    return ids if id_ in ids else (*ids, id_)


def _place(case: Case, view: View, at: datetime) -> Place:
    directory = view.edition.directory
    return locate(directory, case.community, case.street, directory.day(at))


def _matter(case: Case, view: View, at: datetime) -> leads.Matter:
    return leads.Matter(case.family, case.kind, _place(case, view, at), case.declined, case.hops)


def _route(case: Case, view: View, at: datetime) -> tuple[Event, ...]:
    """A lead, and with it the panel of its level."""
    matter = _matter(case, view, at)
    if case.hops >= MOST_HOPS:
        return (leads.unroutable(LOOP, matter.place, leads.Tried(leads.NO_RULE), view, at),)
    proposal = leads.lead(matter, view, at)
    if isinstance(proposal, Unroutable):
        return (proposal,)
    # A panel that waits for its own answer, or has been formed, is not asked for twice.
    return (proposal, *(_panel(case, proposal.level, view, at) if case.panel is None else ()))


def _reopen(case: Case, view: View, at: datetime) -> tuple[Event, ...]:
    directory = view.edition.directory
    unit = directory.unit(case.lead, directory.day(at)) if case.lead is not None else None
    if unit is None:
        return _route(case, view, at)
    proposal = leads.again(unit, _matter(case, view, at), view, at)
    return (proposal, *(_panel(case, unit.level, view, at) if case.panel is None else ()))


def _panel_again(case: Case, view: View, at: datetime) -> tuple[Event, ...]:
    if case.panel_hops < MOST_HOPS:
        return _panel(case, None, view, at)
    place = _place(case, view, at)
    ground = leads.basis(leads.NO_RULE, place, (), view)
    return (PanelUnfilled(reason=LOOP, seat=leads.seat(place, view, at), basis=ground),)


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
    composed = panels.compose(route, case.kind, place, case.recused, view, day)
    ground = leads.basis(route.id, place, composed.candidates, view)
    if composed.mediator is None:
        return (PanelUnfilled(reason=panels.NO_MEDIATOR, seat=leads.seat(place, view, at), basis=ground),)
    head, lawyer = composed.judicial_head, composed.lawyer
    return (PanelProposed(mediator=composed.mediator, judicial_head=head, lawyer=lawyer, basis=ground),)


def _basis(event: Event) -> Basis | None:
    return event.basis if isinstance(event, Assigned | PanelProposed | PanelUnfilled | Unroutable) else None
