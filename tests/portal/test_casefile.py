"""What the pages say of a case: limits, rows, ladder, timeline."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from msgspec.structs import replace

from services.intake.events import CONTRACT, facts, reception
from services.portal.core import telling, whistlepage
from services.portal.core.casefile import at_the_seat, casefile
from services.portal.core.catalogue import Catalogue, Place
from services.portal.core.limits import step_limit, whole_limit
from services.portal.core.model import Allowed, Case, CaseEvent, LinkedWhistle, NotYet, Queue, Totals
from services.portal.core.outline import draw
from services.portal.core.queue import duty
from services.portal.core.timeline import timeline
from services.portal.doors.naming import read_catalogue, read_outline
from tests.clock import ManualClock
from tests.portal import town
from tests.portal.fakes import ACCOUNTS as PEOPLE
from tests.portal.fakes import ROOT, UNITS, ZONE, FakeIntake, event, limit

NOW = datetime(2026, 11, 24, 2, 42, 18, tzinfo=UTC)
NAMES = read_catalogue(ROOT / "deploy" / "data", "hongqiao").learned(
    UNITS, {staff: name for _, staff, name, _ in PEOPLE}
)


def a_town() -> FakeIntake:
    made = FakeIntake(ManualClock(NOW))
    town.fill(made, NOW)
    return made


def test_a_missed_limit_speaks_until_its_step_is_behind_the_case() -> None:
    missed, runs = limit("accept", NOW - timedelta(hours=1), 15, "missed"), limit("dispose", NOW, 30)
    case = Case(case="a", state="assigned", limits=(missed, runs))
    assert step_limit(case) == missed
    assert step_limit(replace(case, state="accepted")) == runs
    assert step_limit(replace(case, state="closed", limits=(missed,))) is None
    assert whole_limit(case) == runs


def test_what_a_whistle_waits_for_comes_first() -> None:
    wait = replace(limit("attend", NOW, 30), obligation="w1", rank=1)
    missed = limit("dispose", NOW - timedelta(hours=1), 30, "missed")
    assert step_limit(Case(case="a", state="accepted", limits=(missed, wait))) == wait


def test_a_row_of_a_list_reads_its_pending_limits() -> None:
    missed = limit("dispose", NOW - timedelta(minutes=41), 30, "missed")
    late = Case(case="a", state="accepted", reason="overdue", lead="dept-water", pending=(missed,))
    laid = duty(Queue(needs_you=(late,)), "open",
                NAMES, NOW, ZONE)  # fmt: skip
    (row,) = laid.on_the_clock.rows
    assert laid.needs_you.rows == ()
    assert (row.head, row.action) == ("超时 11 分钟", "urge")


def test_the_morning_as_the_duty_seat_sees_it() -> None:
    intake = a_town()
    needs = tuple(intake.made[case] for case in intake.needs)
    others = tuple(case for case in intake.made.values() if case not in needs)
    laid = duty(Queue(needs_you=needs, on_the_clock=others), "open", NAMES, NOW, ZONE)
    assert [row.head for row in laid.needs_you.rows] == ["二哨待确认", "通知不到", "无处可派", "系统暂存"]
    assert laid.needs_you.rows[0].proposal == ("w1", 2)
    assert laid.needs_you.rows[0].unit_line == "二哨将叫：分管副区长"
    assert [row.head for row in laid.on_the_clock.rows[:3]] == ["超时 11 分钟", "超时 3 分钟", "还剩 4 分钟"]
    assert [row.action for row in laid.on_the_clock.rows[:3]] == ["urge", "urge", None]
    due = [row.limit.count.due_at for row in laid.on_the_clock.rows if row.limit]
    assert due == sorted(due)
    counts = {one.key: one.count for one in laid.filters}
    assert (counts["todo"], counts["overdue"], counts["near"], counts["held"], counts["open"]) == (4, 2, 2, 1, 12)
    only = duty(Queue(needs_you=needs, on_the_clock=others), "overdue", NAMES, NOW, ZONE)
    assert len(only.on_the_clock.rows) == 2 and not only.needs_you.rows
    assert only.needs_you.total == 4  # what a filter hides is still there


def test_a_list_that_was_cut_says_how_many_there_are() -> None:
    late = tuple(
        Case(case=f"l{n}", state="accepted", reason="overdue",
             pending=(limit("dispose", NOW - timedelta(hours=1 + n), 30, "missed"),))
        for n in range(50)
    )  # fmt: skip
    running = tuple(Case(case=f"r{n}", state="accepted", pending=(limit("dispose", NOW, 30 + n),)) for n in range(50))
    totals = Totals(waiting=0, late=1_200, running=84)
    queue = Queue(needs_you=late, on_the_clock=running, totals=totals)
    laid = duty(queue, "open", NAMES, NOW, ZONE)
    assert laid.on_the_clock.words == "有 1,284 件，先列最急的 50 件"
    assert {row.icon for row in laid.on_the_clock.rows} == {"overdue"}
    assert (laid.needs_you.words, laid.needs_you.cut) == ("0 件 · 别人做不了", False)
    counts = {one.key: (one.count, one.at_least) for one in laid.filters}
    assert counts == {
        "todo": (0, False), "whistle": (0, True), "overdue": (50, True), "near": (0, True), "held": (0, True),
        "open": (1_284, False),
    }  # fmt: skip
    near = duty(queue, "near", NAMES, NOW, ZONE)
    assert near.on_the_clock.words == "有 1,284 件，在最急的 50 件里筛出 0 件"
    assert duty(queue, "todo", NAMES, NOW, ZONE).on_the_clock.words == "有 1,284 件，这样筛不列"


def test_the_ladder_says_who_was_called_and_dashes_what_was_not_blown() -> None:
    file = casefile(a_town().made[town.CASE_WHISTLE], NAMES, NOW, ZONE)
    (ladder,) = file.ladders
    assert [(rung.name, rung.look) for rung in ladder.rungs] == [
        ("一哨", "missed"),
        ("二哨", "now"),
        ("下一级", "next"),
    ]
    assert ladder.rungs[1].strong.endswith("已答：收到，我去")
    assert file.waiting == "分管副区长到场"
    assert file.not_yet == ("结案还不行：缺履行，也没有解决的吹哨。",)
    assert file.steps[0].command == "attend"


def test_a_dispute_without_a_whistle_asks_nobody_to_go_on_site() -> None:
    case = Case(
        case="a",
        family="dispute",
        state="assigned",
        allowed=tuple(Allowed(command=c) for c in ("attend", "accept", "close")),
    )
    assert [step.command for step in casefile(case, NAMES, NOW, ZONE).steps] == ["accept", "close", "attend"]


def test_closing_offers_only_the_outcomes_that_are_possible() -> None:
    case = Case(case="a", allowed=(Allowed(command="close", choices=("withdrawn", "not_settled")),))
    (step,) = casefile(case, NAMES, NOW, ZONE).steps
    assert step.choices == (("withdrawn", "撤回"), ("not_settled", "调解不成"))


def test_a_page_has_one_primary_step() -> None:
    for case in a_town().made.values():
        file = casefile(case, NAMES, NOW, ZONE)
        assert sum(step.primary for step in file.steps) == 1
        assert sum(step.primary for step in at_the_seat(file)) == 1


def test_what_is_simply_done_is_no_news() -> None:
    case = Case(
        case="a",
        not_yet=(NotYet(command="session", because="not_a_dispute"), NotYet(command="close", because="no_lead")),
    )
    assert casefile(case, NAMES, NOW, ZONE).not_yet == ("结案还不行：还没派给任何单位。",)


def test_a_step_that_this_portal_does_not_know_is_not_offered() -> None:
    assert casefile(Case(case="a", allowed=(Allowed(command="teleport"),)), NAMES, NOW, ZONE).steps == ()


def test_the_timeline_sorts_by_fact_and_marks_what_came_late() -> None:
    told = timeline(a_town().logs[town.CASE_WHISTLE], "all", NAMES, ZONE)
    lines = [line for day in told.days for line in day.entries]
    assert [line.at for line in lines] == sorted((line.at for line in lines), reverse=True)
    (late,) = [line for line in lines if line.late]
    assert (late.strong, late.clock, late.late) == ("区排水所到场", "10:10", "晚报：10:27 才收到")


@pytest.mark.parametrize(("chosen", "strong"), [("notices", "送达"), ("limits", "一哨吹出"), ("people", "二哨应答")])
def test_filters_of_the_timeline(chosen: str, strong: str) -> None:
    told = timeline(a_town().logs[town.CASE_WHISTLE], chosen, NAMES, ZONE)
    assert strong in [line.strong for day in told.days for line in day.entries]


def test_two_hundred_events_show_the_newest_fifty() -> None:
    log = [event(n, NOW + timedelta(minutes=n), reception.Urged(by="u-0005", unit="dept-water")) for n in range(200)]
    told = timeline(log, "all", NAMES, ZONE)
    assert (told.shown, told.earlier) == (50, 150)
    assert told.days[0].entries[0].sequence == 199


def test_an_event_of_a_newer_release_is_named_not_hidden() -> None:
    log = [CaseEvent(sequence=1, type="case.sung.v1", time=NOW, data=msgspec.Raw(b'{"tune": "x"}'))]
    (entry,) = timeline(log, "all", NAMES, ZONE).days[0].entries
    assert "case.sung.v1" in entry.rest


@pytest.mark.parametrize("kind", sorted(CONTRACT.events.values(), key=lambda one: one.TYPE), ids=lambda one: one.TYPE)
def test_every_event_of_the_log_has_words(kind: type) -> None:
    """A type added to intake's contract without words here fails by name."""
    values = {field.name: _example(field.type) for field in msgspec.structs.fields(kind) if field.required}
    said = telling.tell(kind(**values), Catalogue())
    assert "新式记录" not in said.strong, kind.TYPE


def _example(type_: object) -> object:
    text = str(type_)
    if "datetime" in text:
        return NOW
    if "bool" in text:
        return True
    if "Literal" in text:
        return type_.__args__[0]  # type: ignore[attr-defined]
    if "tuple" in text:
        return ()
    return 1 if text == "<class 'int'>" else "x"


def test_the_words_of_a_reason_stand_with_its_event() -> None:
    declined = event(1, NOW, reception.Declined(unit="dept-water", by="u-0041", reason="stated"))
    (entry,) = timeline([replace(declined, words={"reason": "不在红线里"})], "all", NAMES, ZONE).days[0].entries
    assert (entry.strong, entry.rest) == ("区排水所退回", "：“不在红线里”")


def test_a_limit_told_late_keeps_its_place() -> None:
    missed = facts.LimitMissed(fact_at=NOW - timedelta(minutes=1), limit="l", step="dispose", due_at=NOW)
    log = [event(1, NOW, reception.Urged(by="u-0005", unit="x")), event(2, NOW, missed, NOW - timedelta(minutes=1))]
    entries = timeline(log, "all", NAMES, ZONE).days[0].entries
    assert [entry.sequence for entry in entries] == [1, 2]
    assert entries[1].late == ""


def test_the_whistle_page_asks_for_one_press_after_the_other() -> None:
    whistle = LinkedWhistle(
        kind="04-04", status="blown", unit_name="区排水所", blown_at=NOW, due_at=NOW + timedelta(minutes=30)
    )
    assert whistlepage.stage(whistle) == "answer"
    whistle = replace(whistle, acknowledged_at=NOW)
    assert whistlepage.stage(whistle) == "attend"
    whistle = replace(whistle, attended_at=NOW)
    assert whistlepage.stage(whistle) == "four"
    assert whistlepage.stage(replace(whistle, elements=("contacted",))) == "settle"
    view = whistlepage.view(replace(whistle, status="withdrawn"), NAMES, NOW, ZONE)
    assert view.over and view.said == "已撤哨，不用来了" and view.limit is None
    assert whistlepage.fields("answer", {"contacted": "住户代表", "measures": " "}, "10:42") == {
        "accepted_at": "10:42", "contacted": "住户代表"
    }  # fmt: skip


def test_the_map_places_labels_where_they_meet_nothing() -> None:
    ring = read_outline(ROOT / "deploy" / "data" / "hongqiao" / "outline.geojson")
    drawing = draw(ring, NAMES.streets, {street.code: 120.0 for street in NAMES.streets}, 860, 640, 36)
    assert len(drawing.spots) == 9 and not drawing.beside
    boxes = [(spot.left, spot.top, spot.left + spot.width, spot.top + 32) for spot in drawing.spots]
    for at, one in enumerate(boxes):
        for other in boxes[at + 1 :]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
    assert all(0 <= spot.x <= 860 and 0 <= spot.y <= 640 for spot in drawing.spots)
    north = min(drawing.spots, key=lambda spot: spot.y)
    assert north.name == "咸阳北路"


def test_a_street_without_a_point_stands_beside_the_map() -> None:
    drawing = draw([], [Place("x", "某街道", "", "street")], {"x": 50.0}, 100, 100, 10)
    assert [place.code for place in drawing.beside] == ["x"] and drawing.path == ""
