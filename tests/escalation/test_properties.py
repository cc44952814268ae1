"""What holds for every log: the processor's own heart (kernel.fold) runs the core over made-up ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from services.escalation.core import inputs
from services.escalation.core.cases import Escalation
from services.escalation.events import limits, whistles
from services.kernel.core import Record
from services.kernel.envelope import encode
from tests.escalation.examples import (
    ASSIGNED,
    BOOK,
    FOLDER,
    LATER,
    NINE,
    REGISTERED,
    TOPIC,
    Run,
    confirmed,
    incoming,
    minutes,
    rebuilt,
)

moments = st.integers(0, 700).map(lambda n: NINE + minutes(n))
claims = st.none() | st.integers(-60, 400).map(lambda n: NINE + minutes(n))
units = st.sampled_from(("dept-water", "dept-roads", "leaders"))
obligations = st.sampled_from(("w1", "w2", "accept#1", "dispose#1"))
ranks = st.integers(1, 3)
done_facts = st.sampled_from((inputs.ACCEPTED, inputs.DISPOSED, inputs.VERIFIED, inputs.PANEL_FORMED))


def build(type_: type[inputs.Given], **fields: st.SearchStrategy[object]) -> st.SearchStrategy[inputs.Given]:
    return st.builds(type_, at=moments, **fields)


facts = st.one_of(
    build(inputs.Assigned, unit=units),
    build(inputs.Declined, unit=units),
    build(inputs.Done, fact=done_facts, occurred_at=claims),
    build(inputs.Done, fact=st.just(inputs.VERIFIED), passed=st.booleans()),
    build(
        inputs.Attended,
        unit=units,
        obligation=st.none() | obligations,
        rank=st.none() | ranks,
        occurred_at=claims,
    ),
    build(inputs.Told, obligation=obligations, rank=ranks, reached=st.booleans()),
    build(inputs.BlownApplied, obligation=obligations, rank=ranks),
    build(inputs.WhistleRequested, number=st.just(0), obligation=st.sampled_from(("w1", "w2")), unit=units),
    build(inputs.WhistleConfirmed, number=st.just(0), obligation=obligations, rank=ranks),
    build(inputs.WhistleAcknowledged, obligation=obligations, rank=ranks),
    build(inputs.WhistleSettled, obligation=obligations),
    build(inputs.WhistleWithdrawn, obligation=obligations),
    build(inputs.Superseded, number=st.just(0), obligation=obligations),
    build(inputs.RevisionOrdered, policy_version=st.sampled_from((None, 1))),
    build(inputs.Passed),
)
ends = st.one_of(build(inputs.Closed), build(inputs.Reopened))


@st.composite
def climbs(draw: st.DrawFn) -> list[inputs.Given]:
    """One whistle as it goes: told, silence or somebody on site (said late or at once), the press, the next rank."""
    obligation, at = draw(st.sampled_from(("w1", "accept#1", "dispose#1"))), NINE + minutes(draw(st.integers(0, 250)))
    log: list[inputs.Given] = []
    if obligation == "w1":
        log.append(inputs.WhistleRequested(at=at, number=0, obligation="w1", unit="dept-water"))
    else:
        log.append(inputs.WhistleConfirmed(at=at, number=0, obligation=obligation, rank=1))
    for rank in range(1, draw(st.integers(1, 4))):
        if rank > 1:
            log.append(inputs.WhistleConfirmed(at=at, number=0, obligation=obligation, rank=rank))
        if draw(st.booleans()):
            log.append(inputs.BlownApplied(at=at, obligation=obligation, rank=rank))
        at += minutes(draw(st.integers(0, 4)))
        log.append(inputs.Told(at=at, obligation=obligation, rank=rank, reached=draw(st.integers(0, 5)) > 0))
        at += minutes(draw(st.sampled_from((10, 30, 31, 61, 90))))
        if draw(st.integers(0, 2)) == 0:
            claim = at - minutes(draw(st.integers(0, 60))) if draw(st.booleans()) else None
            whom = draw(st.sampled_from((rank, None, 1)))
            log.append(inputs.Attended(at=at, unit="x", obligation=obligation, rank=whom, occurred_at=claim))
            at += minutes(draw(st.sampled_from((10, 121, 200))))
    if draw(st.booleans()):
        log.append(inputs.WhistleSettled(at=at, obligation=obligation))
    return log


def numbered(log: Sequence[inputs.Given]) -> list[inputs.Given]:
    """In order of time, as a log never goes back; each request with its number there, and a name of its own."""
    begun: list[inputs.Given] = [REGISTERED, ASSIGNED, *sorted(log, key=lambda g: g.at)]
    named: set[str] = set()
    for number, given_ in enumerate(begun, 1):
        if isinstance(given_, inputs.WhistleRequested):
            name = given_.obligation if given_.obligation not in named else f"w{number + 2}"
            named.add(name)
            begun[number - 1] = replace(given_, number=number, obligation=name)
        elif isinstance(given_, inputs.WhistleConfirmed | inputs.Superseded):
            begun[number - 1] = replace(given_, number=number)
    return begun


logs = st.builds(
    lambda some, climb, end: numbered([*some, *climb, *end]),
    st.lists(facts, max_size=5),
    climbs(),
    st.lists(ends, max_size=2),
)
marks = st.sets(moments, max_size=12)


def bytes_of(run: Run) -> list[bytes]:
    return [encode(message) for message in run.work.said]


def run_with(log: Sequence[inputs.Given], asked: set[datetime]) -> Run:
    """Apply a log; ask for what is due at every one of `asked` as a progress mark would."""
    run, left = Run(), sorted(asked)
    for given_ in log:
        while left and left[0] <= given_.at:
            run.mark(left.pop(0))
        run.give(given_)
    for mark in left:
        run.mark(mark)
    return run.mark(NINE + LATER)


@given(logs, marks)
def test_asking_often_or_late_fires_the_same_limits(log, asked):
    """Live (asked at every mark), late (asked once) and replayed runs say the same bytes."""
    assert bytes_of(run_with(log, asked)) == bytes_of(run_with(log, set()))


@given(logs, marks)
def test_rebuild_equals_running(log, asked):
    run = run_with(log, asked)
    assert rebuilt(run.log, run.work.said) == run.work.row.state


@given(logs, marks)
def test_deciding_twice_says_nothing_more(log, asked):
    run, core = Run(), Escalation()
    for given_ in log:
        run.give(given_)
        assert (
            core.decide(run.work.row.state, given_, BOOK) == () or core.decide(run.work.row.state, given_, BOOK) == []
        )
    at = NINE + LATER
    run.mark(at)
    assert not core.decide(run.work.row.state, inputs.Due(at=NINE + minutes(500)), BOOK)


@given(logs)
def test_no_rank_is_due_before_the_one_below_was_told_or_had_come(log):
    run = run_with(log, set())
    for message in run.work.said:
        if message.type not in (whistles.WhistleBlown.TYPE, whistles.WhistleProposed.TYPE):
            continue
        event = next(e for e, m in zip(run.said, run.work.said, strict=True) if m is message)
        if event.rank == 1:
            continue
        before = run.log[: message.afterseq]
        assert any(
            (isinstance(g, inputs.Told) and (g.obligation, g.rank) == (event.obligation, event.rank - 1))
            or isinstance(g, inputs.Attended)
            for g in before
        )


@given(logs)
def test_every_request_is_answered_once(log):
    run = run_with(log, set())
    asked = Counter(
        n for n, g in enumerate(run.log, 1) if isinstance(g, inputs.WhistleRequested | inputs.WhistleConfirmed)
    )
    answered = Counter(
        m.afterseq
        for e, m in zip(run.said, run.work.said, strict=True)
        if isinstance(e, whistles.WhistleRefused)
        or (isinstance(e, whistles.WhistleBlown) and e.because in ("requested", "confirmed"))
    )
    assert asked == answered


@given(logs, marks)
def test_every_limit_ends_and_ends_once(log, asked):
    run = run_with(log, asked)
    outcomes: dict[str, list[str]] = {}
    for event in run.said:
        match event:
            case limits.LimitSet():
                assert event.limit not in outcomes, "a name is used once"
                assert event.start < event.due_at and event.start <= event.near_at <= event.due_at
                outcomes[event.limit] = []
            case limits.LimitMet():
                outcomes[event.limit].append("late" if event.reported_late else "met")
            case limits.LimitMissed():
                outcomes[event.limit].append("missed")
            case limits.LimitStopped():
                outcomes[event.limit].append("stopped")
    assert {tuple(o) for o in outcomes.values()} <= {("met",), ("missed",), ("stopped",), ("missed", "late")}


@given(logs, marks)
def test_ranks_are_reached_in_order(log, asked):
    reached: dict[str, list[int]] = {}
    for event in run_with(log, asked).said:
        if isinstance(event, whistles.WhistleBlown):
            reached.setdefault(event.obligation, []).append(event.rank)
    for blown in reached.values():
        assert blown[0] == 1 and all(b - a in (0, 1) for a, b in pairwise(blown))


def hold(run: Run, at: datetime) -> None:
    FOLDER.hold(run.work, Record(TOPIC, 0, len(run.log), b"case", b"?"), "not_json", at)


@settings(max_examples=200)
@given(logs, st.data())
def test_while_held_nobody_is_called_and_each_limit_is_unconfirmed_once(log, data):
    """The record at `stop` can't be read; it and what follows wait until redriven, while marks go on passing."""
    stop = data.draw(st.integers(2, len(log)))
    run = Run().give(*log[:stop])
    hold(run, log[stop - 1].at)
    said = len(run.work.said)
    for mark in sorted(data.draw(marks)):
        run.mark(max(mark, log[stop - 1].at))
    run.mark(NINE + minutes(2000))
    assert {m.type for m in run.work.said[said:]} <= {limits.LimitUnconfirmed.TYPE, limits.ReminderDue.TYPE}
    numbers = Counter(e.limit for e in run.of(limits.LimitUnconfirmed))
    assert set(numbers.values()) <= {1}
    waiting = [incoming(g, n) for n, g in enumerate(log[stop:], stop + 1)]
    FOLDER.redrive(run.work, TOPIC, waiting, BOOK)
    assert not run.work.row.held
    run.log += log[stop:]
    run.give(inputs.Passed(at=NINE + minutes(2001)))
    assert rebuilt(run.log, run.work.said) == run.work.row.state
    free = run_with(log, set())
    for limit in [e.limit for e in Run().give(*log[:stop]).of(limits.LimitSet) if e.obligation is None]:
        assert met(run, limit) == met(free, limit), "a hold costs nobody a limit that was met"


def met(run: Run, limit: str) -> bool:
    return limit in [e.limit for e in run.of(limits.LimitMet)]


def test_limits_between_parked_records_fire_and_those_after_the_last_at_release():
    log = [REGISTERED, ASSIGNED]
    run = Run().give(*log)
    hold(run, NINE)
    run.mark(NINE + minutes(300))
    assert [e.limit for e in run.of(limits.LimitUnconfirmed)] == ["accept#1", "dispose#1"]
    parked = inputs.Done(at=NINE + minutes(20), fact=inputs.PANEL_FORMED)
    FOLDER.redrive(run.work, TOPIC, [incoming(parked, 3)], BOOK)
    assert [e.limit for e in run.of(limits.LimitMissed)] == ["accept#1"]
    run.log.append(parked)
    run.give(inputs.Passed(at=NINE + minutes(310)))
    missed = [m for m in run.work.said if m.type == limits.LimitMissed.TYPE]
    assert [m.time for m in missed] == [NINE + minutes(20), NINE + minutes(310)]


def test_a_parked_deed_that_was_in_time_meets_its_limit():
    run = Run().give(REGISTERED, ASSIGNED)
    hold(run, NINE)
    run.mark(NINE + minutes(300))
    accepted = inputs.Done(at=NINE + minutes(10), fact=inputs.ACCEPTED)
    FOLDER.redrive(run.work, TOPIC, [incoming(accepted, 3)], BOOK)
    assert [e.limit for e in run.of(limits.LimitMet)] == ["accept#1"]
    assert not run.of(limits.LimitMissed) and not run.of(whistles.WhistleProposed)


def test_an_hour_without_a_worker_calls_nobody_too_early():
    """Worker down across everything; then the log, applied late, with told recorded only at the end."""
    log = numbered([inputs.WhistleRequested(at=NINE, number=0, obligation="w1", unit="dept-water")])
    run = Run().give(*log).mark(NINE + minutes(60))
    run.give(inputs.BlownApplied(at=NINE + minutes(60), obligation="w1", rank=1))
    run.give(inputs.Told(at=NINE + minutes(61), obligation="w1", rank=1)).mark(NINE + minutes(90))
    assert [e.rank for e in run.of(whistles.WhistleBlown)] == [1]
    assert all(e.obligation != "w1" for e in run.of(whistles.WhistleProposed))
    run.give(confirmed(91, 2, number=6))
    assert run.of(whistles.WhistleRefused)[0].reason == "no_such_rank"
