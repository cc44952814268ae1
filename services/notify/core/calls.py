"""What notify knows of a case: its calls and how far each has come, and when the case or a whistle was over.

Two parts that never touch. Facts of case.intake are noted in its own order. Calls move by notify's own events alone.
An event of case.escalation changes nothing by itself. So the state is the same in whatever order the two topics come.
"""

from __future__ import annotations

import msgspec

from services.notify.core.inputs import Key
from services.notify.events.deliveries import Step

WHISTLE = "whistle"
PROPOSED = "proposed"
UNDELIVERED = "undelivered"
STOOD_DOWN = "stood_down"

TOLD = "told"
UNDELIVERABLE = "undeliverable"
CALLED_OFF = "called_off"


class Call(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call: the chain as it was chosen, the step being tried, and what became of it.

    step: index into `chain` of the person being tried; its length where nobody is left.
    outcome: told, undeliverable, called_off; None while it is tried. staff, channel: who was told, over which channel.
    """

    obligation: str
    rank: int
    purpose: str
    unit: str
    post: str
    chain: tuple[Step, ...]
    about: str | None = None
    asked_after: int = 0
    respond_within_s: int | None = None
    step: int = 0
    outcome: str | None = None
    staff: str | None = None
    channel: str | None = None

    @property
    def key(self) -> Key:
        return Key(self.purpose, self.obligation, self.rank)

    @property
    def trying(self) -> Step | None:
        """The step whose person is to be told now."""
        return self.chain[self.step] if self.outcome is None and self.step < len(self.chain) else None

    def next_step(self, after: int) -> int:
        """Index of the first step behind `after` that has a person, or the chain's length. -1 begins."""
        here = after + 1
        while here < len(self.chain) and self.chain[here].staff is None:
            here += 1
        return here


class End(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The case (obligation None) or one whistle was over with event `after` of case.intake. by: staff id."""

    after: int
    by: str
    obligation: str | None = None


class Case(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that notify keeps of a case.

    number, kind, community, street: what messages say of it. lead: the unit that has it; centre: who supervises it.
    holders: the unit that asked for each whistle. ends: every end so far, in order of case.intake.
    """

    number: str = ""
    kind: str = ""
    community: str = ""
    street: str | None = None
    lead: str | None = None
    centre: str | None = None
    holders: dict[str, str] = {}
    ends: tuple[End, ...] = ()
    calls: dict[str, Call] = {}

    def call(self, key: Key) -> Call | None:
        return self.calls.get(str(key))


def end_of(case: Case, call: Call) -> End | None:
    """The first end that overtakes this call: of its case or whistle, later on the log than what asked for it.

    A word that it is over is itself overtaken by nothing.
    """
    if call.purpose == STOOD_DOWN:
        return None
    scope = call.about or call.obligation
    return next((e for e in case.ends if e.after > call.asked_after and e.obligation in (None, scope)), None)


def why_not(case: Case | None, key: Key, staff: str) -> str | None:
    """Why this person is not to be told any more; None where the message may go. Asked by the sender before it sends.

    Returns: unknown, settled (told or given up already), passed_over (a later step is being tried), case_ended,
        obligation_ended.
    """
    call = case.call(key) if case is not None else None
    if case is None or call is None:
        return "unknown"
    if call.outcome is not None:
        return "settled"
    if call.trying is None or call.trying.staff != staff:
        return "passed_over"
    end = end_of(case, call)
    return because(end) if end is not None else None


def because(end: End) -> str:
    """The reason in the words of `CalledOff`."""
    return "case_ended" if end.obligation is None else "obligation_ended"


def to_stand_down(case: Case) -> tuple[Call, ...]:
    """Whistles whose person was told, that are over now, and of whose end that person has not yet had word.

    Each person once per whistle, however many ranks they were told of; not who ended it themselves.
    """
    word = {(c.obligation, c.chain[0].staff) for c in case.calls.values() if c.purpose == STOOD_DOWN}
    found: list[Call] = []
    for call in case.calls.values():
        if call.purpose != WHISTLE or call.outcome != TOLD:
            continue
        end = end_of(case, call)
        if end is None or end.by == call.staff or (call.obligation, call.staff) in word:
            continue
        word.add((call.obligation, call.staff))
        found.append(call)
    return tuple(found)
