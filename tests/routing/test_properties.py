"""What holds of routing whatever the log says."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.fold import Folder
from services.routing.core.cases import MOST_HOPS, Cases
from services.routing.core.inputs import Closed, Declined, Dispatched, Registered, Reopened, Stuck
from services.routing.core.loads import borne, changes, loads
from services.routing.core.view import View
from services.routing.events import CONTRACT
from services.routing.events.assignments import Assigned, PanelProposed, PanelUnfilled, Unroutable
from tests.routing.logs import Running, logs, run
from tests.routing.town import EDITION, SHELF, view

CORE = Cases()
some_loads = st.dictionaries(
    st.sampled_from(["team-S1a", "team-S1b", "centre-S1", "u-m1", "u-m2", "u-m9", "u-l1"]), st.integers(0, 25)
)
views = some_loads.map(lambda found: View(EDITION, found, SHELF))


@given(logs, views)
def test_deciding_twice_says_nothing_more(log, here):
    running = Running(here)
    for fact in map(running.meant, log):
        running.told(fact)
        assert CORE.decide(running.state, fact, here) == ()
        assert CORE.evolve(running.state, fact) == running.state


@given(logs, views)
def test_rebuild_equals_running(log, here):
    running, said = run(log, here)
    rebuilt = None
    for fact, own in said:
        for event in (fact, *own):
            rebuilt = CORE.evolve(rebuilt, event)
    assert rebuilt == running.state


@given(logs, st.lists(views, min_size=15, max_size=15))
def test_verify_decides_the_same_out_of_the_recorded_basis(log, heres):
    """Loads were others at each fact; what was recorded is enough to decide again."""
    running, today = Running(view()), view(u_m1=13)
    for fact, here in zip(log, heres, strict=False):
        before, fact = running.state, running.meant(fact)
        said = running.told(fact, here)
        assert list(CORE.decide(before, fact, CORE.recall(said, today))) == said


@given(st.lists(logs, min_size=2, max_size=4), views, st.randoms(use_true_random=False))
def test_any_interleaving_of_cases_decides_the_same(several, here, random):
    """The order between cases, as partitions are spread over workers, does not matter given the same view."""
    alone = {f"c{n}": [m.id for m in run(log, here, f"c{n}")[0].work.said] for n, log in enumerate(several)}
    folder = Folder("routing", CORE)
    runs = {subject: Running(here, subject, folder) for subject in alone}
    waiting = {f"c{n}": list(log) for n, log in enumerate(several)}
    while left := [subject for subject, log in waiting.items() if log]:
        subject = random.choice(left)
        fact = waiting[subject].pop(0)
        runs[subject].told(fact)
    assert {subject: [m.id for m in one.work.said] for subject, one in runs.items()} == alone


@given(logs, views)
def test_a_unit_that_declined_is_not_proposed_again_unless_a_human_gave_it_the_case(log, here):
    declined = set()
    for fact, own in run(log, here)[1]:
        if isinstance(fact, Declined):
            declined.add(fact.unit)
        if isinstance(fact, Dispatched):
            declined.discard(fact.unit)
        for event in own:
            if isinstance(event, Assigned) and event.basis.rule != "last_lead":
                assert event.unit not in declined
                assert not declined & set(event.assisting)


@given(logs, views)
def test_the_state_knows_its_proposals_by_the_ids_under_which_they_travel(log, here):
    """Intake answers by id; it was not told to the core but follows from the cause."""
    running = Running(here)
    for fact in log:
        before = len(running.work.said)
        running.told(fact)
        fresh = {message.type: message.id for message in running.work.said[before:]}
        if running.state is not None and Assigned.TYPE in fresh:
            assert running.state.lead_id == fresh[Assigned.TYPE]
        if running.state is not None and PanelProposed.TYPE in fresh:
            assert running.state.panel_id == fresh[PanelProposed.TYPE]


@given(logs, views)
def test_hops_stay_below_the_limit(log, here):
    running, said = run(log, here)
    for _, own in said:
        for event in own:
            assert not isinstance(event, Assigned) or event.hops < MOST_HOPS
    if running.state is not None:
        assert running.state.hops <= MOST_HOPS
        assert running.state.panel_hops <= MOST_HOPS


@given(logs, views)
def test_an_ended_unit_is_never_chosen(log, here):
    directory = EDITION.directory
    for fact, own in run(log, here)[1]:
        day = directory.day(fact.at)
        for event in own:
            if isinstance(event, Assigned):
                named = (event.unit, event.centre, *event.assisting, *event.informed)
                assert all(directory.unit(id_, day) is not None for id_ in named)
            if isinstance(event, Unroutable | PanelUnfilled):
                assert directory.unit(event.seat, day) is not None


@given(logs, views)
def test_whoever_is_chosen_stands_in_the_basis_and_nobody_who_was_left_out_is_chosen(log, here):
    for _, own in run(log, here)[1]:
        for event in own:
            if isinstance(event, Assigned | PanelProposed):
                taken = {c.id for c in event.basis.candidates if c.left_out is None}
                chosen = {event.unit} if isinstance(event, Assigned) else {event.mediator, event.lawyer} - {None}
                assert taken == chosen


@given(logs, views)
def test_every_open_case_has_a_lead_or_was_sent_to_a_duty_seat(log, here):
    """Nothing is dropped in silence."""
    running, said = run(log, here)
    own = [event for _, events in said for event in events]
    if running.state is not None and running.state.open and running.state.lead is None:
        by_the_log = [fact for fact, _ in said if isinstance(fact, Stuck) or getattr(fact, "because", "") == "loop"]
        assert any(isinstance(event, Unroutable) for event in own) or by_the_log


@settings(max_examples=60)
@given(st.lists(logs, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_loads_are_the_count_of_open_cases_and_never_negative(several, random):
    """Kept by changes, with the loads of the moment as the view, they equal the count over all states."""
    kept: Counter[str] = Counter()
    cases = {f"c{n}": (Running(view(), f"c{n}"), list(log)) for n, log in enumerate(several)}
    while left := [subject for subject, (_, log) in cases.items() if log]:
        running, log = cases[random.choice(left)]
        before = running.state
        running.told(log.pop(0), View(EDITION, dict(kept), SHELF))
        kept.update(changes(before, running.state))
        assert all(load >= 0 for load in kept.values())
        assert {id_: load for id_, load in kept.items() if load} == loads(
            one.state for one, _ in cases.values() if one.state is not None
        )


@given(logs, views)
def test_closing_frees_and_reopening_bears_again(log, here):
    running, _ = run(log, here)
    state = running.state
    if state is None:
        return
    count = len(log)
    closed = CORE.evolve(state, Closed(id="c", sequence=count + 1, at=log[-1].at))
    assert borne(closed) == ()
    reopened = CORE.evolve(closed, Reopened(id="r", sequence=count + 2, at=log[-1].at))
    assert (reopened.lead, reopened.panel) == (state.lead, state.panel)


@given(logs, views)
def test_events_carry_their_rules_and_survive_the_wire(log, here):
    running, said = run(log, here)
    own = [event for _, events in said for event in events]
    assert [CONTRACT.read(message).event for message in running.work.said] == own
    assert {message.rules for message in running.work.said} <= {CORE.rules}
    assert isinstance(log[0], Registered)
