"""Rebuild and verify over logs with holds, redrives and limits: no difference, and a planted edit found exactly."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from deploy.replay.replayer import Report
from services.kernel.core import Row
from services.kernel.envelope import Envelope, encode
from services.kernel.holding import Held, Released
from tests.kernel.running import HOLDS, LATER, Careful, Running, at, log_of, logs, replayer
from tests.kernel.toy import Added, Answered, Asked, Meter


@st.composite
def runs(draw: st.DrawFn) -> Running:
    """A worker's whole record: any delivery, bad records between, marks and redrives at any time."""
    plan = draw(logs)
    log, run = log_of(plan), Running(Careful())
    numbers = list(range(len(log)))
    order = (
        numbers
        if draw(st.booleans())
        else draw(st.permutations([*numbers, *draw(st.lists(st.sampled_from(numbers), max_size=4))]))
    )
    second = 0
    for number in order:
        for what in draw(st.lists(st.sampled_from(("mark", "bad", "redrive", "mend")), max_size=2)):
            if what == "mark":
                second += draw(st.sampled_from((1, 15, 60)))
                _mark(run, log, second)
            elif what == "bad":
                run.arrive(b"?")
            elif what == "mend":
                run.mend()
            else:
                run.redrive()
        run.arrive(encode(log[number]))
    if draw(st.booleans()):
        run.mend()
        run.redrive()
    if draw(st.booleans()):
        run.mark(LATER)
    elif run.upto is not None:  # the next mark, a moment later: what a redrive set is due as well
        run.mark(run.upto + timedelta(milliseconds=100))
    return run


def _mark(run: Running, log: Sequence[Envelope], second: int) -> None:
    """A relay's mark never passes an event that has not arrived."""
    arrived = {record.value for record in run.records}
    waiting = [message.time for message in log if encode(message) not in arrived]
    run.mark(min([at(second), *waiting]))


def differences(report: Report) -> list[str]:
    return [difference.what for difference in report.differences]


@settings(max_examples=500, deadline=None)
@given(runs())
def test_rebuild_and_verify_find_no_difference(run: Running) -> None:
    again = replayer(Careful())
    # Mended means thrown out: those records are in the topic, and nobody can read them.
    compared = again.compare(run.piece(), run.rows())
    assert differences(compared) == []
    verified = again.verify(run.piece())
    assert differences(verified) == []
    assert (verified.records, verified.own_events) == (len(run.records), len(run.said))


@settings(max_examples=200, deadline=None)
@given(runs(), st.data())
def test_an_edit_of_one_row_is_found_and_nothing_else(run: Running, data: st.DataObject) -> None:
    row = run.work.row
    edited = data.draw(
        st.sampled_from([
            ("state", replace(row, state=Meter((row.state or Meter()).total + 1))),
            ("own", replace(row, own=row.own + 1)),
            ("held", replace(row, held=(*row.held, "else"))),
            ("seen", replace(row, seen={**row.seen, "else": 1})),
            ("after", replace(row, after=row.after + 1)),
        ])
    )  # fmt: skip
    found = replayer(Careful()).compare(run.piece(), {"m": msgspec.json.encode(edited[1])})
    assert differences(found) == [edited[0]]


@settings(max_examples=300, deadline=None)
@given(runs(), st.data())
def test_an_edit_of_one_archived_event_is_found_and_nothing_else(run: Running, data: st.DataObject) -> None:
    decided = [n for n, m in enumerate(run.said) if m.type not in HOLDS]
    if not decided:
        return
    n = data.draw(st.sampled_from(decided))
    own = [*run.said]
    own[n] = replace(own[n], data=msgspec.Raw(b'{"total":77777,"due_at":"2026-01-05T09:00:00Z"}'))
    assert differences(replayer(Careful()).verify(run.piece(own))) == [f"event {n + 1} {own[n].type}: data"]


class Doubled(Careful):
    """Another rule for the same input: what is added counts double from 5 on."""

    def decide(self, state, given, view):  # type: ignore[no-untyped-def]
        own = super().decide(state, given, view)
        event = getattr(given, "event", None)
        return (
            tuple(replace(one, total=one.total + event.n) for one in own)
            if isinstance(event, Added) and event.n > 4
            else own
        )


class Raised(Doubled):
    rules = 2


PLAN = [(Added(n=1), 0), (Added(n=6), 1), (Asked(within_s=10.0), 1), (Added(n=2), 60), (Answered(), 1)]


def ran() -> Running:
    run = Running(Careful())
    for message in log_of(PLAN):
        run.arrive(encode(message))
    run.mark(LATER)
    return run


def test_a_changed_rule_is_found_from_the_decision_that_it_changes() -> None:
    found = differences(replayer(Doubled()).verify(ran().piece()))
    assert found == ["event 2 toy.counted.v1: data", "event 4 toy.counted.v1: data"]


def test_what_older_rules_decided_is_counted_and_what_follows_rests_on_it() -> None:
    """The decision is counted once: the running state went on from what was said then, and so does verify."""
    report = replayer(Raised()).verify(ran().piece())
    assert (differences(report), dict(report.older)) == ([], {1: 1})


def test_a_silence_of_older_rules_and_words_of_the_present_ones_are_told_apart() -> None:
    class Silent(Careful):
        def decide(self, state, given, view):  # type: ignore[no-untyped-def]
            return () if getattr(given, "event", None) == Added(n=1) else super().decide(state, given, view)

    run = Running(Silent())
    log = log_of([(Added(n=1), 0), (Added(n=2), 0), (Added(n=6), 0)])
    for message in log[:2]:
        run.arrive(encode(message))
    run.folder.core = Raised()
    run.arrive(encode(log[2]))
    report = replayer(Raised()).verify(run.piece())
    assert (differences(report), dict(report.older)) == ([], {1: 1})
    assert [m.rules for m in run.said] == [1, 2]


def test_an_event_that_nobody_should_have_said_and_one_that_is_missing() -> None:
    run = ran()
    assert differences(replayer(Careful()).verify(run.piece(run.said[:-1]))) == ["event 4: only now toy.counted.v1"]
    more = [*run.said, replace(run.said[-1], sequence=9)]
    assert differences(replayer(Careful()).verify(run.piece(more))) == ["event 5: only then toy.counted.v1"]


def test_a_limit_that_never_fired_is_found_by_how_far_the_marks_had_come() -> None:
    run = Running(Careful())
    run.arrive(encode(log_of([(Asked(within_s=10.0), 0)])[0]))
    run.mark(at(5))
    assert differences(replayer(Careful()).verify(run.piece())) == []
    run.upto = at(11)
    assert differences(replayer(Careful()).verify(run.piece())) == ["event 1: only now toy.missed.v1"]


def test_while_held_and_after_release_verify_fires_as_was_recorded() -> None:
    """By example: fired before the hold, unconfirmed during it, missed once the parked records are in."""
    run = Running(Careful())
    log = log_of(
        [
            (Asked(within_s=10.0), 0),
            (Asked(within_s=10.0), 20),
            (Added(n=1), 5),
            (Asked(within_s=10.0), 20),
            (Added(n=2), 30),
        ]
    )
    run.arrive(encode(log[0]))
    run.mark(at(15))
    run.arrive(encode(log[1]))
    run.arrive(encode(log[3]))  # a gap: held
    run.mark(at(40))
    run.arrive(encode(log[2]))
    run.redrive()
    run.arrive(encode(log[4]))
    assert [m.type for m in run.said] == [
        "toy.missed.v1", Held.TYPE, "toy.unsure.v1", "toy.counted.v1", Released.TYPE, "toy.missed.v1", "toy.counted.v1",
    ]  # fmt: skip
    assert differences(replayer(Careful()).verify(run.piece())) == []
    assert differences(replayer(Careful()).compare(run.piece(), run.rows())) == []


def test_subjects_that_only_one_side_has_are_named() -> None:
    run = ran()
    rows = {**run.rows(), "stranger": msgspec.json.encode(Row())}
    found = replayer(Careful()).compare(run.piece(), rows).differences
    assert [(one.subject, one.what) for one in found] == [("stranger", "only running")]
    found = replayer(Careful()).compare(run.piece(), {}).differences
    assert [(one.subject, one.what) for one in found] == [("m", "only rebuilt")]


def test_what_can_neither_be_read_nor_is_parked_is_counted() -> None:
    run = Running()
    run.arrive(encode(log_of([(Added(n=1), 0)])[0]))
    run.arrive(b"nobody can read this")
    assert (replayer().verify(run.piece()).unreadable, replayer().compare(run.piece(), run.rows()).unreadable) == (0, 0)
    run.mend()
    total = Report()
    total.add(replayer().verify(run.piece()))
    total.add(replayer().compare(run.piece(), run.rows()))
    assert total.unreadable == 2
