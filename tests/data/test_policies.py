"""The two policies and the calendar."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest

from services.intake.events import CONTRACT as INTAKE

from .tables import DATA, POLICY, document, table

CALENDAR = document(POLICY / "calendar-2026.yaml")
POLICIES = {name: document(POLICY / f"{name}.yaml") for name in ("hongqiao", "demo")}
KINDS = {(row["family"], row["code"]) for row in table("kinds.csv")}
UNITS_OF_TIME = {"seconds", "minutes", "hours", "days", "working_days"}
# The notices' own words: first and last free day of each span, and the weekend days worked.
FREE = [
    ("2025-01-01", 1), ("2025-01-28", 8), ("2025-04-04", 3), ("2025-05-01", 5), ("2025-05-31", 3), ("2025-10-01", 8),
    ("2026-01-01", 3), ("2026-02-15", 9), ("2026-04-04", 3), ("2026-05-01", 5), ("2026-06-19", 3), ("2026-09-25", 3),
    ("2026-10-01", 7),
]  # fmt: skip
WORKED = {
    "2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11",
    "2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10",
}  # fmt: skip


def test_the_calendar_says_what_the_notices_say():
    free = {(date.fromisoformat(first) + timedelta(days=n)).isoformat() for first, days in FREE for n in range(days)}
    assert {day["date"] for day in CALENDAR["holidays"]} == free
    assert {day["date"] for day in CALENDAR["workdays"]} == WORKED
    assert all(date.fromisoformat(day).isoweekday() in CALENDAR["weekend"] for day in WORKED)


def test_the_year_2025_has_248_working_days_and_2026_too():
    free = {day["date"] for day in CALENDAR["holidays"]}

    def works(day: date) -> bool:
        return day.isoformat() in WORKED or (
            day.isoweekday() not in CALENDAR["weekend"] and day.isoformat() not in free
        )

    for year in CALENDAR["years"]:
        days = (date(year, 1, 1) + timedelta(days=n) for n in range(365))
        assert sum(map(works, days)) == 248


def test_working_hours_are_spans_in_order_of_eight_hours_less_a_half():
    spans = [(time.fromisoformat(h["from"]), time.fromisoformat(h["to"])) for h in CALENDAR["hours"]]
    assert spans == [(time(8, 30), time(12)), (time(13, 30), time(17, 30))]


def amount(within: dict) -> None:
    ((unit, value),) = within.items()
    assert unit in UNITS_OF_TIME and isinstance(value, int) and value > 0


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_has_the_shape_that_the_page_describes(name):
    policy = POLICIES[name]
    assert set(policy) == {
        "policy", "version", "from", "calendar", "near_share", "patience_s", "leaders", "steps", "overrides", "ladder",
    }  # fmt: skip
    assert policy["policy"] == name and policy["calendar"] == CALENDAR["calendar"]
    assert datetime.fromisoformat(policy["from"]).utcoffset() == timedelta(hours=8)
    assert 0 < policy["near_share"] < 1 and policy["patience_s"] > 0
    for family, steps in policy["steps"].items():
        assert family in {"incident", "dispute"} and len({s["step"] for s in steps}) == len(steps)
        for step in steps:
            assert set(step) - {"whistle"} == {"step", "starts", "met_by", "within"}
            assert step["starts"].startswith("case.") and step["starts"] not in step["met_by"]
            amount(step["within"])


@pytest.mark.parametrize("name", POLICIES)
def test_overrides_are_about_kinds_and_steps_that_exist(name):
    policy = POLICIES[name]
    for o in policy["overrides"]:
        assert any(f == o["family"] and code.startswith(o["kind"]) for f, code in KINDS)
        assert o["step"] in {s["step"] for s in policy["steps"][o["family"]]}
        amount(o["within"])


@pytest.mark.parametrize("name", POLICIES)
def test_the_ladder_climbs_to_posts_that_exist(name):
    ladder = POLICIES[name]["ladder"]
    leaders = next(u for u in document(DATA / "demo/directory.yaml")["units"] if u["kind"] == "leadership")
    assert leaders["unit"] == POLICIES[name]["leaders"]
    assert [rung["rank"] for rung in ladder] == [1, 2, 3]
    assert [rung["then"] for rung in ladder][-1] == "exhaust" and all(
        r["then"] in {"propose", "blow"} for r in ladder[:-1]
    )
    for rung in ladder:
        amount(rung["within"])
        amount(rung["settle"])
        assert (rung["of"], rung["post"]) == ("lead", "head") or (
            rung["of"] == "district" and rung["post"] in {p["post"] for p in leaders["posts"]}
        )


def test_the_demo_has_the_steps_of_hongqiao_in_seconds_alone_and_climbs_within_three_minutes():
    real, demo = POLICIES["hongqiao"], POLICIES["demo"]
    for family in real["steps"]:
        assert [{**s, "within": 0} for s in real["steps"][family]] == [
            {**s, "within": 0} for s in demo["steps"][family]
        ]
    limits = [s["within"] for steps in demo["steps"].values() for s in steps] + [o["within"] for o in demo["overrides"]]
    assert all(set(w) == {"seconds"} and w["seconds"] <= 120 for w in limits)
    climb = sum(rung["within"]["seconds"] for rung in demo["ladder"])
    slowest = max(s["within"]["seconds"] for s in demo["steps"]["incident"] if s.get("whistle"))
    assert slowest + climb <= 180


@pytest.mark.parametrize("name", POLICIES)
def test_steps_run_on_events_that_intake_publishes(name):
    known = {type_.rsplit(".", 1)[0] for type_ in INTAKE.events}
    for steps in POLICIES[name]["steps"].values():
        for step in steps:
            assert {step["starts"], *step["met_by"]} <= known
