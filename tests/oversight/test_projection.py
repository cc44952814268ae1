"""One case as oversight sees it."""

import random
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from services.oversight.core import inputs
from services.oversight.core.cases import Case
from services.oversight.core.projection import Projection
from services.oversight.core.rows import AwaitingRow, CaseRow, HeldRow, LimitRow, WhistleRow, rows
from tests.oversight.logs import at, began, done, ended, needs, ranked, registered


def fold(log: Iterable[inputs.Input]) -> Case:
    case: Case | None = None
    for event in log:
        case = Projection().evolve(case, event)
    assert case is not None
    return case


def limit(log: Iterable[inputs.Input], name: str = "dispose#1") -> LimitRow:
    return next(r for r in rows("c1", 3, fold(log)) if isinstance(r, LimitRow) and r.limit_name == name)


def whistle(log: Iterable[inputs.Input]) -> WhistleRow:
    return next(r for r in rows("c1", 3, fold(log)) if isinstance(r, WhistleRow))


def awaited(log: Iterable[inputs.Input]) -> set[str]:
    return {r.what for r in rows("c1", 3, fold(log)) if isinstance(r, AwaitingRow)}


LED = inputs.Led(at=at(1), unit="unit-1", centre="centre-1")


def test_states_follow_the_log() -> None:
    log: list[inputs.Input] = [registered(), LED, done(2, "accepted"), done(9, "disposed"), done(10, "verified")]
    states = [fold(log[: n + 1]).state for n in range(len(log))]
    assert states == ["registered", "assigned", "accepted", "disposed", "verified"]
    closed = fold([*log, inputs.Closed(at=at(11), outcome="disposed")])
    assert (closed.state, closed.outcome, closed.closed_at, closed.open) == ("closed", "disposed", at(11), False)


def test_a_limit_that_runs_is_waited_for_until_it_is_met() -> None:
    assert limit([registered(), began(0)]).until is None
    assert limit([registered(), began(0), ended(20, "met")]).until == at(20)


def test_a_missed_limit_stays_overdue_until_the_step_is_done_late() -> None:
    missed: list[inputs.Input] = [registered(), needs(), began(0), ended(30, "missed")]
    assert limit(missed).until is None
    assert limit([*missed, done(35, "accepted")]).until is None
    assert limit([*missed, done(41, "disposed")]).until == at(41)


def test_a_missed_limit_ends_with_its_case_and_stays_missed() -> None:
    row = limit([registered(), began(0), ended(30, "missed"), inputs.Closed(at=at(50), outcome="not_settled")])
    assert (row.status, row.until) == ("missed", at(50))


def test_a_step_done_while_escalation_says_nothing_leaves_the_limit_for_the_audit() -> None:
    assert limit([registered(), needs(), began(0), done(20, "disposed")]).until is None


def test_a_fact_of_before_the_limit_does_not_end_it() -> None:
    log: list[inputs.Input] = [registered(), needs(), done(3, "disposed"), began(5), ended(35, "missed")]
    assert limit(log).until is None


def test_a_revised_limit_moves() -> None:
    moved = inputs.LimitMoved(at=at(5), limit="dispose#1", due_at=at(60), near_at=at(50), policy_version=2)
    row = limit([registered(), began(0), moved])
    assert (row.due_at, row.near_at, row.policy_version) == (at(60), at(50), 2)


def test_reopened_begins_again_and_old_misses_stay() -> None:
    log: list[inputs.Input] = [registered(), LED, began(0), ended(30, "missed")]
    log += [inputs.Closed(at=at(50), outcome="disposed"), inputs.Reopened(at=at(90))]
    case = fold(log)
    assert (case.state, case.reopened, case.begun_at, case.opened_at) == ("assigned", 1, at(90), at(0))
    assert limit(log).until == at(50)


def test_rework_counts_and_goes_back() -> None:
    case = fold([registered(), LED, done(9, "disposed"), done(12, "verified", passed=False)])
    assert (case.state, case.reworked) == ("accepted", 1)


def test_a_declined_case_waits_for_routing_again() -> None:
    log: list[inputs.Input] = [registered(), LED, done(2, "declined")]
    assert fold(log).lead is None
    assert awaited(log) == {"assignment"}


def test_requests_are_awaited_until_they_are_answered() -> None:
    asked = inputs.WhistleRequested(at=at(5), obligation="w1", unit="unit-7", by_unit="centre-1")
    assert awaited([registered()]) == {"assignment"}
    assert awaited([registered(), LED]) == set()
    assert awaited([registered(), LED, asked]) == {"whistle w1"}
    assert awaited([registered(), LED, asked, ranked(6, "blown")]) == {"told w1@1"}
    assert awaited([registered(), LED, asked, ranked(6, "blown"), ranked(7, "told")]) == set()
    assert awaited([registered(), LED, asked, inputs.WhistleRefused(at=at(6), obligation="w1")]) == set()
    assert awaited([registered(), asked, inputs.Closed(at=at(6), outcome="withdrawn")]) == set()


def test_told_may_come_before_blown() -> None:
    assert awaited([registered(), LED, ranked(7, "told"), ranked(6, "blown")]) == set()


def test_a_whistle_climbs_and_is_settled() -> None:
    log: list[inputs.Input] = [registered(), LED, ranked(6, "blown"), ranked(7, "told"), ranked(37, "proposed", 2)]
    proposed = whistle(log)
    assert (proposed.rank, proposed.status, proposed.under_way) == (2, "proposed", True)
    log += [ranked(38, "confirmed", 2), ranked(39, "blown", 2), ranked(40, "told", 2)]
    assert whistle(log).status == "told"
    log += [done(50, "attended", obligation="w1", rank=2)]
    assert (whistle(log).status, whistle(log).under_way) == ("attended", True)
    log += [inputs.WhistleEnded(at=at(70), obligation="w1", how="settled")]
    assert (whistle(log).status, whistle(log).under_way, whistle(log).ended_at) == ("settled", False, at(70))


def test_nobody_reached_stays_on_record_while_the_next_rank_waits_for_a_press() -> None:
    log: list[inputs.Input] = [registered(), ranked(6, "blown"), ranked(7, "undeliverable"), ranked(37, "proposed", 2)]
    row = whistle(log)
    assert (row.rank, row.status, row.undeliverable_at, row.told_at) == (2, "proposed", at(7), None)


def test_a_withdrawn_proposal_of_the_timer_is_not_under_way() -> None:
    row = whistle([registered(), LED, ranked(6, "proposed"), ranked(8, "withdrawn")])
    assert (row.status, row.under_way) == ("withdrawn", False)


def test_the_wait_of_a_missed_rank_ends_when_anybody_of_the_ladder_comes() -> None:
    log: list[inputs.Input] = [registered(), ranked(0, "blown"), ranked(1, "told")]
    log.append(began(1, "w1@1:attend", obligation="w1", rank=1))
    log.append(ended(31, "missed", "w1@1:attend"))
    assert limit(log, "w1@1:attend").until is None
    assert limit([*log, done(55, "attended", obligation="w1", rank=2)], "w1@1:attend").until == at(55)


def test_a_hold_is_a_row_until_it_is_released() -> None:
    hold = inputs.Held(at=at(1), service="escalation", topic="case.intake", reason="gap")
    free = inputs.Released(at=at(2), service="escalation", topic="case.intake")
    assert [r for r in rows("c1", 3, fold([registered(), hold])) if isinstance(r, HeldRow)] != []
    assert [r for r in rows("c1", 3, fold([registered(), hold, free])) if isinstance(r, HeldRow)] == []


def test_no_rows_before_the_registration_was_read() -> None:
    assert list(rows("c1", 3, fold([needs()]))) == []
    assert [type(r) for r in rows("c1", 3, fold([needs(), registered()]))] == [CaseRow, AwaitingRow]


LOG: list[inputs.Input] = [
    registered(), LED, began(0), done(2, "accepted"), ended(30, "missed"), ranked(31, "blown"), ranked(32, "told"),
    began(32, "w1@1:attend", obligation="w1", rank=1), done(41, "disposed"),
    done(41, "attended", obligation="w1", rank=1),
    inputs.WhistleEnded(at=at(44), obligation="w1", how="settled"), inputs.Closed(at=at(45), outcome="disposed"),
]  # fmt: skip
OTHERS: dict[str, list[inputs.Input]] = {
    "escalation": [needs(), needs("w1@1:attend"), inputs.Elsewhere(at=at(30), type="escalation.limit_missed.v1")],
    "routing": [inputs.Elsewhere(at=at(1), type="routing.assigned.v1")] * 2,
    "notify": [inputs.Elsewhere(at=at(32), type="notify.told.v1")],
}


@given(st.integers(0, len(LOG)), st.randoms(use_true_random=False))
def test_the_order_between_topics_makes_no_difference(upto: int, chance: random.Random) -> None:
    logs = {"intake": LOG[:upto], **OTHERS}
    turns = [topic for topic, log in logs.items() for _ in log]
    chance.shuffle(turns)
    left = {topic: iter(log) for topic, log in logs.items()}
    mixed = fold(next(left[topic]) for topic in turns)
    one_after_the_other = fold(event for log in logs.values() for event in log)
    assert mixed == one_after_the_other
    assert list(rows("c1", 3, mixed)) == list(rows("c1", 3, one_after_the_other))
    assert list(mixed.counts) == list(one_after_the_other.counts)  # the stored bytes agree too


def test_it_decides_nothing_and_waits_for_nothing() -> None:
    projection, case = Projection(), fold(LOG)
    assert projection.decide(case, registered(), None) == ()
    assert projection.due(case) is None
