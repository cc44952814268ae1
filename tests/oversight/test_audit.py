"""What the audit finds, and what it does not accuse anybody of."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.oversight.core.audit import EXAMPLES, Finding, Findings, Patience, Reason, Snapshot, audit
from services.oversight.core.lag import GroupLag, State
from tests.oversight.logs import NINE

PATIENCE = Patience()


def seconds(n: float) -> datetime:
    return NINE + timedelta(seconds=n)


def findings(*ages: float, what: str = "x") -> Findings:
    return Findings(tuple(Finding(f"c{n}", what, seconds(-age)) for n, age in enumerate(ages)), len(ages))


def snapshot(**said: object) -> Snapshot:
    quiet = Snapshot(now=NINE, started_at=seconds(-3600), marks={"intake-1": seconds(-0.1)}, known_until=seconds(-0.5))
    return replace(quiet, **said)  # type: ignore[arg-type]


def reasons(**said: object) -> list[Reason]:
    return [alarm.reason for alarm in audit(snapshot(**said), PATIENCE)]


def test_a_quiet_platform_has_no_alarm() -> None:
    assert reasons() == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"marks": {"intake-1": seconds(-11)}}, Reason.MARKS_OLD),
        ({"marks": {}}, Reason.MARKS_OLD),
        ({"running": findings(11)}, Reason.LIMIT_UNANSWERED),
        ({"unlimited": findings(61)}, Reason.CASE_WITHOUT_LIMIT),
        ({"asked": findings(61)}, Reason.REQUEST_UNANSWERED),
    ],
)
def test_each_silence_of_the_timer_is_headed_by_timer_silent(said: dict[str, object], reason: Reason) -> None:
    assert reasons(**said) == [Reason.TIMER_SILENT, reason]


@pytest.mark.parametrize(
    "said",
    [
        {"marks": {"intake-1": seconds(-300), "intake-2": seconds(-1)}},
        {"running": findings(9)},
        {"unlimited": findings(59)},
        {"asked": findings(59)},
        {"untold": findings(170)},
        {"marks": {}, "started_at": seconds(-5)},
    ],
)
def test_within_patience_nobody_is_accused(said: dict[str, object]) -> None:
    assert reasons(**said) == []


def test_nobody_told_is_an_alarm_of_its_own() -> None:
    assert reasons(untold=findings(190)) == [Reason.NOBODY_TOLD]


def test_nobody_reached_is_an_alarm_at_once() -> None:
    assert reasons(unreached=findings(0.1, what="w1@1")) == [Reason.UNDELIVERABLE]


def test_a_projection_that_is_behind_accuses_nobody_but_itself() -> None:
    behind = {"running": findings(100), "asked": findings(100), "known_until": seconds(-120)}
    assert reasons(**behind) == [Reason.WATCH_BEHIND]
    assert reasons(**{**behind, "known_until": None}) == [Reason.WATCH_BEHIND]


def test_what_was_due_before_the_projection_stopped_is_still_found() -> None:
    assert Reason.LIMIT_UNANSWERED in reasons(running=findings(200), known_until=seconds(-120))


def test_stopped_and_stalled_groups() -> None:
    def group(name: str, state: State) -> GroupLag:
        return GroupLag(name, ("case.intake",), 0, 4, 9.0, state, 0, seconds(-50))

    groups = (group("notify", State.STOPPED), group("routing", State.STALLED), group("intake", State.BEHIND))
    found = audit(snapshot(groups=groups), PATIENCE)
    assert [(a.reason, [e.what for e in a.examples]) for a in found] == [
        (Reason.GROUP_STOPPED, ["notify"]),
        (Reason.GROUP_STALLED, ["routing"]),
    ]


def test_held_cases_are_counted_beyond_those_fetched() -> None:
    (alarm,) = audit(snapshot(held=Findings(findings(5, 3).shown, 700)), PATIENCE)
    assert (alarm.reason, alarm.count, alarm.since) == (Reason.CASE_HELD, 700, seconds(-5))


@given(st.lists(st.floats(0, 1000), max_size=60))
def test_every_limit_older_than_patience_is_counted(ages: list[float]) -> None:
    known = snapshot().known_until
    assert known is not None
    old = [age for age in ages if seconds(-age) + PATIENCE.limits < known]
    alarms = {a.reason: a for a in audit(snapshot(running=findings(*ages)), PATIENCE)}
    assert (Reason.LIMIT_UNANSWERED in alarms) == bool(old)
    if old:
        alarm = alarms[Reason.LIMIT_UNANSWERED]
        assert (alarm.count, alarm.since) == (len(old), seconds(-max(old)))
        assert len(alarm.examples) == min(EXAMPLES, len(old))
