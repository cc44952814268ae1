from datetime import timedelta

import pytest

from services.routing.core.cases import MOST_HOPS, Cases, Panel
from services.routing.core.inputs import (
    Accepted,
    Closed,
    Declined,
    Dispatched,
    Led,
    PanelFormed,
    Registered,
    Reopened,
    Stuck,
    Superseded,
)
from services.routing.core.view import View
from services.routing.events.assignments import Assigned, PanelProposed, PanelUnfilled, Unroutable
from tests.routing.logs import LEAD, PANEL, Running
from tests.routing.town import EDITION, NINE, SHELF, UNITS, Shelf, edition, view


class Story(Running):
    """Facts without their numbers."""

    count = 0

    def hears(self, fact, /, **fields):
        self.count += 1
        return self.told(
            fact(id=f"f{self.count}", sequence=self.count, at=NINE + timedelta(minutes=self.count), **fields)
        )

    def registered(self, kind="0402", family="dispute", community="C1", street=None):
        return self.hears(Registered, family=family, kind=kind, community=community, street=street)


@pytest.fixture
def story():
    return Story(view())


def test_a_dispute_gets_a_lead_and_a_panel(story):
    assigned, panel = story.registered()
    assert (assigned.unit, assigned.assisting) == ("centre-S1", ("dept-housing",))
    assert (panel.mediator, panel.judicial_head, panel.lawyer) == ("u-m1", "u-j1", "u-l1")
    assert story.state.panel == Panel(mediator="u-m1", judicial_head="u-j1", lawyer="u-l1")


def test_an_incident_gets_a_lead_alone(story):
    (assigned,) = story.registered("05-01", "incident")
    assert isinstance(assigned, Assigned)


def test_declined_goes_to_another_and_counts_a_hop(story):
    story.registered("05-01", "incident")
    story.hears(Led, unit="team-S1a")
    (assigned,) = story.hears(Declined, unit="team-S1a", by="u-1")
    assert (assigned.unit, assigned.hops) == ("team-S1b", 1)


def test_declined_by_a_unit_that_does_not_lead_changes_nothing_now_but_is_kept(story):
    story.registered("05-01", "incident")
    assert story.hears(Declined, unit="team-S1b", by="u-1") == []
    (assigned,) = story.hears(Declined, unit="team-S1a", by="u-1")
    assert assigned.unit == "dept-housing"


def test_who_sent_the_case_back_does_not_sit_on_its_panel(story):
    story.registered()
    _, panel = story.hears(Declined, unit="centre-S1", by="u-m1")
    assert panel.mediator != "u-m1"


def test_superseded_is_decided_again(story):
    story.registered("05-01", "incident")
    (assigned,) = story.hears(Superseded, proposal=LEAD, because="lead")
    assert (assigned.unit, assigned.hops) == ("team-S1a", 1)


def test_superseded_by_a_human_needs_no_new_proposal(story):
    story.registered("05-01", "incident")
    assert story.hears(Dispatched, unit="team-S1b") == []
    assert story.hears(Superseded, proposal=LEAD, because="lead") == []
    assert story.state.lead == "team-S1b"


def test_a_unit_that_the_log_says_declined_is_left_out_from_then_on(story):
    story.registered("05-01", "incident")
    (assigned,) = story.hears(Superseded, proposal=LEAD, because="declined")
    assert assigned.unit == "team-S1b"


def test_once_the_log_says_loop_the_duty_seat_has_it(story):
    story.registered("05-01", "incident")
    assert story.hears(Superseded, proposal=LEAD, because="loop") == []
    assert story.state.lead is None


def test_once_the_log_says_stuck_nobody_bears_the_case(story):
    story.registered("05-01", "incident")
    assert story.hears(Stuck) == []
    assert story.state.lead is None


def test_what_was_superseded_is_not_ours_any_more(story):
    story.registered("05-01", "incident")
    assert story.hears(Superseded, proposal="another", because="lead") == []
    assert story.state.lead == "team-S1a"


def test_a_dispatch_by_hand_ends_the_panel_and_another_is_proposed(story):
    story.registered()
    story.hears(PanelFormed, mediator="u-m2", judicial_head=None, lawyer=None)
    (panel,) = story.hears(Dispatched, unit="centre-S1")
    assert panel.mediator == "u-m1"


def test_proposals_that_circle_end_at_the_duty_seat(story):
    story.registered("05-01", "incident")
    said = [story.hears(Superseded, proposal=LEAD, because="lead")[0] for _ in range(MOST_HOPS)]
    assert [event.hops for event in said[:-1]] == list(range(1, MOST_HOPS))
    assert (said[-1].reason, said[-1].seat) == ("loop", "centre-S1")
    assert story.hears(Superseded, proposal=LEAD, because="lead") == [], "nothing of ours is under way"


def test_panels_that_circle_end_at_the_duty_seat_and_the_lead_stays(story):
    story.registered()
    said = [story.hears(Superseded, proposal=PANEL, because="lead")[0] for _ in range(MOST_HOPS)]
    assert {type(event) for event in said[:-1]} == {PanelProposed}
    assert (type(said[-1]), said[-1].reason) == (PanelUnfilled, "loop")
    assert story.state.lead == "centre-S1"


def test_a_human_settles_it_and_hops_begin_anew(story):
    story.registered("05-01", "incident")
    story.hears(Superseded, proposal=LEAD, because="lead")
    story.hears(Led, unit="team-S1a")
    story.hears(Accepted, unit="team-S1a")
    (assigned,) = story.hears(Declined, unit="team-S1a", by="u-1")
    assert assigned.hops == 0


def test_dispatch_by_hand_is_taken_as_given_even_to_a_unit_that_declined(story):
    story.registered("05-01", "incident")
    story.hears(Declined, unit="team-S1a", by="u-1")
    assert story.hears(Dispatched, unit="team-S1a") == []
    assert (story.state.lead, story.state.declined) == ("team-S1a", ())


def test_a_dispute_without_place_gets_its_panel_once_a_human_has_sent_it_somewhere(story):
    (nobody,) = story.registered(community=None)
    assert (nobody.reason, nobody.seat) == ("no_place", "centre-D")
    (panel,) = story.hears(Dispatched, unit="centre-S1")
    assert panel.mediator == "u-m9", "the street of the case is still unknown, so the district's mediator"


def test_without_a_free_mediator_the_duty_seat_is_asked_and_the_lead_stays():
    story = Story(view(u_m1=20, u_m2=20, u_m9=20))
    assigned, nobody = story.registered()
    assert isinstance(assigned, Assigned)
    assert (type(nobody), nobody.reason, nobody.seat) == (PanelUnfilled, "no_mediator", "centre-S1")
    assert story.state.lead == "centre-S1"
    assert story.state.panel is None


def test_reopened_goes_to_the_last_lead(story):
    story.registered()
    story.hears(Dispatched, unit="dept-housing")
    story.hears(Closed)
    assert story.state.open is False
    (assigned,) = story.hears(Reopened)
    assert (assigned.unit, assigned.centre, assigned.basis.rule) == ("dept-housing", "centre-D", "last_lead")


def test_reopened_after_the_last_lead_has_ended_is_routed_anew(story):
    story.registered("05-01", "incident")
    story.hears(Dispatched, unit="dept-gone")
    story.hears(Closed)
    (assigned,) = story.hears(Reopened)
    assert assigned.unit == "team-S1a"


def test_what_is_open_is_not_reopened(story):
    story.registered()
    assert story.hears(Reopened) == []


def test_a_closed_case_is_left_alone(story):
    story.registered("05-01", "incident")
    story.hears(Closed)
    assert story.hears(Declined, unit="team-S1a", by="u-1") == []
    assert story.hears(Superseded, proposal=LEAD, because="lead") == []


def test_the_log_has_the_last_word_on_lead_and_panel(story):
    story.registered()
    story.hears(Led, unit="dept-housing")
    story.hears(PanelFormed, mediator="u-m2", judicial_head=None, lawyer=None)
    assert story.state.lead == "dept-housing"
    assert story.state.panel == Panel(mediator="u-m2")


def test_verify_decides_in_the_directory_and_with_the_loads_of_then():
    then = edition(version=7)
    now = edition(units=tuple(u for u in UNITS if u.unit != "team-S1a"), version=8)
    shelf = Shelf(then, now)
    story = Story(View(then, {"team-S1a": 1, "team-S1b": 2}, shelf))
    said = story.registered("05-01", "incident")
    fact = Registered(
        id="f1",
        sequence=1,
        at=NINE + timedelta(minutes=1),
        family="incident",
        kind="05-01",
        community="C1",
        street=None,
    )
    core, today = Cases(), View(now, {}, shelf)
    assert core.decide(None, fact, today) != tuple(said), "otherwise this test shows nothing"
    assert core.decide(None, fact, core.recall(said, today)) == tuple(said)


def test_recall_of_nothing_is_the_view_itself():
    here = view()
    assert Cases().recall((), here) is here
    assert SHELF.edition(7) is EDITION


def test_routing_waits_for_nobody(story):
    story.registered()
    assert Cases().due(story.state) is None
    with pytest.raises(AssertionError):
        Cases().fired(NINE, False)


def test_unroutable_forgets_the_proposal_that_failed(story):
    story.registered("05-01", "incident")
    for unit in ("team-S1a", "team-S1b"):
        story.hears(Declined, unit=unit, by="u-1")
    (nobody,) = story.hears(Declined, unit="dept-housing", by="u-1")
    assert isinstance(nobody, Unroutable)
    assert (nobody.reason, story.state.lead) == ("all_declined", None)
