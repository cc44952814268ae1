"""What the services say, as the portal reads it: frozen, typed, unknown fields ignored.

These follow the HTTP answers of intake, oversight and routing. Everything beyond the name of a case has a default, so
that a short row of a list and a whole case are read by one type.
"""

from __future__ import annotations

from datetime import datetime

import msgspec


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A limit (时限) of a case. status: running, met, missed, stopped, unconfirmed."""

    limit: str
    step: str
    start: datetime
    due_at: datetime
    near_at: datetime
    status: str = "running"
    obligation: str | None = None
    rank: int | None = None
    policy_version: int = 0
    reported_late: bool = False


class Rank(msgspec.Struct, frozen=True, kw_only=True):
    """One rank of a whistle's ladder: each time is None until it happened."""

    rank: int
    post: str = ""
    unit: str = ""
    proposed_at: datetime | None = None
    blown_at: datetime | None = None
    told_at: datetime | None = None
    told_staff: str | None = None
    acknowledged_at: datetime | None = None
    answer: str | None = None
    attended_at: datetime | None = None
    missed_at: datetime | None = None
    undeliverable_at: datetime | None = None


class Whistle(msgspec.Struct, frozen=True, kw_only=True):
    """A whistle (吹哨) of a case with the ranks that were proposed or blown."""

    obligation: str
    unit: str = ""
    status: str = ""
    ranks: tuple[Rank, ...] = ()


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A service holds the case behind a record that it could not read (系统暂存)."""

    service: str
    topic: str = ""
    reason: str = ""
    since: datetime | None = None


class Awaiting(msgspec.Struct, frozen=True, kw_only=True):
    """A request that another service has not answered yet."""

    what: str
    since: datetime


class Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """A step that this person may take now. choices: outcomes of closing that are possible."""

    command: str
    label: str = ""
    choices: tuple[str, ...] = ()


class NotYet(msgspec.Struct, frozen=True, kw_only=True):
    """A step that is not allowed yet, the codes of why, and intake's own sentence."""

    command: str
    because: str | tuple[str, ...] = ()
    says: str = ""


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """The panel (调解组) as staff ids."""

    mediator: str | None = None
    judicial_head: str | None = None
    lawyer: str | None = None


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A case as intake shows it; in lists with fewer fields. `reason` says why it stands in the duty seat's queue."""

    case: str
    number: str = ""
    family: str = "incident"
    kind: str = ""
    channel: str = ""
    community: str = "unknown"
    street: str | None = None
    approximate: bool = False
    state: str = ""
    lead: str | None = None
    assisting: tuple[str, ...] = ()
    centre: str | None = None
    panel: Panel | None = None
    receiver: str | None = None
    registered_at: datetime | None = None
    sequence: int = 0
    limits: tuple[Limit, ...] = ()
    whistles: tuple[Whistle, ...] = ()
    held: tuple[Held, ...] = ()
    awaiting: tuple[Awaiting, ...] = ()
    allowed: tuple[Allowed, ...] = ()
    not_yet: tuple[NotYet, ...] = ()
    text: str | None = None
    text_because: str | None = None
    address: str | None = None
    photos: tuple[str, ...] = ()
    reason: str | None = None
    pending: tuple[Limit, ...] = ()
    overdue: bool = False
    unroutable: str | None = None
    outcome: str | None = None

    @property
    def known_limits(self) -> tuple[Limit, ...]:
        """All limits of a whole case; of a row, those that it carries."""
        return self.limits or self.pending


class Cases(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a list; `next` is the mark from which the next page goes on."""

    cases: tuple[Case, ...] = ()
    next: str | None = None


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """How many cases the queue has, shown or not: waiting for a press, only late, running."""

    waiting: int
    late: int
    running: int


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """The duty seat's queue (值班): what only a person can settle, and what runs. Lists are cut, totals are not."""

    needs_you: tuple[Case, ...] = ()
    on_the_clock: tuple[Case, ...] = ()
    totals: Totals | None = None


class CaseEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a case's log. fact_at: when it happened. words: free text of it, for who may read it."""

    sequence: int
    type: str
    time: datetime
    fact_at: datetime | None = None
    data: msgspec.Raw = msgspec.Raw(b"{}")
    words: dict[str, str] = {}


class Events(msgspec.Struct, frozen=True, kw_only=True):
    events: tuple[CaseEvent, ...] = ()


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """A person or organisation of a case, masked by intake unless it was asked to show all."""

    party: str = ""
    role: str = ""
    name: str = ""
    kind: str = "person"
    telephone: str | None = None
    id_number: str | None = None
    address: str | None = None


class Parties(msgspec.Struct, frozen=True, kw_only=True):
    parties: tuple[Party, ...] = ()


class Registered(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a registration. `code` is what the resident follows the case with."""

    case: str
    number: str
    code: str = ""
    sequence: int = 0
    community: str = "unknown"
    street: str | None = None
    approximate: bool = False


class Done(msgspec.Struct, frozen=True, kw_only=True):
    sequence: int = 0


class LinkedWhistle(msgspec.Struct, frozen=True, kw_only=True):
    """What a signed link shows to the person called: nothing of the parties, nothing of the report."""

    case: str = ""
    number: str = ""
    kind: str = ""
    community_name: str | None = None
    street_name: str | None = None
    lon: float | None = None
    lat: float | None = None
    obligation: str = ""
    rank: int = 1
    unit: str = ""
    unit_name: str = ""
    by_unit: str = ""
    by_unit_name: str = ""
    whistle_kind: str = ""
    status: str = ""
    blown_at: datetime | None = None
    due_at: datetime | None = None
    acknowledged_at: datetime | None = None
    yours: bool = False
    answer: str | None = None
    attended_at: datetime | None = None
    elements: tuple[str, ...] = ()


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """A unit of the directory as the portal needs it."""

    unit: str
    name: str = ""
    name_en: str = ""
    kind: str = ""
    level: str = ""
    parent: str | None = None
    street: str | None = None
    code: str | None = None


class Units(msgspec.Struct, frozen=True, kw_only=True):
    units: tuple[Unit, ...] = ()


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """An event that came between reading and pressing."""

    type: str = ""
    sequence: int = 0
    says: str = ""


class Invalid(msgspec.Struct, frozen=True, kw_only=True):
    """A field that was not accepted (422)."""

    field: str = ""
    problem: str = ""
    says: str = ""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9457: why a service refused. `changed`: what happened since the page was read (409)."""

    title: str = ""
    status: int = 0
    detail: str = ""
    type: str = ""
    changed: tuple[Change, ...] = ()
    errors: tuple[Invalid, ...] = ()
