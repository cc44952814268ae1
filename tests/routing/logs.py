"""Logs of cases for the tests: arbitrary facts in order, and a small intake that answers proposals."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from services.kernel.core import Incoming, Record, Row
from services.kernel.envelope import Event
from services.kernel.fold import Folder, Outcome, Work
from services.routing.core.cases import Case, Cases
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
from services.routing.core.view import View
from services.routing.events import CONTRACT
from tests.routing.town import NINE, UNITS

TOPIC = "case.intake"
LEAD, PANEL = "the lead under way", "the panel under way"
"""What a `Superseded` of these tests names: `Running` puts the id of our proposal in its place."""

units = st.sampled_from([unit.unit for unit in UNITS if "-" in unit.unit] + ["unheard-of"])
staff = st.sampled_from(["u-m1", "u-m2", "u-l1", "u-j1", "u-0001"])
kinds = st.sampled_from(
    [("incident", "05-01"), ("incident", "06-01"), ("incident", "21-00"), ("dispute", "0402"), ("dispute", "02")]
)
places = st.sampled_from(["C1", "C2", "C8", "C9", None])
streets = st.sampled_from(["S1", "S2", "S8", "S9", None])

ANY: dict[str, Any] = {"id": "", "sequence": 0, "at": NINE}
begun = st.builds(
    lambda kind, community, street: Registered(family=kind[0], kind=kind[1], community=community, street=street, **ANY),
    kinds,
    places,
    streets,
)
facts: st.SearchStrategy[Input] = st.one_of(
    begun,
    units.map(lambda unit: Dispatched(unit=unit, **ANY)),
    units.map(lambda unit: Led(unit=unit, **ANY)),
    units.map(lambda unit: Accepted(unit=unit, **ANY)),
    st.builds(lambda unit, by: Declined(unit=unit, by=by, **ANY), units, staff),
    staff.map(lambda mediator: PanelFormed(mediator=mediator, judicial_head=None, lawyer=None, **ANY)),
    st.builds(
        lambda proposal, because: Superseded(proposal=proposal, because=because, **ANY),
        st.sampled_from([LEAD, PANEL, "somebody's"]),
        st.sampled_from(["lead", "taken", "declined", "loop"]),
    ),
    st.just(Stuck(**ANY)),
    st.just(Closed(**ANY)),
    st.just(Reopened(**ANY)),
)


def numbered(log: list[Input]) -> list[Input]:
    return [replace(fact, id=f"log-{n}", sequence=n, at=NINE + timedelta(minutes=n)) for n, fact in enumerate(log, 1)]


logs = st.builds(lambda first, rest: numbered([first, *rest]), begun, st.lists(facts, max_size=14))


def incoming(subject: str, fact: Input, partition: int = 0) -> Incoming[Input]:
    record = Record(TOPIC, partition, fact.sequence - 1, subject.encode(), b"")
    return Incoming(
        record=record,
        subject=subject,
        id=fact.id,
        sequence=fact.sequence,
        at=fact.at,
        after=fact.sequence,
        logged=True,
        given=fact,
    )


@dataclass
class Running:
    """One case as the kernel's folder runs it."""

    view: View
    subject: str = "case"
    folder: Folder[Case, Input, View] = field(default_factory=lambda: Folder("routing", Cases()))
    work: Work[Case] = field(init=False)

    def __post_init__(self) -> None:
        self.work = Work(self.subject, 0, Row())

    @property
    def state(self) -> Case | None:
        return self.work.row.state

    def meant(self, fact: Input) -> Input:
        """The fact with the id of the proposal that is under way, where it names one."""
        state = self.state
        if not isinstance(fact, Superseded) or state is None:
            return fact
        under_way = {LEAD: state.lead_id, PANEL: state.panel_id}
        return replace(fact, proposal=under_way.get(fact.proposal, fact.proposal) or "somebody's")

    def told(self, fact: Input, view: View | None = None) -> list[Event]:
        """What the folder said to this fact."""
        fact = self.meant(fact)
        before = len(self.work.said)
        assert self.folder.apply(self.work, incoming(self.subject, fact), view or self.view) is Outcome.APPLIED
        return [self._event(n) for n in range(before, len(self.work.said))]

    def _event(self, n: int) -> Event:
        event = CONTRACT.read(self.work.said[n]).event
        assert event is not None
        return event


def run(log: list[Input], view: View, subject: str = "case") -> tuple[Running, list[tuple[Input, list[Event]]]]:
    running = Running(view, subject)
    return running, [(running.meant(fact), running.told(fact)) for fact in log]
