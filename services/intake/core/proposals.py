"""Facts and proposals of the other services: what intake makes of them (the table of the design).

A fact is always applied. A proposal is superseded if a field that it rests on changed after the event that its writer
had seen last. A case passed on eight times since the last human act goes to the duty seat (`loop`).
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from services.intake.core.cases import DUTY_SEAT_AFTER_HOPS, Case
from services.intake.core.inputs import Proposal
from services.intake.events import facts
from services.kernel.envelope import Event


def grounds(event: Event) -> tuple[str, ...]:
    """The fields that a proposal rests on; see `evolving.changes`."""
    match event:
        case facts.Assigned() | facts.HandedOver() | facts.Unroutable():
            return ("lead", "taken", "open")
        case facts.PanelFormed() | facts.PanelUnfilled():
            return ("lead", "open")
        case facts.WhistleProposed():
            return ("open", f"whistle {event.obligation}")
        case _:
            return ()


def decide(case: Case, proposal: Proposal, seat: str) -> Sequence[Event]:
    """The proposal as an own event, or why not.

    Args:
        seat: unit of the duty seat that takes what goes in circles.
    """
    event = proposal.event
    because = _because(case, proposal)
    if because is not None:
        return (facts.Superseded(fact_at=proposal.fact_at, proposal=proposal.id, because=because),)
    if isinstance(event, facts.Assigned | facts.HandedOver) and case.hops >= DUTY_SEAT_AFTER_HOPS:
        candidates = (event.unit,)
        return (facts.Unroutable(fact_at=event.fact_at, reason="loop", seat=seat, candidates=candidates),)
    if isinstance(event, facts.Assigned):
        return (replace(event, hops=case.hops + 1),)
    return (event,)


def _because(case: Case, proposal: Proposal) -> str | None:
    event = proposal.event
    for field in grounds(event):
        if case.changed.get(field, 0) > proposal.afterseq:
            return field
    if not case.open:
        return "open"
    if isinstance(event, facts.Assigned | facts.HandedOver):
        if event.unit in case.declined:
            return "declined"
        if case.unroutable == "loop":
            return "loop"
    return None
