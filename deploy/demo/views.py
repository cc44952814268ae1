"""What players read and write at the public doors, as far as they look at it; unknown fields are passed over."""

from datetime import datetime

import msgspec


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A limit as the case shows it."""

    limit: str
    step: str
    due_at: datetime
    status: str
    obligation: str | None = None
    rank: int | None = None


class Rank(msgspec.Struct, frozen=True, kw_only=True):
    """One rank of a whistle: who is called and what became of it."""

    rank: int
    unit: str
    post: str
    proposed_at: datetime | None = None
    blown_at: datetime | None = None
    told_at: datetime | None = None
    told_staff: str | None = None
    acknowledged_at: datetime | None = None
    attended_at: datetime | None = None
    missed_at: datetime | None = None


class Whistle(msgspec.Struct, frozen=True, kw_only=True):
    """A whistle with its ranks."""

    obligation: str
    unit: str
    status: str
    ranks: tuple[Rank, ...]

    def rank(self, number: int) -> Rank | None:
        """A rank by its number, None if it was never due."""
        return next((rank for rank in self.ranks if rank.rank == number), None)


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """Staff ids of those who mediate."""

    mediator: str
    judicial_head: str | None = None
    lawyer: str | None = None


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A case, as far as a player looks at it."""

    case: str
    number: str
    state: str
    sequence: int
    lead: str | None = None
    assisting: tuple[str, ...] = ()
    panel: Panel | None = None
    limits: tuple[Limit, ...] = ()
    whistles: tuple[Whistle, ...] = ()
    unroutable: str | None = None

    def whistle(self, obligation: str) -> Whistle | None:
        """A whistle by its name."""
        return next((whistle for whistle in self.whistles if whistle.obligation == obligation), None)

    def statuses(self) -> dict[str, str]:
        """Each limit with its status, for a sentence."""
        return {limit.limit: limit.status for limit in self.limits}


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What registering answers."""

    case: str
    number: str
    code: str
    sequence: int
    street: str | None


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """An event of a case's log."""

    sequence: int
    id: str
    type: str
    time: datetime
    fact_at: datetime
    data: msgspec.Raw


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A message of the live stream: a case has a new event."""

    case: str
    sequence: int
    type: str
    lead: str | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """A consumer group of the lag page."""

    group: str
    lag: int
    state: str


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """The lag page."""

    groups: tuple[Group, ...]


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody concerned; in the demo always invented."""

    role: str
    name: str
    kind: str = "person"


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where: a community, or a point in WGS 84 degrees."""

    community: str | None = None
    lon: float | None = None
    lat: float | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is registered."""

    family: str
    kind: str
    channel: str
    place: Place
    text: str
    occurred_at: datetime | None = None
    parties: tuple[Party, ...] = ()
