"""Limits of steps: set, met, reported late, missed, stopped, begun again, revised."""

from dataclasses import replace
from datetime import timedelta

from services.escalation.core import inputs
from services.escalation.core.calendar import Within
from services.escalation.core.policy import DatedCalendar, PolicyBook
from services.escalation.events import limits, whistles
from tests.escalation.examples import (
    ASSIGNED,
    BOOK,
    CALENDAR,
    LATER,
    NINE,
    POLICY,
    REGISTERED,
    STEPS,
    Run,
    done,
    minutes,
    started,
)


def set_of(run: Run, step: str) -> list[limits.LimitSet]:
    return [event for event in run.of(limits.LimitSet) if event.step == step]


def test_a_limit_records_what_governs_it():
    (event,) = set_of(started(), "accept")
    assert (event.limit, event.start, event.due_at) == ("accept#1", NINE, NINE + minutes(15))
    assert event.near_at == NINE + minutes(12)
    assert (event.within, event.policy, event.policy_version, event.calendar_version) == ("15 minutes", "test", 1, 1)


def test_the_longest_kind_prefix_decides():
    run = Run().give(replace_kind("05-01"))
    assert set_of(run, "dispose")[0].due_at == NINE + minutes(30)


def replace_kind(kind: str) -> inputs.Registered:
    return inputs.Registered(at=NINE, family="incident", kind=kind)


def test_done_on_the_minute_is_in_time():
    run = started().give(done(15, inputs.ACCEPTED)).mark(NINE + minutes(16))
    assert [event.limit for event in run.of(limits.LimitMet)] == ["accept#1"]
    assert not run.of(limits.LimitMissed)


def test_a_missed_limit_is_said_at_its_own_time():
    run = started().mark(NINE + minutes(16))
    message = next(m for m in run.work.said if m.type == limits.LimitMissed.TYPE)
    assert message.time == NINE + minutes(15) and message.afterseq == 2


def test_reported_late_is_met_and_takes_the_proposal_back():
    run = started().mark(NINE + minutes(16))
    assert [event.obligation for event in run.of(whistles.WhistleProposed)] == ["accept#1"]
    run.give(done(40, inputs.ACCEPTED, occurred=14))
    (met,) = run.of(limits.LimitMet)
    assert met.reported_late and met.met_at == NINE + minutes(14)
    assert [event.because for event in run.of(whistles.ProposalWithdrawn)] == ["reported_late"]
    assert not run.case.whistles


def test_a_claim_of_more_than_a_day_ago_does_not_count():
    run = started().give(done(15 + 24 * 60, inputs.ACCEPTED, occurred=14))
    assert not run.of(limits.LimitMet)


def test_a_claim_after_the_limit_does_not_count_and_a_late_deed_ends_an_idle_proposal():
    run = started().give(done(40, inputs.ACCEPTED, occurred=16))
    assert not run.of(limits.LimitMet)
    assert [event.because for event in run.of(whistles.ProposalWithdrawn)] == ["done"]


def test_reassigning_begins_the_limit_again_for_the_new_unit():
    run = started().give(inputs.Assigned(at=NINE + minutes(10), unit="dept-roads", centre="centre-1"))
    assert [(e.limit, e.because) for e in run.of(limits.LimitStopped)] == [("accept#1", "reassigned")]
    assert [e.due_at for e in set_of(run, "accept")] == [NINE + minutes(15), NINE + minutes(25)]


def test_assigning_the_same_unit_again_moves_nothing():
    run = started().give(inputs.Assigned(at=NINE + minutes(10), unit="dept-water", centre="centre-1"))
    assert len(set_of(run, "accept")) == 1


def test_a_unit_that_declines_is_not_awaited():
    run = started().give(inputs.Declined(at=NINE + minutes(5), unit="dept-water")).mark(NINE + minutes(60))
    assert [(e.limit, e.because) for e in run.of(limits.LimitStopped)] == [("accept#1", "declined")]
    assert not run.of(limits.LimitMissed)


def test_rework_begins_the_limit_of_disposal_again():
    run = started().give(done(5, inputs.ACCEPTED), done(10, inputs.DISPOSED), done(20, inputs.VERIFIED, passed=False))
    assert [e.limit for e in set_of(run, "dispose")] == ["dispose#1", "dispose#2"]
    assert set_of(run, "dispose")[1].start == NINE + minutes(20)


def test_closed_stops_all_that_it_does_not_meet():
    run = started().give(done(5, inputs.DISPOSED), inputs.Closed(at=NINE + minutes(9))).mark(NINE + LATER)
    assert {e.step for e in run.of(limits.LimitMet)} == {"dispose", "accept", "verify"}
    assert run.case.limits == () and not run.of(limits.LimitMissed)


def test_reopened_begins_new_limits_under_the_policy_then_in_force():
    newer = replace(
        POLICY,
        version=2,
        since=NINE + minutes(30),
        steps={"incident": tuple(replace(rule, within=Within(1, "hours")) for rule in STEPS)},
        overrides=(),
    )
    run = Run(PolicyBook((POLICY, newer), BOOK.calendars)).give(REGISTERED, ASSIGNED)
    run.give(inputs.Closed(at=NINE + minutes(9)), inputs.Reopened(at=NINE + minutes(60)))
    again = [e for e in run.of(limits.LimitSet) if e.start == NINE + minutes(60)]
    assert {(e.limit, e.policy_version, e.within) for e in again} == {
        ("dispose#2", 2, "1 hours"),
        ("accept#2", 2, "1 hours"),
    }


def test_a_newer_policy_moves_no_running_limit():
    newer = replace(POLICY, version=2, since=NINE + minutes(1), steps={}, overrides=())
    run = started()
    run.view = PolicyBook((POLICY, newer), BOOK.calendars)
    run.mark(NINE + LATER)
    assert [e.due_at for e in run.of(limits.LimitMissed)][:2] == [NINE + minutes(15), NINE + minutes(240)]


def test_only_an_order_revises_and_never_into_the_past():
    shorter = tuple(replace(rule, within=Within(1, "minutes")) for rule in STEPS)
    newer = replace(POLICY, version=2, since=NINE + minutes(1), steps={"incident": shorter}, overrides=())
    run = started()
    run.view = PolicyBook((POLICY, newer), BOOK.calendars)
    run.give(inputs.RevisionOrdered(at=NINE + minutes(10), policy_version=2))
    revised = {e.limit: (e.old_due_at, e.due_at) for e in run.of(limits.LimitRevised)}
    assert revised == {
        "dispose#1": (NINE + minutes(240), NINE + minutes(10)),
        "accept#1": (NINE + minutes(15), NINE + minutes(10)),
    }


def test_a_newer_calendar_revises_what_counts_working_days():
    free = replace(CALENDAR, version=2, holidays=CALENDAR.holidays | {(NINE + timedelta(days=1)).date()})
    run = started().give(done(5, inputs.DISPOSED))
    run.view = PolicyBook(BOOK.policies, (*BOOK.calendars, DatedCalendar(NINE + minutes(10), free)))
    run.give(inputs.RevisionOrdered(at=NINE + minutes(11), calendar_version=2))
    moved = [e for e in run.of(limits.LimitRevised) if e.due_at != e.old_due_at]
    assert [(e.limit, e.due_at - e.old_due_at, e.calendar_version) for e in moved] == [
        ("verify#1", timedelta(days=1), 2)
    ]


def test_a_step_may_count_from_the_claimed_time():
    steps = tuple(replace(rule, from_occurred=True) for rule in STEPS)
    book = PolicyBook((replace(POLICY, steps={"incident": steps}),), BOOK.calendars)
    found = inputs.Registered(at=NINE, family="incident", kind="05-01", occurred_at=NINE - minutes(10))
    assert set_of(Run(book).give(found), "dispose")[0].due_at == NINE + minutes(20)
    long_ago = inputs.Registered(at=NINE, family="incident", kind="05-01", occurred_at=NINE - timedelta(days=2))
    assert set_of(Run(book).give(long_ago), "dispose")[0].due_at == NINE + minutes(30)


def test_without_a_policy_nothing_is_promised():
    run = Run(PolicyBook()).give(REGISTERED, ASSIGNED)
    run.give(inputs.WhistleRequested(at=NINE, number=3, obligation="w1", unit="dept-water"))
    assert [type(e) for e in run.said] == [whistles.WhistleRefused]
    assert run.of(whistles.WhistleRefused)[0].reason == "no_policy"
