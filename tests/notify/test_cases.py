"""The rules of notify, by example."""

from __future__ import annotations

from services.notify.core import inputs
from services.notify.core.calls import why_not
from services.notify.core.inputs import Key
from services.notify.core.roster import directory_of
from services.notify.events.deliveries import Called, CalledOff, StepFailed, StoodDown, Told, Undeliverable

from .examples import EMPTY, NIGHT, NINE, blown, run

WHISTLE = Key("whistle", "w1", 1)


def delivered(staff: str = "u-head", key: Key = WHISTLE) -> inputs.Delivered:
    return inputs.Delivered(key, staff, "email", 1)


def failed(staff: str, key: Key = WHISTLE) -> inputs.Failed:
    return inputs.Failed(key, staff, "unanswered")


def kinds(said) -> list[str]:
    return [type(event).__name__ for event in said]


def test_a_blown_rank_calls_the_chain_and_keeps_the_slice_of_the_roster():
    state, said = run(blown())
    (called,) = said
    assert isinstance(called, Called)
    assert [s.staff for s in called.chain] == ["u-head", "u-day", "u-seat"]
    assert {u.unit for u in called.roster} == {"team", "street"} and called.directory_version == 5
    assert called.respond_within_s == 1800
    assert why_not(state, WHISTLE, "u-head") is None
    assert why_not(state, WHISTLE, "u-day") == "passed_over"


def test_the_same_rank_blown_twice_calls_once():
    assert kinds(run(blown(), blown())[1]) == ["Called"]


def test_told_names_the_person_and_the_role():
    _, said = run(blown(), delivered())
    assert said[1] == Told(
        obligation="w1",
        rank=1,
        purpose="whistle",
        staff="u-head",
        unit="team",
        post="head",
        role="head",
        channel="email",
        attempts=1,
    )


def test_a_failed_step_passes_to_the_next_at_once_and_the_last_is_undeliverable():
    state, said = run(blown(), failed("u-head"))
    assert kinds(said) == ["Called", "StepFailed"]
    assert why_not(state, WHISTLE, "u-day") is None
    _, said = run(blown(), failed("u-head"), failed("u-day"), failed("u-seat"))
    assert kinds(said) == ["Called", "StepFailed", "StepFailed", "StepFailed", "Undeliverable"]
    assert said[-1] == Undeliverable(obligation="w1", rank=1, purpose="whistle", unit="team", reason="channels_failed")


def test_a_step_fails_once():
    assert kinds(run(blown(), failed("u-head"), failed("u-head"))[1]) == ["Called", "StepFailed"]


def test_a_unit_without_anybody_is_undeliverable_at_once():
    _, said = run(blown(unit="empty"), view=directory_of([EMPTY]))
    assert kinds(said) == ["Called", "Undeliverable"]
    assert said[1].reason == "nobody_on_chain"


def test_a_yes_that_comes_after_the_step_was_given_up_is_still_told():
    _, said = run(blown(), failed("u-head"), delivered("u-head"), delivered("u-day"))
    assert [e.staff for e in said if isinstance(e, Told)] == ["u-head"]


def test_closed_after_told_stands_down_whoever_was_told_once():
    close = inputs.Ended(after=9, by="u-clerk")
    _, said = run(blown(), delivered(), close, close)
    assert kinds(said) == ["Called", "Told", "Called"]
    word = said[2]
    assert (word.purpose, word.obligation, [s.staff for s in word.chain]) == ("stood_down", "w1", ["u-head"])
    _, said = run(
        blown(),
        delivered(),
        close,
        delivered(key=Key("stood_down", "w1", 1)),
        delivered(key=Key("stood_down", "w1", 1)),
    )
    assert said[-1] == StoodDown(obligation="w1", rank=1, staff="u-head", channel="email")
    assert kinds(said).count("StoodDown") == 1


def test_closed_before_blown_arrives_calls_it_off_before_anything_is_sent():
    """The two topics came in the other order: the same call, and the message does not leave."""
    state, said = run(inputs.Ended(after=9, by="u-clerk"), blown(after=3), inputs.Overtaken(WHISTLE))
    assert kinds(said) == ["Called", "CalledOff"]
    assert said[1] == CalledOff(obligation="w1", rank=1, purpose="whistle", because="case_ended")
    assert why_not(state, WHISTLE, "u-head") == "settled"


def test_closed_while_the_message_was_leaving_is_told_and_then_stood_down():
    _, said = run(blown(), inputs.Ended(after=9, by="u-clerk"), delivered())
    assert kinds(said) == ["Called", "Told", "Called"]


def test_blown_after_reopening_is_not_overtaken_by_the_earlier_end():
    state, _ = run(inputs.Ended(after=9, by="u-clerk"), inputs.Reopened(NINE, 12), blown(after=15))
    assert why_not(state, WHISTLE, "u-head") is None


def test_who_settled_it_needs_no_word_but_the_leader_gets_one():
    whole = (
        blown(),
        delivered(),
        blown(rank=2, unit="leaders", post="district_head", after=5),
        delivered("u-mayor", Key("whistle", "w1", 2)),
        inputs.Ended(after=9, by="u-head", obligation="w1"),
        inputs.Ended(after=12, by="u-clerk"),
    )
    _, said = run(*whole)
    words = [e for e in said if isinstance(e, Called) and e.purpose == "stood_down"]
    assert [w.chain[0].staff for w in words] == ["u-mayor"]


def test_an_end_of_another_whistle_ends_nothing_here():
    _, said = run(blown(), delivered(), inputs.Ended(after=9, by="x", obligation="w2"))
    assert kinds(said) == ["Called", "Told"]


def test_assigned_tells_the_unit_under_a_name_of_its_own():
    _, said = run(inputs.Entrusted(NINE, 4, "team", "street"))
    assert (said[0].obligation, said[0].rank, said[0].purpose) == ("a4", 0, "assignment")
    assert said[0].chain[0].staff == "u-day"


def test_a_reopened_case_reaches_who_had_it_last():
    _, said = run(inputs.Entrusted(NINE, 4, "team", "street"), inputs.Reopened(NINE, 30))
    assert [(e.obligation, e.unit) for e in said] == [("a4", "team"), ("a30", "team")]


def test_a_closed_assignment_is_nobodys_stand_down():
    key = Key("assignment", "a4", 0)
    _, said = run(
        inputs.Entrusted(NINE, 4, "team", "street"), delivered("u-day", key), inputs.Ended(after=9, by="u-clerk")
    )
    assert kinds(said) == ["Called", "Told"]


def test_a_rank_that_waits_for_a_press_goes_to_whoever_holds_the_whistle():
    asked = inputs.SeatNeeded(NINE, 20, 20, "proposed", about="w1")
    assigned = inputs.Entrusted(NINE, 4, "team", "centre")
    _, said = run(assigned, inputs.Requested("w1", "street"), asked)
    assert (said[-1].obligation, said[-1].unit, said[-1].about) == ("p20", "street", "w1")
    _, said = run(assigned, asked)
    assert said[-1].unit == "centre"
    _, said = run(asked)
    assert said[-1].unit == "centre"  # the district's


def test_an_unconfirmed_limit_goes_to_the_seat_named_whatever_is_known_of_the_centre():
    asked = inputs.SeatNeeded(NINE, 3, 7, "unconfirmed", seat="", about="accept#1")
    alone = run(asked)[1]
    after_intake = run(inputs.Entrusted(NINE, 4, "team", "street"), asked)[1]
    assert alone[-1] == after_intake[-1] and alone[-1].obligation == "c7"


def test_an_undeliverable_whistle_goes_to_the_seat_and_its_failure_goes_nowhere():
    gone = [failed("u-head"), failed("u-day"), failed("u-seat")]
    _, said = run(blown(), *gone, inputs.Undelivered(NINE, 8, "w1", 1))
    assert (said[-1].purpose, said[-1].obligation, said[-1].about) == ("undelivered", "n8", "w1")
    key = Key("undelivered", "n8", 0)
    _, said = run(
        blown(),
        *gone,
        inputs.Undelivered(NINE, 8, "w1", 1),
        failed("u-district", key),
        inputs.Undelivered(NINE, 9, "n8", 0),
    )
    assert kinds(said)[-2:] == ["StepFailed", "Undeliverable"]


def test_what_was_delivered_after_all_asks_for_no_telephone_call():
    gone = [failed("u-head"), failed("u-day"), failed("u-seat")]
    _, said = run(blown(), *gone, delivered("u-seat"), inputs.Undelivered(NINE, 8, "w1", 1))
    assert kinds(said)[-1] == "Told"


def test_a_stand_down_that_fails_is_undeliverable_so_that_somebody_telephones():
    word = Key("stood_down", "w1", 1)
    _, said = run(
        blown(),
        delivered(),
        inputs.Ended(after=9, by="c"),
        failed("u-head", word),
        inputs.Undelivered(NINE, 11, "w1", 1),
    )
    assert kinds(said) == ["Called", "Told", "Called", "StepFailed", "Undeliverable", "Called"]
    assert isinstance(said[3], StepFailed)


def test_an_empty_first_step_is_passed_at_once():
    state, _ = run(inputs.Entrusted(NIGHT, 4, "team"))
    assert why_not(state, Key("assignment", "a4", 0), "u-head") is None


def test_a_yes_of_somebody_who_was_never_tried_is_nothing():
    assert kinds(run(blown(), delivered("u-seat"))[1]) == ["Called"]


def test_a_rank_of_which_nobody_was_told_within_patience_goes_to_whoever_holds_the_whistle():
    """It is asked for by the log, so it is called also where an answer of the channel has come meanwhile."""
    untold = inputs.SeatNeeded(NINE, 9, 9, "untold", about="w1")
    assigned = inputs.Entrusted(NINE, 4, "team", "centre")
    state, said = run(assigned, inputs.Requested("w1", "street"), blown(), untold)
    call = said[-1]
    assert (call.purpose, call.obligation, call.rank, call.about, call.unit) == ("untold", "t9", 0, "w1", "street")
    assert call.chain[0].staff == "u-seat"
    assert why_not(state, Key("untold", "t9", 0), "u-seat") is None
    assert run(assigned, untold)[1][-1].unit == "centre", "a whistle of the timer has no holder: the centre's seat"
    state, _ = run(blown(), untold, inputs.Ended(after=12, by="u-head", obligation="w1"))
    assert why_not(state, Key("untold", "t9", 0), "u-district") == "obligation_ended"
