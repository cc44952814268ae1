"""The ladder of a whistle: who is called when, and who is not."""

import pytest

from services.escalation.core import inputs
from services.escalation.events import limits, whistles
from tests.escalation.examples import (
    LATER,
    NINE,
    Run,
    attended,
    confirmed,
    done,
    minutes,
    started,
    told,
    whistled,
)


def posts(run: Run) -> list[tuple[int, str]]:
    return [(event.rank, event.post) for event in run.of(whistles.WhistleBlown)]


def missed(run: Run, prefix: str = "w1@") -> list[str]:
    return [event.limit for event in run.of(limits.LimitMissed) if event.limit.startswith(prefix)]


def test_a_request_calls_the_head_at_once():
    (blown,) = whistled().of(whistles.WhistleBlown)
    assert (blown.rank, blown.unit, blown.post, blown.because) == (1, "dept-water", "head", "requested")
    assert blown.respond_within_s == 1800 and blown.policy_version == 1


def test_no_leader_is_called_before_the_head_was_told():
    run = whistled().mark(NINE + LATER)
    assert posts(run) == [(1, "head")] and not missed(run)


def test_the_wait_of_a_rank_counts_from_told():
    run = whistled().give(told(100, 1)).mark(NINE + minutes(130))
    assert not missed(run)
    run.mark(NINE + minutes(131))
    assert missed(run) == ["w1@1:attend"]
    assert [(e.rank, e.unit) for e in run.of(whistles.WhistleProposed)] == [(2, "leaders")]


def test_or_from_nobody_could_be_told():
    run = whistled().give(told(10, 1, reached=False)).mark(NINE + minutes(41))
    assert missed(run) == ["w1@1:attend"]


def test_only_the_first_word_starts_the_wait():
    run = whistled().give(told(0, 1), told(15, 1), told(29, 1, reached=False))
    assert [e.due_at for e in run.of(limits.LimitSet) if e.step == "attend"] == [NINE + minutes(30)]


def test_word_of_a_lower_rank_starts_no_wait_of_this_one():
    run = whistled().give(told(0, 1), confirmed(40, 2), told(41, 1), told(42, 3)).mark(NINE + LATER)
    assert posts(run) == [(1, "head"), (2, "district_head")] and missed(run) == ["w1@1:attend"]
    assert run.case.whistles[0].called == ("dept-water", "leaders")


def test_a_proposal_waits_for_the_press():
    run = whistled().give(told(0, 1)).mark(NINE + LATER)
    assert posts(run) == [(1, "head")]
    assert [e.rank for e in run.of(whistles.WhistleProposed)] == [2]


def test_silence_climbs_to_the_top_and_stays_red():
    run = whistled().give(told(0, 1), confirmed(40, 2), told(41, 2), told(102, 3)).mark(NINE + minutes(1300))
    assert posts(run) == [(1, "head"), (2, "district_head"), (3, "party_secretary")]
    (exhausted,) = run.of(whistles.LadderExhausted)
    assert (exhausted.rank, exhausted.because) == (3, "w1@3:attend")
    run.mark(NINE + minutes(102 + 60) + 3 * minutes(1440) + minutes(1))
    assert [e.limit for e in run.of(limits.ReminderDue)] == ["w1@3:attend"] * 3
    run.give(inputs.WhistleSettled(at=NINE + minutes(6000), obligation="w1")).mark(NINE + LATER)
    assert len(run.of(limits.ReminderDue)) == 4 and not run.case.whistles


def test_arriving_on_the_minute_is_in_time_and_waits_to_be_settled():
    run = whistled().give(told(0, 1), attended(30))
    assert [e.limit for e in run.of(limits.LimitMet)] == ["w1@1:attend"]
    assert [e.due_at for e in run.of(limits.LimitSet) if e.step == "settle"] == [NINE + minutes(150)]
    run.give(inputs.WhistleSettled(at=NINE + minutes(150), obligation="w1")).mark(NINE + LATER)
    assert "w1@1:settle" in [e.limit for e in run.of(limits.LimitMet)] and not missed(run)


def test_what_one_whistle_does_not_settle_gets_a_second():
    run = whistled().give(told(0, 1), attended(10)).mark(NINE + minutes(131))
    assert missed(run) == ["w1@1:settle"]
    assert [e.rank for e in run.of(whistles.WhistleProposed) if e.obligation == "w1"] == [2]


def test_there_before_told_is_on_the_log_nobody_waits():
    run = whistled().give(attended(1), told(2, 1)).mark(NINE + minutes(60))
    assert not missed(run)
    assert [e.step for e in run.of(limits.LimitSet) if e.obligation == "w1"] == ["settle"]


def test_nor_does_the_wait_to_settle_begin_before_anybody_was_told():
    run = whistled().give(attended(1)).mark(NINE + LATER)
    assert posts(run) == [(1, "head")] and not missed(run), "a leader would be called before the head was told"
    run = whistled().give(attended(1), told(300, 1), told(400, 1)).mark(NINE + minutes(421))
    assert [e.due_at for e in run.of(limits.LimitSet) if e.step == "settle"] == [NINE + minutes(420)]
    assert missed(run) == ["w1@1:settle"] and [e.rank for e in run.of(whistles.WhistleProposed)][-1] == 2
    run = whistled().give(attended(1), told(300, 1, reached=False)).mark(NINE + minutes(421))
    assert missed(run) == ["w1@1:settle"]


def test_the_unit_that_was_called_need_not_name_the_whistle():
    run = whistled().give(told(0, 1), inputs.Attended(at=NINE + minutes(5), unit="dept-water"))
    assert [e.limit for e in run.of(limits.LimitMet)] == ["w1@1:attend"]
    other = whistled().give(told(0, 1), inputs.Attended(at=NINE + minutes(5), unit="dept-roads"))
    assert not other.of(limits.LimitMet)


def test_reported_late_takes_back_a_proposal():
    run = whistled().give(told(0, 1)).mark(NINE + minutes(31))
    run.give(attended(60, occurred=29, rank=1))
    assert [(e.rank, e.because) for e in run.of(whistles.ProposalWithdrawn)] == [(2, "reported_late")]
    assert [e.reported_late for e in run.of(limits.LimitMet)] == [True]
    assert run.case.whistles[0].phase == "attended"


def test_reported_late_leaves_a_blown_rank_waiting_for_settled_alone():
    run = whistled().give(told(0, 1), confirmed(40, 2), told(41, 2), attended(60, occurred=29, rank=1))
    assert [(e.limit, e.because) for e in run.of(limits.LimitStopped)] == [("w1@2:attend", "reported_late")]
    run.mark(NINE + LATER)
    assert posts(run) == [(1, "head"), (2, "district_head")] and missed(run) == ["w1@1:attend"]
    assert run.case.whistle("w1") is not None


def test_late_and_not_in_time_takes_nothing_back():
    run = whistled().give(told(0, 1), attended(60, occurred=31, rank=1))
    assert not run.of(whistles.ProposalWithdrawn) and not run.of(limits.LimitMet)


def test_patience_counts_from_when_the_whistle_is_on_the_log():
    run = whistled().give(inputs.BlownApplied(at=NINE + minutes(50), obligation="w1", rank=1))
    run.mark(NINE + minutes(53))
    assert missed(run) == ["w1@1:told"] and posts(run) == [(1, "head")]
    assert not run.of(whistles.WhistleProposed) or all(e.obligation != "w1" for e in run.of(whistles.WhistleProposed))


def test_told_within_patience():
    run = whistled().give(inputs.BlownApplied(at=NINE, obligation="w1", rank=1), told(1, 1)).mark(NINE + minutes(10))
    assert [e.limit for e in run.of(limits.LimitMet)] == ["w1@1:told"]


def test_told_before_the_whistle_is_on_the_log_needs_no_patience():
    run = whistled().give(told(0, 1), inputs.BlownApplied(at=NINE + minutes(1), obligation="w1", rank=1))
    assert [e.step for e in run.of(limits.LimitSet) if e.obligation == "w1"] == ["attend"]


@pytest.mark.parametrize("end", [inputs.WhistleSettled, inputs.WhistleWithdrawn])
def test_an_ended_whistle_waits_for_nothing(end):
    run = whistled().give(told(0, 1), end(at=NINE + minutes(5), obligation="w1"))
    assert [e.limit for e in run.of(limits.LimitStopped)] == ["w1@1:attend"]
    assert not missed(run.mark(NINE + LATER))


def test_closing_ends_whistles_and_proposals():
    run = whistled().give(told(0, 1)).mark(NINE + minutes(31)).give(inputs.Closed(at=NINE + minutes(40)))
    assert [(e.obligation, e.because) for e in run.of(whistles.ProposalWithdrawn)] == [("w1", "closed")]
    assert run.case.whistles == () and run.case.limits == ()
    said = len(run.said)
    assert len(run.mark(NINE + LATER).said) == said


def answers(run: Run, obligation: str) -> list[str]:
    return [
        type(e).__name__ for e in run.said
        if isinstance(e, whistles.WhistleBlown | whistles.WhistleRefused) and e.obligation == obligation
    ]  # fmt: skip


def test_every_request_has_one_answer():
    run = whistled().give(inputs.WhistleRequested(at=NINE, number=4, obligation="w2", unit="dept-water"))
    run.give(confirmed(1, 2, number=5), confirmed(1, 1, number=6, obligation="w9"))
    run.give(inputs.Closed(at=NINE + minutes(2)))
    run.give(inputs.WhistleRequested(at=NINE + minutes(3), number=8, obligation="w3", unit="dept-water"))
    refused = [(e.obligation, e.reason) for e in run.of(whistles.WhistleRefused)]
    assert refused == [("w2", "already_running"), ("w1", "no_such_rank"), ("w9", "no_such_rank"), ("w3", "closed")]
    assert answers(run, "w1") == ["WhistleBlown", "WhistleRefused"]


def test_two_presses_blow_once_and_the_second_is_answered():
    run = whistled().give(told(0, 1), confirmed(40, 2, number=5), confirmed(40, 2, number=6))
    assert posts(run) == [(1, "head"), (2, "district_head")]
    assert [e.reason for e in run.of(whistles.WhistleRefused)] == ["already_running"]


def test_the_timer_begins_a_whistle_under_the_limits_own_name():
    run = started().mark(NINE + minutes(241))
    (proposed,) = run.of(whistles.WhistleProposed)
    assert (proposed.obligation, proposed.rank, proposed.unit) == ("accept#1", 1, "dept-water")
    assert not run.of(whistles.WhistleBlown), "the unit is called already: dispose#1 begins no second whistle"


def test_the_timer_blows_where_the_policy_says_blow():
    run = started().give(done(5, inputs.ACCEPTED)).mark(NINE + minutes(241))
    (blown,) = run.of(whistles.WhistleBlown)
    assert (blown.obligation, blown.because, blown.blown_at) == ("dispose#1", "dispose#1", NINE + minutes(240))


def test_a_person_overtakes_the_timers_proposal():
    run = started().mark(NINE + minutes(16))
    run.give(inputs.WhistleRequested(at=NINE + minutes(20), number=3, obligation="w1", unit="dept-water"))
    assert [(e.obligation, e.because) for e in run.of(whistles.ProposalWithdrawn)] == [("accept#1", "requested")]
    assert posts(run) == [(1, "head")]


def test_a_superseded_proposal_is_made_again_if_it_still_stands():
    run = whistled().give(told(0, 1)).mark(NINE + minutes(31))
    run.give(inputs.Superseded(at=NINE + minutes(32), number=5, obligation="w1"))
    assert [e.because for e in run.of(whistles.WhistleProposed) if e.obligation == "w1"] == [
        "w1@1:attend",
        "superseded",
    ]
    run.give(inputs.WhistleSettled(at=NINE + minutes(33), obligation="w1"))
    said = len(run.said)
    assert len(run.give(inputs.Superseded(at=NINE + minutes(34), number=7, obligation="w1")).said) == said


def test_a_revision_does_not_redirect_a_whistle_under_way():
    run = whistled().give(told(0, 1))
    ladder = run.case.whistles[0].ladder
    run.give(inputs.RevisionOrdered(at=NINE + minutes(1), policy_version=1))
    assert run.case.whistles[0].ladder == ladder and not run.of(limits.LimitRevised)
