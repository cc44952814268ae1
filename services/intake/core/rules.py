"""The rules of intake as the kernel asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from services.intake.core import commands, evolving, proposals
from services.intake.core.cases import Case
from services.intake.core.inputs import Command, Fact, Given, Proposal
from services.intake.core.places import Directory
from services.kernel import holding
from services.kernel.envelope import Event
from services.kernel.fold import Folder, Work


class Intake:
    """`Core` of intake: its own events are the case's log, and no limit fires here."""

    rules = 2  # raised whenever `decide` changes. 2: an assignment carries who is informed (知会)

    def decide(self, state: Case | None, given: Given, view: Directory) -> Sequence[Event]:
        """See `Core`. A fact about a case that intake does not have says nothing; its number is kept."""
        match given:
            case Command():
                return commands.decide(state, given)
            case Fact() if state is not None:
                return (given.event,)
            case Proposal() if state is not None:
                return proposals.decide(state, given, state.seat or view.seat_of(state.centre or state.street))
            case _:
                return ()

    def evolve(self, state: Case | None, event: Given | Event) -> Case | None:
        return evolving.evolve(state, event)

    def due(self, state: Case) -> datetime | None:
        return None

    def fired(self, at: datetime, held: bool) -> Given:
        raise RuntimeError("intake has no limits of its own")

    def recall(self, recorded: Sequence[Event], view: Directory) -> Directory:
        return view


class CaseFolder(Folder[Case, Given, Directory]):
    """The kernel's fold, with presses of people, and with intake's own holds applied to the case like any event."""

    def __init__(self) -> None:
        super().__init__("intake", Intake(), log=True)

    def press(self, work: Work[Case], command: Command, cause: str, view: Directory) -> None:
        """Apply a press. cause: its id, from which the ids of its events follow."""
        self._step(work, command, cause, command.at, 0, view)

    def _say(self, work: Work[Case], own: Sequence[Event], cause: str, at: datetime, after: int) -> None:
        holds = [event for event in own if isinstance(event, holding.Held | holding.Released)]
        for event in holds:  # said by the fold itself, not decided: nobody has applied them to the state yet
            state = work.row.state
            moved = None if state is None else evolving.evolve(replace(state, now=at), event)
            work.row = replace(work.row, state=moved)
        super()._say(work, own, cause, at, after)
