"""A case driven through the core alone, as the kernel's fold would."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from services.intake.core import inputs, steps
from services.intake.core.cases import Case
from services.intake.core.inputs import Actor, Command, Fact, Given, Proposal
from services.intake.core.places import Directory, Unit
from services.intake.core.rules import Intake
from services.intake.events import facts
from services.kernel.envelope import Event

NINE = datetime(2026, 1, 5, 1, tzinfo=UTC)  # nine o'clock in Tianjin
SEAT = Actor(staff="u-0016", unit="centre-1", role="seat", street="1")
HEAD = Actor(staff="u-0015", unit="centre-1", role="street", street="1")
TEAM = Actor(staff="u-0023", unit="team-1", role="department", street="1")
MEDIATOR = Actor(staff="u-0019", unit="centre-1", role="mediator", street="1")
STRANGER = Actor(staff="u-0999", unit="dept-water", role="department")
CORE = Intake()


def unit(id_: str, /, **fields: object) -> Unit:
    given: dict[str, object] = {
        "unit": id_, "name": id_, "kind": "centre", "level": "street", "parent": None, "code": None, "street": None,
        "valid_from": date(2016, 1, 1), "valid_to": None, "lon": None, "lat": None, "has_seat": False, **fields,
    }  # fmt: skip
    return Unit(**given)  # type: ignore[arg-type]


DIRECTORY = Directory([unit("centre-1", has_seat=True, street="1"), unit("centre-0", level="district", has_seat=True)])


class Story:
    """What was said about one case, in order."""

    def __init__(self, family: str = "incident", **fields: object) -> None:
        self.at, self.said = NINE, list[Event]()
        self.state: Case | None = None
        given: dict[str, object] = {
            "number": "西于庄 格〔2026〕0001 号", "family": family, "kind": "05-01", "channel": "grid",
            "community": "101", "street": "1", **fields,
        }  # fmt: skip
        self.give(inputs.Register(at=self.at, by=TEAM, **given))  # type: ignore[arg-type]

    @property
    def case(self) -> Case:
        assert self.state is not None
        return self.state

    def give(self, given: Given) -> Sequence[Event]:
        own = CORE.decide(self.state, given, DIRECTORY)
        state = CORE.evolve(self.state, given)
        for event in own:
            state = CORE.evolve(state, event)
        self.state = state
        self.said += own
        return own

    def press(self, what: type[Command], by: Actor = SEAT, /, **fields: object) -> str | None:
        """Press; returns why not."""
        self.at += timedelta(minutes=1)
        command = what(at=self.at, by=by, **fields)
        why = steps.refusal(self.case, command)
        said = self.give(command)
        assert bool(said) is (why is None)
        return why

    def fact(self, event: Event) -> None:
        assert self.give(Fact(event=event)) == (event,)

    def propose(self, event: Event, after: int | None = None) -> Event:
        after = self.case.sequence if after is None else after
        (own,) = self.give(Proposal(id="p", afterseq=after, fact_at=self.at, event=event))
        return own

    def assign(self, unit: str = "team-1", after: int | None = None) -> Event:
        return self.propose(facts.Assigned(fact_at=self.at, unit=unit, centre="centre-1", level="street"), after)


def assigned(family: str = "incident", **fields: object) -> Story:
    story = Story(family, **fields)
    story.assign()
    return story
