"""Rebuild and verify on routing's own events, from wire to wire, by the kernel's replayer."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.replay.replayer import Replayer, Slice
from services.intake.events import facts, reception
from services.kernel.core import Record, Row
from services.kernel.envelope import Event, encode, envelope
from services.kernel.fold import Folder, Outcome, Work
from services.routing.core import inputs
from services.routing.core.cases import Case, Cases
from services.routing.core.view import View
from services.routing.doors.topics import reader
from services.routing.events import CONTRACT
from tests.routing.logs import LEAD, PANEL, logs
from tests.routing.town import EDITION, SHELF, Shelf, edition, view

SUBJECT = "c0ffee"
some_loads = st.lists(
    st.dictionaries(st.sampled_from(["team-S1a", "team-S1b", "u-m1", "u-m2", "u-m9"]), st.integers(0, 25)),
    min_size=15,
    max_size=15,
)


def wire(fact: inputs.Input, state: Case | None) -> Event:
    """The event of the log that the door reads as this fact."""
    match fact:
        case inputs.Registered():
            return reception.Registered(
                number="1", family=fact.family, kind=fact.kind, channel="window", street=fact.street,
                community=fact.community or "unknown",
            )  # type: ignore[arg-type]  # fmt: skip
        case inputs.Dispatched(unit=unit):
            return reception.Dispatched(unit=unit, by="u-0001")
        case inputs.Led(unit=unit):
            return facts.Assigned(fact_at=fact.at, unit=unit, centre="centre-D", level="district")
        case inputs.Accepted(unit=unit):
            return reception.Accepted(unit=unit, by="u-0001")
        case inputs.Declined(unit=unit, by=by):
            return reception.Declined(unit=unit, by=by, reason="r")
        case inputs.PanelFormed(mediator=mediator):
            return facts.PanelFormed(fact_at=fact.at, mediator=mediator)
        case inputs.Superseded(proposal=proposal, because=because):
            under_way = {LEAD: state.lead_id if state else None, PANEL: state.panel_id if state else None}
            proposal = under_way.get(proposal, proposal) or "somebody's"
            return facts.Superseded(fact_at=fact.at, proposal=proposal, because=because)
        case inputs.Stuck():
            return facts.Unroutable(fact_at=fact.at, reason="loop", seat="centre-D")
        case inputs.Closed():
            return reception.Closed(by="u-0001", outcome="settled")
        case inputs.Reopened():
            return reception.Reopened(by="u-0001", reason="r")


def live(log: list[inputs.Input], loads: list[dict[str, int]]) -> tuple[Slice, Work[Case]]:
    """What a worker leaves: the records that it read, the events that it said, the row that it kept."""
    folder, door, work = Folder("routing", Cases()), reader(), Work[Case](SUBJECT, 0, Row())
    records = []
    for fact, found in zip(log, loads, strict=False):
        event, sequence = wire(fact, work.row.state), fact.sequence
        message = envelope(event, id=fact.id, service="intake", subject=SUBJECT, time=fact.at, sequence=sequence)
        records.append(Record("case.intake", 0, sequence - 1, SUBJECT.encode(), encode(message)))
        assert folder.apply(work, door.read(records[-1]), View(EDITION, found, SHELF)) is Outcome.APPLIED  # type: ignore[arg-type]
    return Slice(0, records, [encode(message) for message in work.said]), work


def replayer(here: View, core: Cases | None = None) -> Replayer[Case, inputs.Input, View]:
    return Replayer("routing", core or Cases(), reader(), CONTRACT, Case, here)


@settings(max_examples=60)
@given(logs, some_loads)
def test_rebuild_equals_running_and_verify_finds_nothing(log, loads):
    piece, work = live(log, loads)
    # The directory has changed since, and loads are others: neither may matter.
    now = edition(units=(), version=8)
    today = View(now, {"u-m1": 13}, Shelf(EDITION, now))
    compared = replayer(today).compare(piece, {SUBJECT: msgspec.json.encode(work.row)})
    assert compared.differences == []
    verified = replayer(today).verify(piece)
    assert (verified.differences, verified.own_events) == ([], len(work.said))
    assert verified.decisions == len(piece.records)


def dispute() -> tuple[Slice, Work[Case]]:
    first = inputs.Registered(
        id="e1", sequence=1, at=view().editions.edition(7).tables[0].start, family="dispute", kind="0402",
        community="C1", street=None,
    )  # fmt: skip
    return live([first], [{}])


def test_an_edited_record_is_found():
    piece, work = dispute()
    body = encode(work.said[1])
    edited = body.replace(b'"mediator":"u-m1"', b'"mediator":"u-m2"')
    assert edited != body
    found = replayer(view()).verify(Slice(0, piece.records, [encode(work.said[0]), edited]))
    assert [(one.subject, one.what) for one in found.differences] == [
        (SUBJECT, "event 2 routing.panel_proposed.v1: data")
    ]


def test_a_changed_rule_is_found_and_counted_as_older_once_its_number_is_raised():
    class Changed(Cases):
        def decide(self, state, given, here):
            return super().decide(state, given, here)[:1]

    class Raised(Changed):
        rules = 2  # type: ignore[misc]

    piece, _ = dispute()
    found = replayer(view(), Changed()).verify(piece)
    assert [one.what for one in found.differences] == ["event 2: only then routing.panel_proposed.v1"]
    raised = replayer(view(), Raised()).verify(piece)
    assert (raised.differences, dict(raised.older)) == ([], {1: 1})
