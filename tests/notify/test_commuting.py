"""State does not depend on which of the two topics was read first; repeats say nothing; rebuild equals running."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.kernel.core import Incoming
from services.kernel.envelope import Event
from services.notify.core import inputs
from services.notify.core.calls import Case, to_stand_down
from services.notify.core.cases import Calls
from services.notify.core.inputs import Given, Key
from services.notify.events.deliveries import Called

from .examples import DIRECTORY, NINE, blown, event_of, folded, incoming

CORE = Calls()
obligations = st.sampled_from(["w1", "w2"])
units = st.sampled_from(["team", "leaders", "empty", "gone"])
people = st.sampled_from(["u-head", "u-day", "u-seat", "u-mayor", "u-deputy", "u-district", "u-street-head"])

of_intake = st.one_of(
    st.builds(inputs.Registered, st.just("N1"), st.just("0402"), st.just("120106001002"), st.none()),
    st.builds(inputs.Entrusted, st.just(NINE), st.just(0), units, st.none() | st.sampled_from(["street", "centre"])),
    st.builds(inputs.Urged, st.just(NINE), st.just(0), units),
    st.builds(inputs.Reopened, st.just(NINE), st.just(0)),
    st.builds(inputs.Requested, obligations, st.sampled_from(["street", "centre"])),
    st.builds(inputs.Ended, st.just(0), people, st.none() | obligations),
    st.builds(
        inputs.SeatNeeded,
        st.just(NINE),
        st.just(0),
        st.just(0),
        st.sampled_from(["proposed", "held"]),
        about=obligations,
    ),
    st.builds(inputs.Undelivered, st.just(NINE), st.just(0), obligations, st.integers(1, 2)),
)
of_escalation = st.one_of(
    st.builds(
        blown,
        after=st.integers(0, 12),
        rank=st.integers(1, 2),
        unit=units,
        post=st.just("head"),
        obligation=obligations,
    ),
    st.builds(
        inputs.SeatNeeded,
        st.just(NINE),
        st.integers(0, 12),
        st.just(0),
        st.just("unconfirmed"),
        st.sampled_from(["street", "", "gone"]),
        st.just("accept#1"),
    ),
)
keys = st.builds(Key, st.sampled_from(["whistle", "stood_down"]), obligations, st.integers(1, 2))
of_sender = st.one_of(
    st.builds(inputs.Delivered, keys, people, st.just("email"), st.integers(1, 3)),
    st.builds(inputs.Failed, keys, people, st.just("refused")),
    st.builds(inputs.Overtaken, keys),
)


def numbered(given: Given, n: int) -> Given:
    """An event of case.intake rests on its own number; a seat's call is named by the number on its topic."""
    fields = {name: n for name in ("after", "number") if name in getattr(given, "__dataclass_fields__", {})}
    if isinstance(given, inputs.SeatNeeded) and given.purpose == "unconfirmed":
        fields.pop("after")
    return type(given)(**{**{f: getattr(given, f) for f in given.__dataclass_fields__}, **fields})


@st.composite
def topics(draw) -> tuple[list[Incoming[Given]], list[Incoming[Given]]]:
    intake = draw(st.lists(of_intake, max_size=7))
    escalation = draw(st.lists(of_escalation, max_size=5))
    return (
        [incoming("case.intake", n, numbered(g, n)) for n, g in enumerate(intake, 1)],
        [
            incoming("case.escalation", n, numbered(g, n) if isinstance(g, inputs.SeatNeeded) else g)
            for n, g in enumerate(escalation, 1)
        ],
    )


@st.composite
def merged(draw, *feeds: list[Incoming[Given]]) -> list[Incoming[Given]]:
    """One order in which a worker may see the feeds: each in its own order."""
    left, out = [list(feed) for feed in feeds], []
    while any(left):
        out.append(draw(st.sampled_from([feed for feed in left if feed])).pop(0))
    return out


@given(st.data())
def test_who_is_called_for_does_not_depend_on_which_topic_was_read_first(data):
    # That nobody was reached comes from case.intake because notify said so before: its place is not free.
    intake, escalation = data.draw(topics())
    feeds = [replace(i, given=None) if isinstance(i.given, inputs.Undelivered) else i for i in intake], escalation
    row_a, said_a = folded(*data.draw(merged(*feeds)))
    row_b, said_b = folded(*data.draw(merged(*feeds)))
    assert row_a.state == row_b.state and row_a.seen == row_b.seen
    assert sorted(map(str, map(event_of, said_a))) == sorted(map(str, map(event_of, said_b)))


@given(st.data())
def test_rebuild_equals_running_whatever_is_folded_first(data):
    intake, escalation = data.draw(topics())
    sender = [incoming("sender", None, g) for g in data.draw(st.lists(of_sender, max_size=8))]
    row, said = folded(*data.draw(merged(intake, escalation, sender)))
    facts: list[Given | Event] = [i.given for i in intake + escalation if i.given is not None]
    own = [event_of(message) for message in said]
    for order in (facts + own, own + facts):
        state: Case | None = None
        for event in order:
            state = CORE.evolve(state, event)
        assert state == row.state


@given(st.data())
def test_twice_says_nothing_more(data):
    intake, escalation = data.draw(topics())
    sender = [incoming("sender", None, g) for g in data.draw(st.lists(of_sender, max_size=8))]
    feed = data.draw(merged(intake, escalation, sender))
    row, said = folded(*feed)
    again = [one for incoming_ in feed for one in (incoming_, incoming_)]
    row_again, said_again = folded(*again)
    assert row_again.state == row.state
    assert [m.data for m in said_again] == [m.data for m in said]


@given(st.data())
def test_deciding_again_once_it_is_applied_says_nothing(data):
    """Also without the numbers of the records, by which the kernel skips repeats."""
    intake, escalation = data.draw(topics())
    sender = [incoming("sender", None, g) for g in data.draw(st.lists(of_sender, max_size=8))]
    state: Case | None = None
    for one in data.draw(merged(intake, escalation, sender)):
        assert one.given is not None
        for event in (one.given, *CORE.decide(state, one.given, DIRECTORY)):
            state = CORE.evolve(state, event)
        assert CORE.decide(state, one.given, DIRECTORY) == ()


@given(st.data())
def test_whoever_was_told_of_what_is_over_has_word_or_ended_it(data):
    intake, escalation = data.draw(topics())
    sender = [incoming("sender", None, g) for g in data.draw(st.lists(of_sender, min_size=2, max_size=12))]
    row, _ = folded(*data.draw(merged(intake, escalation, sender)))
    assert row.state is None or to_stand_down(row.state) == ()


@given(st.data())
def test_verify_chooses_the_same_people_from_the_slice_that_was_kept(data):
    intake, escalation = data.draw(topics())
    _, said = folded(*data.draw(merged(intake, escalation)))
    for one in escalation:
        recorded = [event_of(m) for m in said if m.causationid == one.id]
        if recorded and one.given is not None:
            view = CORE.recall(recorded, DIRECTORY)
            assert list(CORE.decide(None, one.given, view)) == recorded
            assert all(isinstance(e, Called) is (i == 0) for i, e in enumerate(recorded))
