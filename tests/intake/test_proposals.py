"""Facts are always applied; proposals only while the ground they rest on stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.intake.core import inputs
from services.intake.core.cases import DUTY_SEAT_AFTER_HOPS, Case
from services.intake.core.inputs import Fact
from services.intake.core.needs import needs
from services.intake.doors.topics import from_routing
from services.intake.events import facts
from services.kernel.envelope import Event, envelope
from services.routing.events import assignments
from tests.intake.acting import CORE, DIRECTORY, HEAD, NINE, SEAT, TEAM, Story, assigned

LATER = NINE + timedelta(minutes=30)
OF_ESCALATION: list[Event] = [
    facts.LimitSet(fact_at=NINE, limit="accept#1", step="accept", start=NINE, due_at=LATER, near_at=LATER,
                   policy_version=1, calendar_version=1),
    facts.WhistleBlown(fact_at=NINE, obligation="w1", rank=1, unit="team-1", post="head"),
    facts.LimitSet(fact_at=NINE, limit="w1@1:on_site", step="on_site", start=NINE, due_at=LATER, near_at=LATER,
                   policy_version=1, calendar_version=1, obligation="w1", rank=1),
    facts.LimitMissed(fact_at=LATER, limit="w1@1:on_site", step="on_site", due_at=LATER, obligation="w1", rank=1),
    facts.WhistleBlown(fact_at=LATER, obligation="w1", rank=2, unit="leaders", post="district_head"),
    facts.LimitMet(fact_at=LATER, limit="accept#1", step="accept", reported_late=True),
    facts.LadderExhausted(fact_at=LATER, obligation="w1"),
]  # fmt: skip
OF_NOTIFY: list[Event] = [
    facts.Told(fact_at=NINE, obligation="a2", rank=1, staff="u-1", unit="team-1", post="head", role="head",
               channel="email", purpose="assignment"),
    facts.Told(fact_at=NINE, obligation="w1", rank=1, staff="u-1", unit="team-1", post="head", role="head",
               channel="email"),
    facts.Undeliverable(fact_at=LATER, obligation="w1", rank=2, unit="leaders", reason="channels_failed"),
    facts.StoodDown(fact_at=LATER, obligation="w1", staff="u-1"),
]  # fmt: skip
OF_ROUTING: list[Event] = [
    facts.Held(fact_at=NINE, service="routing", topic="case.intake", reason="gap"),
    facts.Released(fact_at=LATER, service="routing", topic="case.intake"),
]


def without_numbers(case: Case) -> Case:
    """Numbers depend on the order, by their nature; nothing else may."""
    return replace(case, sequence=0, last={}, changed={}, whistles=dict(sorted(case.whistles.items())))


@given(st.permutations([0] * len(OF_ESCALATION) + [1] * len(OF_NOTIFY) + [2] * len(OF_ROUTING)))
def test_facts_of_different_topics_commute(order: Sequence[int]) -> None:
    """Each topic keeps its own order; between them there is none."""
    usual, mixed = assigned(), assigned()
    for event in (*OF_ESCALATION, *OF_NOTIFY, *OF_ROUTING):
        usual.fact(event)
    streams = [iter(OF_ESCALATION), iter(OF_NOTIFY), iter(OF_ROUTING)]
    for which in order:
        mixed.fact(next(streams[which]))
    assert without_numbers(mixed.case) == without_numbers(usual.case)


def test_a_fact_is_applied_whatever_has_happened_since() -> None:
    story = assigned()
    story.press(inputs.Close, outcome="withdrawn")
    for event in (*OF_ESCALATION, *OF_NOTIFY, *OF_ROUTING):
        story.fact(event)
    first, second = story.case.whistles["w1"].ranks.values()
    assert (first.blown_at, first.told_staff, first.missed_at) == (NINE, "u-1", LATER)
    assert second.undeliverable_at == LATER and story.case.whistles["w1"].exhausted_at == LATER
    assert story.case.calls["a2"].told_staff == "u-1" and "a2" not in story.case.whistles
    assert story.case.limits["accept#1"].reported_late and story.case.limits["w1@1:on_site"].status == "missed"
    assert story.case.held == ()


@pytest.mark.parametrize(
    ("press", "fields", "because"),
    [
        (inputs.Dispatch, {"unit": "dept-roads"}, "lead"),
        (inputs.Close, {"outcome": "withdrawn"}, "open"),
    ],
)
def test_an_assignment_is_superseded_by_what_people_did_meanwhile(
    press: type[inputs.Command], fields: dict[str, object], because: str
) -> None:
    story = Story()
    assert story.press(press, SEAT, **fields) is None
    own = story.assign(after=1)
    assert isinstance(own, facts.Superseded) and own.because == because and own.proposal == "p"


def test_routing_s_own_proposals_do_not_supersede_each_other() -> None:
    story = Story()
    assert isinstance(story.assign(after=1), facts.Assigned)
    panel = facts.PanelFormed(fact_at=NINE, mediator="u-0019")
    assert story.propose(panel, after=1) == panel


def test_an_accepted_case_is_not_taken_away_by_a_late_proposal_but_a_panel_still_forms() -> None:
    story = assigned("dispute")
    assert story.press(inputs.Accept, TEAM) is None
    assert isinstance(story.assign("team-2", after=2), facts.Superseded)
    panel = facts.PanelFormed(fact_at=NINE, mediator="u-0019")
    assert story.propose(panel, after=1) == panel


def test_limits_and_who_was_told_supersede_nothing() -> None:
    story = Story()
    story.fact(OF_ESCALATION[0])
    story.fact(OF_NOTIFY[0])
    assert isinstance(story.assign(after=1), facts.Assigned)


def test_a_unit_that_declined_is_not_proposed_again() -> None:
    story = assigned()
    assert story.press(inputs.Decline, TEAM, reason="not_ours") is None
    assert story.case.lead is None and story.case.state == "registered"
    own = story.assign()
    assert isinstance(own, facts.Superseded) and own.because == "declined"


def test_a_case_that_goes_in_circles_goes_to_the_duty_seat() -> None:
    story = Story()
    for hop in range(1, DUTY_SEAT_AFTER_HOPS + 1):
        own = story.assign(f"team-{hop % 2}")
        assert isinstance(own, facts.Assigned) and own.hops == hop
    own = story.assign("team-9")
    assert isinstance(own, facts.Unroutable) and (own.reason, own.seat) == ("loop", "centre-1")
    assert story.case.state == "unroutable"
    assert isinstance(story.assign("team-9"), facts.Superseded), "until a human decides"
    assert story.press(inputs.Dispatch, SEAT, unit="team-9") is None
    assert story.case.hops == 0 and isinstance(story.assign("team-1"), facts.Assigned)


def test_a_proposed_rank_is_superseded_once_the_whistle_is_settled() -> None:
    story = assigned()
    story.press(inputs.Blow, SEAT, kind="outcry")
    for event in OF_ESCALATION[1:4]:
        story.fact(event)
    seen = story.case.sequence
    assert story.press(inputs.Settle, HEAD, obligation="w1") is None
    proposed = facts.WhistleProposed(fact_at=LATER, obligation="w1", rank=2, unit="leaders", post="district_head")
    own = story.propose(proposed, after=seen)
    assert isinstance(own, facts.Superseded) and own.because == "whistle w1"


def test_a_fact_about_a_case_that_is_not_here_says_nothing() -> None:
    assert CORE.decide(None, Fact(event=OF_ESCALATION[0]), DIRECTORY) == ()


def test_a_panel_that_cannot_be_filled_stands_on_the_seats_desk_until_there_is_one() -> None:
    story = assigned("dispute", kind="0402")
    nobody = facts.PanelUnfilled(fact_at=NINE, reason="no_mediator", seat="centre-1")
    assert story.propose(nobody) == nobody
    assert (story.case.unfilled, needs(story.case)) == ("no_mediator", ("panel_unfilled",))
    assert story.case.lead == "team-1", "the lead unit stays"
    story.propose(facts.PanelFormed(fact_at=NINE, mediator="u-0019"))
    assert needs(story.case) == ()


def test_a_panel_that_cannot_be_filled_rests_on_the_lead_and_goes_with_it() -> None:
    story = assigned("dispute", kind="0402")
    nobody, seen = facts.PanelUnfilled(fact_at=NINE, reason="no_mediator", seat="centre-1"), story.case.sequence
    story.propose(nobody)
    assert story.press(inputs.Dispatch, SEAT, unit="centre-1") is None
    assert needs(story.case) == ()
    late = story.propose(nobody, after=seen)
    assert isinstance(late, facts.Superseded) and late.because == "lead"


def test_routings_words_on_panel_and_informed_units_reach_the_log() -> None:
    basis = assignments.Basis(rule="r", place="1", directory_version=1)
    sent = assignments.Assigned(unit="a", centre="c", level="street", informed=("c", "d"), basis=basis)
    empty = assignments.PanelUnfilled(reason="no_mediator", seat="c", basis=basis)
    said = [
        from_routing(envelope(e, id="i", service="routing", subject="x", time=NINE, sequence=1, afterseq=1), e)
        for e in (sent, empty)
    ]
    assert [type(one) for one in said] == [inputs.Proposal, inputs.Proposal]
    assert said[0].event.informed == ("c", "d")  # type: ignore[union-attr]
    assert said[1].event == facts.PanelUnfilled(fact_at=NINE, reason="no_mediator", seat="c")  # type: ignore[union-attr]


def test_a_whistle_of_the_timer_that_is_withdrawn_before_anybody_was_called_is_over() -> None:
    story = assigned()
    story.propose(facts.WhistleProposed(fact_at=NINE, obligation="accept#1", rank=1, unit="team-1", post="head"))
    assert [one.status for one in story.case.whistling] == ["proposed"]
    story.fact(facts.ProposalWithdrawn(fact_at=LATER, obligation="accept#1", rank=1))
    assert (story.case.whistling, story.case.whistles["accept#1"].status) == ((), "withdrawn")


def test_a_second_rank_that_is_withdrawn_leaves_the_first_as_it_was() -> None:
    story = assigned()
    story.fact(facts.WhistleBlown(fact_at=NINE, obligation="w1", rank=1, unit="team-1", post="head"))
    story.propose(facts.WhistleProposed(fact_at=NINE, obligation="w1", rank=2, unit="leaders", post="head"))
    story.fact(facts.ProposalWithdrawn(fact_at=LATER, obligation="w1", rank=2))
    assert [one.status for one in story.case.whistling] == ["blown"]
