"""The rows of deliveries follow the calls: nothing is due that nobody asked for, nothing asked for is without a row."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.notify.core import inputs
from services.notify.core.calls import Case, why_not
from services.notify.core.cases import Calls
from services.notify.core.inputs import Key
from services.notify.core.rows import changes

from .examples import DIRECTORY, NIGHT, NINE, blown, run
from .test_commuting import incoming, merged, of_sender, topics

WHISTLE = Key("whistle", "w1", 1)


def test_an_empty_first_step_opens_the_next_person():
    state, _ = run(inputs.Entrusted(NIGHT, 4, "team"))
    assert [o.staff for o in changes(None, state).opened] == ["u-head"]


def test_a_failed_step_closes_its_person_and_opens_the_next():
    before, _ = run(blown())
    after, _ = run(blown(), inputs.Failed(WHISTLE, "u-head", "refused"))
    change = changes(before, after)
    assert [(c.staff, c.into) for c in change.closed] == [("u-head", "failed")]
    assert [o.staff for o in change.opened] == ["u-day"]


@given(st.data())
def test_what_is_due_is_what_the_calls_are_trying(data):
    """Run rows beside the core: at every moment the due rows are exactly the persons being tried."""
    core, state = Calls(), None
    rows: dict[tuple[Key, str], str] = {}
    intake, escalation = data.draw(topics())
    sender = [incoming("sender", None, g) for g in data.draw(st.lists(of_sender, max_size=10))]
    for one in data.draw(merged(intake, escalation, sender)):
        before: Case | None = state
        for event in (one.given, *core.decide(state, one.given, DIRECTORY)):
            state = core.evolve(state, event)
        change = changes(before, state)
        for closed in change.closed:
            for (key, staff), was in list(rows.items()):
                told = closed.told is not None and staff == closed.told[0]
                if key == closed.key and closed.staff in (None, staff) and (was == "due" or told):
                    rows[key, staff] = "told" if told else closed.into
        for opened in change.opened:
            assert (opened.key, opened.staff) not in rows
            rows[opened.key, opened.staff] = "due"
        trying = {(c.key, c.trying.staff) for c in (state.calls.values() if state else ()) if c.trying}
        assert {row for row, was in rows.items() if was == "due"} == trying
        told = {(c.key, c.staff) for c in (state.calls.values() if state else ()) if c.outcome == "told"}
        assert {row for row, was in rows.items() if was == "told"} == told
    assert NINE and all(why_not(state, key, staff) for (key, staff), was in rows.items() if was != "due")
