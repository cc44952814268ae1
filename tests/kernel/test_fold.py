"""The processor's heart: what any delivery of a log makes of a subject is what the log says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.core import Incoming, Record, Row
from services.kernel.envelope import encode
from services.kernel.fold import Folder, Outcome, Work
from services.kernel.holding import Held, Released
from tests.kernel.running import LATER, Running, at, log_of, logs
from tests.kernel.toy import NINE, Added, Answered, Asked, Meter, ToyCore, toy_reader


def in_order(plan, until=LATER) -> Running:  # type: ignore[no-untyped-def]
    run = Running()
    for event in log_of(plan):
        assert run.arrive(encode(event)) is Outcome.APPLIED
    run.mark(until)
    return run


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list, list[int]]:  # type: ignore[type-arg]
    """A log, and the numbers in which it arrives: each at least once, in any order, with repeats; -1: a redrive."""
    plan = draw(logs)
    numbers = list(range(len(plan)))
    more = draw(st.lists(st.sampled_from([*numbers, -1]), max_size=8))
    return plan, draw(st.permutations([*numbers, *more]))


@settings(max_examples=300, deadline=None)
@given(deliveries())
def test_repeats_gaps_and_redrives_in_any_order_come_to_what_the_log_says(delivery) -> None:  # type: ignore[no-untyped-def]
    """Also to the same words, at the same times, after the same events: only the holds are more."""
    plan, order = delivery
    log, run = log_of(plan), Running()
    for number in order:
        if number == -1:
            run.redrive()
        else:
            run.arrive(encode(log[number]))
    run.redrive()
    assert (run.parked, run.work.row.held) == ([], ())
    run.mark(LATER)
    quiet = in_order(plan)
    assert run.spoken == quiet.spoken
    assert (run.work.row.state, run.work.row.seen) == (quiet.work.row.state, quiet.work.row.seen)
    assert (run.work.row.after, run.work.row.at) == (quiet.work.row.after, quiet.work.row.at)
    assert [m.sequence for m in run.said] == list(range(1, len(run.said) + 1)) and run.work.row.own == len(run.said)
    holds = [m.type for m in run.said if m.type in (Held.TYPE, Released.TYPE)]
    assert holds == [Held.TYPE, Released.TYPE] * (len(holds) // 2)


@settings(max_examples=300, deadline=None)
@given(logs, st.sets(st.integers(0, 1500)))
def test_asking_often_or_late_fires_the_same_limits(plan, marks) -> None:  # type: ignore[no-untyped-def]
    """A mark at second s may come as soon as every event before s was applied."""
    once, often, log = in_order(plan), Running(), log_of(plan)
    for number, event in enumerate(log):
        often.arrive(encode(event))
        next_at = log[number + 1].time if number + 1 < len(log) else LATER
        for second in sorted(marks):
            if at(second) <= next_at:
                often.mark(at(second))
    often.mark(LATER)
    assert often.said == once.said and often.work.row == once.work.row


@given(logs)
def test_a_tie_goes_to_the_event(plan) -> None:  # type: ignore[no-untyped-def]
    run = in_order([*plan, (Answered(), 200), (Asked(within_s=30.0), 0), (Answered(), 30)])
    assert run.said[-1].type == "toy.met.v1"
    late = in_order([*plan, (Answered(), 200), (Asked(within_s=30.0), 0), (Answered(), 31)])
    assert late.said[-1].type == "toy.missed.v1" and late.said[-1].afterseq == len(plan) + 2


def test_what_was_said_twice_is_the_same_event() -> None:
    plan = [(Added(n=3), 0), (Asked(within_s=10.0), 1), (Added(n=1), 60)]
    assert [encode(m) for m in in_order(plan).said] == [encode(m) for m in in_order(plan).said]


def test_a_release_is_written_also_where_all_that_was_parked_was_a_repeat() -> None:
    """A repeat that could not be read when it came (the code was mended since) changes nothing but the hold."""
    log, run = log_of([(Added(n=1), 0)]), Running()
    run.arrive(encode(log[0]))
    run.arrive(b"{")
    run.work = Work("m", 0, run.work.row)  # a later batch
    run.records[-1] = run.parked[0] = Record("toy.log", 0, 1, b"m", encode(log[0]))
    assert run.redrive() == 1
    assert [m.type for m in run.said] == [Released.TYPE]
    assert run.work.changed and run.work.row.held == ()


def test_a_limit_that_does_not_move_on_ends_the_worker() -> None:
    class Stuck(ToyCore):
        def decide(self, state, given, view):  # type: ignore[no-untyped-def]
            return ()

    run = Running(Stuck())
    run.arrive(encode(log_of([(Asked(within_s=5.0), 0)])[0]))
    with pytest.raises(RuntimeError, match="did not move on"):
        run.mark(LATER)


def test_the_owner_of_a_log_stamps_what_it_says_and_names_no_event_after_which() -> None:
    """Intake: own events are the log; their time is its clock's, whatever the time of the fact."""
    folder: Folder[Meter, object, None] = Folder("toy", ToyCore(), log=True)
    stamp, work = NINE + timedelta(hours=3), Work[Meter]("m", 0, Row(), NINE + timedelta(hours=3))
    read = toy_reader().read(Record("toy.log", 0, 0, b"m", encode(log_of([(Added(n=1), 0)])[0])))
    assert isinstance(read, Incoming)
    folder.apply(work, read, None)  # type: ignore[arg-type]
    (said,) = work.said
    assert (said.time, said.afterseq, work.row.at) == (stamp, None, stamp)


def test_a_gap_does_not_take_the_log_back_to_the_facts_time() -> None:
    """Decision 4: the time of a log never falls, also where its owner says that it holds somebody."""
    folder: Folder[Meter, object, None] = Folder("toy", ToyCore(), log=True)
    stamp = NINE + timedelta(hours=3)
    work = Work[Meter]("m", 0, Row(at=stamp), stamp)
    log = log_of([(Added(n=1), 0), (Added(n=2), 1)])
    read = toy_reader().read(Record("toy.log", 0, 1, b"m", encode(log[1])))  # the first one is missing
    assert isinstance(read, Incoming)
    assert folder.apply(work, read, None) is Outcome.PARKED  # type: ignore[arg-type]
    (said,) = work.said
    assert (said.type, said.time, work.row.at) == (Held.TYPE, stamp, stamp)
