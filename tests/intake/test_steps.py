"""Who may do what, when; what is not possible says why; a press decided twice is one press."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.core import inputs, needs, powers, stale, steps
from services.intake.core.inputs import Actor
from services.intake.doors import words
from services.intake.events import facts, reception, whistle
from tests.intake.acting import HEAD, MEDIATOR, NINE, SEAT, STRANGER, TEAM, Story, assigned

LATER = NINE + timedelta(minutes=30)


def test_a_street_vendor_from_report_to_close() -> None:
    story = assigned()
    assert story.case.awaiting == ()
    for press, by, fields in (
        (inputs.Accept, TEAM, {}),
        (inputs.Attend, TEAM, {}),
        (inputs.Dispose, TEAM, {}),
        (inputs.Verify, SEAT, {"passed": False}),
        (inputs.Dispose, TEAM, {}),
        (inputs.Verify, SEAT, {"passed": True}),
        (inputs.Close, SEAT, {"outcome": "disposed"}),
    ):
        assert story.press(press, by, **fields) is None, press
    assert story.case.state == "closed" and story.case.outcome == "disposed"


def test_a_dispute_from_session_to_performance() -> None:
    story = assigned("dispute", kind="0402")
    story.propose(facts.PanelFormed(fact_at=NINE, mediator="u-0019", judicial_head="u-0100"))
    assert story.press(inputs.Agreement, MEDIATOR) == "no_session"
    assert story.press(inputs.Session, MEDIATOR, mode="back_to_back", present=1) is None
    assert story.press(inputs.Session, MEDIATOR, mode="face_to_face", present=2, result="agreed") is None
    assert story.press(inputs.Close, SEAT, outcome="settled") == "not_performed"
    assert story.press(inputs.Agreement, MEDIATOR, instalments=2) is None
    assert story.press(inputs.Session, MEDIATOR, mode="face_to_face", present=2) == "already_agreed"
    assert story.press(inputs.Perform, MEDIATOR, complete=False) is None
    assert story.case.state == "agreed"
    assert story.press(inputs.Perform, MEDIATOR, complete=True) is None
    assert story.press(inputs.Close, MEDIATOR, outcome="settled") is None
    held = [event for event in story.said if hasattr(event, "panel")]
    assert held[0].panel == ("u-0019", "u-0100")


def test_a_whistle_climbs_is_confirmed_answered_and_settled() -> None:
    story = assigned()
    assert story.press(inputs.Blow, STRANGER, kind="outcry") == "role_may_not"
    assert story.press(inputs.Blow, HEAD, kind="outcry") is None
    assert [one.what for one in story.case.awaiting] == ["whistle w1"]
    assert story.press(inputs.Blow, HEAD, kind="outcry") == "already_whistling"
    story.fact(facts.WhistleBlown(fact_at=NINE, obligation="w1", rank=1, unit="team-1", post="head"))
    assert story.case.awaiting == ()
    story.propose(facts.WhistleProposed(fact_at=LATER, obligation="w1", rank=2, unit="leaders", post="district_head"))
    assert needs.needs(story.case) == ("whistle_proposed",)
    assert story.press(inputs.Confirm, SEAT, obligation="w1", rank=3) == "nothing_proposed"
    assert story.press(inputs.Confirm, SEAT, obligation="w1", rank=2) is None
    assert story.press(inputs.Confirm, SEAT, obligation="w1", rank=2) == "nothing_proposed"
    leader = Actor(staff="u-0002", unit="leaders", role="leader")
    assert story.press(inputs.Attend, leader) is None, "units of proposed ranks are called too"
    attended = story.said[-1]
    assert isinstance(attended, reception.Attended) and (attended.obligation, attended.rank) == ("w1", 1)
    assert story.press(inputs.Answer, leader, obligation="w1", elements=("measures",)) is None
    assert story.press(inputs.Settle, leader, obligation="w1") is None
    assert story.case.whistles["w1"].status == "settled"
    assert story.press(inputs.Settle, leader, obligation="w1") in ("no_whistle", "not_your_unit")
    assert story.press(inputs.Blow, HEAD, kind="outcry") is None and "w2" in story.case.whistles


def test_a_refused_request_ends_its_whistle_and_answers_it() -> None:
    story = assigned()
    story.press(inputs.Blow, SEAT, kind="outcry")
    story.fact(facts.WhistleRefused(fact_at=NINE, obligation="w1", reason="no_policy"))
    assert story.case.awaiting == () and story.case.whistles["w1"].status == "refused"


def test_a_link_is_recorded_before_the_whistle_is_known_here_and_once() -> None:
    story = assigned()
    link = {"obligation": "w7", "rank": 1, "linked": True}
    assert story.press(inputs.Acknowledge, TEAM, **link) is None
    assert isinstance(story.said[-1], whistle.WhistleAcknowledged)
    again = inputs.Acknowledge(at=LATER, by=TEAM, obligation="w7", rank=1, linked=True)
    assert story.give(again) == ()
    other = inputs.Acknowledge(at=LATER, by=TEAM, obligation="w7", rank=1, linked=True, answer="returned")
    assert len(story.give(other)) == 1


def test_closing_ends_whistles_and_reopening_keeps_the_last_lead_and_the_old_misses() -> None:
    story = assigned()
    story.press(inputs.Blow, SEAT, kind="outcry")
    story.fact(facts.LimitSet(fact_at=NINE, limit="dispose#1", step="dispose", start=NINE, due_at=LATER, near_at=LATER,
                              policy_version=1, calendar_version=1))  # fmt: skip
    story.fact(facts.LimitMissed(fact_at=LATER, limit="dispose#1", step="dispose", due_at=LATER))
    assert story.press(inputs.Close, SEAT, outcome="withdrawn") is None
    assert story.case.whistling == () and not needs.overdue(story.case)
    assert story.press(inputs.Attend, TEAM) == "closed"
    assert story.press(inputs.Reopen, SEAT, reason="again") is None
    assert (story.case.state, story.case.lead) == ("assigned", "team-1")
    assert story.case.limits["dispose#1"].status == "missed"


ACTORS = [SEAT, HEAD, TEAM, MEDIATOR, STRANGER]
PRESSES: list[tuple[type[inputs.Command], dict[str, object]]] = [
    (inputs.Accept, {}), (inputs.Decline, {"reason": "not_ours"}), (inputs.Dispatch, {"unit": "team-2"}),
    (inputs.Attend, {}), (inputs.Dispose, {}), (inputs.Verify, {"passed": True}), (inputs.Verify, {"passed": False}),
    (inputs.Close, {"outcome": "disposed"}), (inputs.Close, {"outcome": "not_settled"}),
    (inputs.Reopen, {"reason": "x"}),
    (inputs.Urge, {}), (inputs.Session, {"mode": "face_to_face", "present": 2}), (inputs.Agreement, {}),
    (inputs.Perform, {}), (inputs.Blow, {"kind": "outcry"}), (inputs.Confirm, {"obligation": "w1", "rank": 2}),
    (inputs.Settle, {"obligation": "w1"}), (inputs.Withdraw, {"obligation": "w1", "reason": "x"}),
    (inputs.Answer, {"obligation": "w1", "elements": ()}), (inputs.Acknowledge, {"obligation": "w1", "rank": 1}),
]  # fmt: skip
presses = st.lists(st.tuples(st.sampled_from(PRESSES), st.sampled_from(ACTORS)), max_size=12)


@given(presses, st.sampled_from(["incident", "dispute"]))
def test_any_presses_keep_a_case_whole(
    pressed: list[tuple[tuple[type, dict[str, object]], Actor]], family: str
) -> None:
    """Whatever is pressed by whom: refused presses say why in a sentence, allowed ones are one event, numbers count."""
    story = assigned(family)
    for (kind, fields), by in pressed:
        before, offered = story.case.sequence, steps.allowed(story.case, by)
        why = story.press(kind, by, **fields)
        assert story.case.sequence == before + (why is None) == len(story.said)
        if why is None:
            assert kind.NAME in offered, "what is possible was offered"
        else:
            assert why in words.REASONS
        for _, reason in steps.not_yet(story.case, by):
            assert reason in words.REASONS
        assert story.case.last == {type_: n for n, type_ in enumerate((e.TYPE for e in story.said), 1)}


@pytest.mark.parametrize("press", [inputs.Accept, inputs.Dispose])
def test_a_step_decided_twice_says_nothing_more(press: type[inputs.Command]) -> None:
    story = assigned()
    assert story.press(press, TEAM) is None
    assert story.press(press, TEAM) is not None


def test_every_step_has_a_power_a_name_and_a_row_of_staleness() -> None:
    assert powers.POWERS.keys() - {"register"} == stale.STALE.keys()
    assert powers.POWERS.keys() <= words.STEPS.keys()
    assert all(roles <= set(powers.ROLES) for roles in powers.POWERS.values())
    named = {type_ for types in stale.STALE.values() for type_ in types}
    assert named <= words.CHANGED.keys()
    assert not any("limit" in type_ or "told" in type_ or "reminder" in type_ for type_ in named)


def test_a_press_is_stale_only_by_what_its_table_names() -> None:
    story = assigned()
    seen = story.case.sequence
    story.fact(facts.LimitSet(fact_at=NINE, limit="a#1", step="a", start=NINE, due_at=LATER, near_at=LATER,
                              policy_version=1, calendar_version=1))  # fmt: skip
    assert stale.changed(story.case, "urge", seen) == ()
    story.press(inputs.Dispatch, SEAT, unit="dept-roads")
    assert [one.type for one in stale.changed(story.case, "urge", seen)] == ["case.dispatched.v1"]
    assert stale.changed(story.case, "attend", seen) == ()
    assert stale.changed(story.case, "urge", story.case.sequence) == ()


def test_confidential_words_are_for_who_has_the_case() -> None:
    story = assigned(confidential=True)
    supervisor = Actor(staff="u-0007", unit="centre-0", role="supervisor")
    assert powers.may_read_text(story.case, TEAM) and powers.may_read_text(story.case, SEAT)
    assert not powers.may_read_text(story.case, supervisor) and not powers.may_read_text(story.case, STRANGER)
    assert powers.may_read_text(assigned().case, supervisor)


def test_an_outside_system_hears_each_new_status_once_and_a_receipt_for_each_of_its_events() -> None:
    story = Story(system="demo311")
    story.assign()
    story.press(inputs.Accept, TEAM)
    system = Actor(staff="system:demo311", unit="", role="system")
    assert story.press(inputs.Dispose, system) is None
    story.press(inputs.Verify, SEAT, passed=True)
    story.press(inputs.Close, SEAT, outcome="disposed")
    assert story.case.outside == (
        "receipt", "registered", "assigned", "in_progress", "receipt", "disposed", "closed",
    )  # fmt: skip
    other = Actor(staff="system:other", unit="", role="system")
    assert Story(system="demo311").press(inputs.Dispose, other) == "not_your_unit"


def test_a_call_that_reached_nobody_waits_for_the_seat_until_the_unit_takes_the_case() -> None:
    story = assigned()
    call = {"fact_at": NINE, "rank": 0, "reason": "channels_failed", "purpose": "assignment"}
    story.fact(facts.Undeliverable(obligation="n7", unit="centre-1", **call))
    assert needs.needs(story.case) == ()
    story.fact(facts.Undeliverable(obligation="a2", unit="team-1", **call))
    assert needs.needs(story.case) == ("undeliverable",)
    assert story.press(inputs.Accept, TEAM) is None
    assert needs.needs(story.case) == ()


def test_a_whistle_begun_by_the_timer_is_about_the_unit_of_its_first_rank() -> None:
    story = assigned()
    story.propose(facts.WhistleProposed(fact_at=NINE, obligation="accept#1", rank=1, unit="team-1", post="head"))
    assert story.case.whistles["accept#1"].unit == "team-1" and story.case.called == {"team-1"}


def test_photos_count_on_the_case_and_in_what_disposed_says() -> None:
    story = assigned()
    seen = story.case.sequence
    for n in range(2):
        assert story.press(inputs.AddPhoto, TEAM, photo=f"p{n}") is None
    assert story.case.photos == 2
    assert not stale.changed(story.case, "dispose", seen), "a photo makes nobody's page stale"
    story.press(inputs.Dispose, TEAM)
    assert story.said[-1].photos == 2 == story.case.photos  # type: ignore[attr-defined]
