"""What the outside system that sent a case hears of it: a receipt for each of its events, and each change of status."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from services.intake.core.cases import Case, State
from services.intake.events import reception
from services.kernel.envelope import Event

RECEIPT = "receipt"
STATUS: Mapping[State, str] = {
    "registered": "registered",
    "unroutable": "unroutable",
    "assigned": "assigned",
    "accepted": "in_progress",
    "mediating": "in_progress",
    "agreed": "in_progress",
    "performed": "in_progress",
    "disposed": "disposed",
    "verified": "disposed",
    "closed": "closed",
}


def actor_of(system: str) -> str:
    """How an outside system signs what it does: in the place of a staff id."""
    return f"system:{system}"


def told(before: Case, after: Case, event: Event) -> Case:
    """Note what the system is told because of this event; nothing for cases that people brought."""
    if after.system is None:
        return after
    said = after.outside
    if isinstance(event, reception.Registered) or getattr(event, "by", None) == actor_of(after.system):
        said = (*said, RECEIPT)
    new = STATUS[after.state]
    if isinstance(event, reception.Registered) or new != STATUS[before.state]:
        said = (*said, new)
    return after if said == after.outside else replace(after, outside=said)
