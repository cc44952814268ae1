"""A case as it is shown. No personal data: text comes beside it, for those who may read it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from services.intake.core import needs, steps
from services.intake.core.cases import Awaited, Case, Hold, Panel, Rank, Whistle
from services.intake.core.inputs import Actor
from services.intake.core.places import Directory
from services.intake.doors import words


class LimitView(msgspec.Struct, kw_only=True):
    """A limit; `due_at` never moves but by an order of revision."""

    limit: str
    step: str
    start: datetime
    due_at: datetime
    near_at: datetime
    status: str
    reported_late: bool
    obligation: str | None
    rank: int | None
    policy_version: int


class RankView(msgspec.Struct, kw_only=True):
    rank: int
    unit: str
    unit_name: str
    post: str
    proposed_at: datetime | None
    withdrawn_at: datetime | None
    confirmed_at: datetime | None
    blown_at: datetime | None
    told_at: datetime | None
    told_staff: str | None
    told_role: str | None
    channel: str | None
    undeliverable_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    answer: str | None
    attended_at: datetime | None
    missed_at: datetime | None


class WhistleView(msgspec.Struct, kw_only=True):
    obligation: str
    unit: str
    unit_name: str
    by_unit: str
    kind: str
    status: str
    elements: tuple[str, ...]
    exhausted_at: datetime | None
    ranks: list[RankView]


class AllowedView(msgspec.Struct, kw_only=True):
    """A step that this person may take now. choices: outcomes of closing that are possible."""

    command: str
    label: str
    choices: tuple[str, ...] = ()


class NotYetView(msgspec.Struct, kw_only=True):
    command: str
    label: str
    because: str
    says: str


class ShortView(msgspec.Struct, kw_only=True):
    """A row of a list. pending: limits that run, were missed or can't be confirmed: what a row says of time."""

    case: str
    number: str
    family: str
    kind: str
    channel: str
    community: str
    community_name: str | None
    street: str | None
    street_name: str | None
    approximate: bool
    state: str
    lead: str | None
    lead_name: str | None
    centre: str | None
    system: str | None
    registered_at: datetime | None
    sequence: int
    needs: tuple[str, ...]
    next_due: datetime | None
    next_limit: LimitView | None
    pending: list[LimitView]
    overdue: bool
    whistles: list[WhistleView]
    awaiting: tuple[Awaited, ...]
    photo_count: int
    reason: str | None = None


class CaseView(ShortView, kw_only=True):
    """The whole case, for one person. text, words: None where the person may not read them (text_because)."""

    lon: float | None
    lat: float | None
    scale: str
    grade: str
    confidential: bool
    occurred_at: datetime | None
    assisting: tuple[str, ...]
    assisting_names: tuple[str, ...]
    centre_name: str | None
    panel: Panel | None
    receiver: str | None
    receiver_unit: str | None
    declined: tuple[str, ...]
    hops: int
    unroutable: str | None
    seat: str | None
    outcome: str | None
    attended_at: datetime | None
    sessions: int
    parties: int
    limits: list[LimitView]
    calls: list[RankView]
    held: tuple[Hold, ...]
    allowed: list[AllowedView]
    not_yet: list[NotYetView]
    text: str | None = None
    address: str | None = None
    text_because: str | None = None
    photos: list[str] = []


def short(case: str, state: Case, directory: Directory, reason: str | None = None) -> ShortView:
    """A row of a list."""
    return ShortView(**_common(case, state, directory), reason=reason)  # type: ignore[arg-type]


def _common(case: str, state: Case, directory: Directory) -> dict[str, object]:
    limits = sorted((one for one in _limits(state) if one.status == "running"), key=lambda one: one.due_at)
    return {
        "case": case,
        **{name: getattr(state, name) for name in _COPIED},
        "community_name": _name(directory, state.community) if state.community != "unknown" else None,
        "street_name": _name(directory, state.street),
        "lead_name": _name(directory, state.lead),
        "needs": needs.needs(state),
        "next_due": needs.next_due(state),
        "next_limit": limits[0] if limits and state.open else None,
        "pending": [one for one in _limits(state) if one.status in _PENDING] if state.open else [],
        "overdue": needs.overdue(state),
        "photo_count": state.photos,
        "whistles": [_whistle(one, directory) for one in state.whistles.values()],
    }


_PENDING = ("running", "missed", "unconfirmed")
_COPIED = (
    "number", "family", "kind", "channel", "community", "street", "approximate", "state", "lead", "centre", "system",
    "registered_at", "sequence", "awaiting",
)  # fmt: skip
_COPIED_WHOLE = (
    "lon", "lat", "scale", "grade", "confidential", "occurred_at", "assisting", "panel", "receiver", "receiver_unit",
    "declined", "hops", "unroutable", "seat", "outcome", "attended_at", "sessions", "parties", "held",
)  # fmt: skip


def whole(case: str, state: Case, by: Actor, directory: Directory) -> CaseView:
    """The case for one person: with the steps that they may take, and why others are not possible yet."""
    return CaseView(
        **_common(case, state, directory),  # type: ignore[arg-type]
        **{name: getattr(state, name) for name in _COPIED_WHOLE},
        assisting_names=tuple(directory.name_of(unit) for unit in state.assisting),
        centre_name=_name(directory, state.centre),
        limits=_limits(state),
        calls=[_rank(call, directory) for call in state.calls.values()],
        allowed=[_allowed(state, name) for name in steps.allowed(state, by)],
        not_yet=[
            NotYetView(command=name, label=words.step(name), because=why, says=words.reason(why))
            for name, why in steps.not_yet(state, by)
        ],
    )


def _allowed(state: Case, name: str) -> AllowedView:
    choices: tuple[str, ...] = ()
    if name == "close":
        choices = tuple(one for one in steps.OUTCOMES if steps.outcome(state, one) is None)
    return AllowedView(command=name, label=words.step(name), choices=choices)


def _limits(state: Case) -> list[LimitView]:
    return [
        LimitView(**{name: getattr(one, name) for name in LimitView.__struct_fields__})
        for one in sorted(state.limits.values(), key=lambda one: (one.start, one.limit))
    ]


def _whistle(one: Whistle, directory: Directory) -> WhistleView:
    return WhistleView(
        obligation=one.obligation, unit=one.unit, unit_name=directory.name_of(one.unit), by_unit=one.by_unit,
        kind=one.kind, status=one.status, elements=one.elements, exhausted_at=one.exhausted_at,
        ranks=[_rank(rank, directory) for rank in one.ranks.values()],
    )  # fmt: skip


def _rank(rank: Rank, directory: Directory) -> RankView:
    copied = {name: getattr(rank, name) for name in Rank.__struct_fields__}
    return RankView(**copied, unit_name=directory.name_of(rank.unit))


def _name(directory: Directory, unit: str | None) -> str | None:
    return None if unit is None else directory.name_of(unit)
