"""Policies as YAML: the shipped ones, and what is said of wrong ones."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
import yaml

from services.escalation.core import inputs
from services.escalation.core.calendar import Within
from services.escalation.store.policies import KNOWN_UNTIL, PolicyView
from services.escalation.store.policy_files import PolicyError, kind_of, read_calendar, read_policy
from tests.clock import ManualClock

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "policy"
DEMO = (FOLDER / "demo.yaml").read_text()
CALENDAR = (FOLDER / "calendar-2026.yaml").read_text()


def test_the_demo_policy_reads_as_it_stands():
    policy = read_policy(DEMO)
    assert (policy.name, policy.version, policy.calendar) == ("demo", 1, "cn-2026")
    assert policy.since == datetime(2025, 12, 31, 16, tzinfo=UTC)
    assert [(r.unit, r.post, r.mode) for r in policy.ladder.rungs] == [
        ("lead", "head", "propose"),
        ("leaders-120106", "district_head", "propose"),
        ("leaders-120106", "party_secretary", "blow"),
    ]
    assert policy.ladder.patience == "15 seconds" and policy.ladder.remind == "1 days"
    steps = {rule.step: rule for rule in policy.begun_by(inputs.REGISTERED, "incident", "05-01")}
    assert steps["dispose"].within == Within(30, "seconds") and steps["dispose"].whistle == "propose"


def test_the_districts_policy_has_its_sources_figures():
    policy = read_policy((FOLDER / "hongqiao.yaml").read_text())
    assert policy.ladder.rungs[0].within == "30 minutes"
    (accept,) = policy.begun_by(inputs.ASSIGNED, "dispute", "0402")
    assert str(accept.within) == "1 working_days"
    assert policy.rule("mediate", "dispute", "0701").within == Within(15, "days")
    assert policy.rule("accept", "incident", "04-02-01").within == Within(30, "minutes")  # the longest prefix wins
    assert policy.rule("accept", "incident", "04-01").within == Within(15, "minutes")


def test_the_calendar_knows_the_notices():
    calendar = read_calendar(CALENDAR)
    assert not calendar.works(date(2026, 2, 23)) and calendar.works(date(2026, 2, 24))
    assert calendar.works(date(2026, 10, 10)) and not calendar.works(date(2026, 10, 11))
    eve = datetime(2026, 9, 30, 1, tzinfo=UTC)
    assert calendar.due(eve, Within(1, "working_days")) == datetime(2026, 10, 8, 9, 30, tzinfo=UTC)
    assert calendar.until == date(2026, 12, 31)
    assert read_calendar(CALENDAR.replace("years: [2025, 2026]", "")).until is None


def row(kind: str, name: str, version: int, since: datetime, body: str) -> dict[str, object]:
    return {
        "kind": kind, "name": name, "version": version, "since": since,
        "body": body, "applied_by": "x", "applied_at": since,
    }  # fmt: skip


async def test_operators_are_told_until_when_the_calendar_in_force_knows_holidays():
    """Of the one in force: one that begins later helps nobody yet, and one that is used no more is no alarm."""
    begin, second = datetime(2026, 1, 1, tzinfo=UTC), 0.0
    clock = ManualClock(begin)
    newer = CALENDAR.replace("version: 1", "version: 2").replace("[2025, 2026]", "[2025, 2026, 2027]")
    other, silent = (
        CALENDAR.replace("cn-2026", "tj"),
        CALENDAR.replace("cn-2026", "quiet").replace("years:", "# years:"),
    )
    changed = DEMO.replace("version: 1", "version: 2").replace("calendar: cn-2026", "calendar: tj")
    last = DEMO.replace("version: 1", "version: 3").replace("calendar: cn-2026", "calendar: quiet")
    months = [datetime(2026, month, 1, tzinfo=UTC) for month in range(1, 7)]
    rows = [
        row("calendar", "cn-2026", 1, begin, CALENDAR), row("calendar", "cn-2026", 2, months[2], newer),
        row("calendar", "tj", 1, begin, other), row("calendar", "quiet", 1, begin, silent),
        row("policy", "demo", 1, begin, DEMO), row("policy", "demo", 2, months[3], changed),
        row("policy", "demo", 3, months[5], last),
    ]  # fmt: skip

    async def fetch(_: str) -> list[dict[str, object]]:
        return rows

    view, zone = PolicyView(lambda: second, clock), ZoneInfo("Asia/Shanghai")
    told = []
    for now in (datetime(2025, 12, 1, tzinfo=UTC), *months[1:]):
        clock.at, second = now, second + 2
        await view.view(SimpleNamespace(fetch=fetch))  # type: ignore[arg-type]
        (family,) = KNOWN_UNTIL.collect()
        told.append([(s.labels["calendar"], datetime.fromtimestamp(s.value, zone)) for s in family.samples])
    y2027, y2028 = (datetime(year, 1, 1, tzinfo=zone) for year in (2027, 2028))
    assert told == [[], [("cn-2026", y2027)], [("cn-2026", y2028)], [("tj", y2027)], [("tj", y2027)], []]


def test_a_file_is_one_of_both():
    assert (kind_of(DEMO), kind_of(CALENDAR)) == ("policy", "calendar")
    with pytest.raises(PolicyError, match="neither"):
        kind_of("a: 1")
    with pytest.raises(PolicyError, match="no table"):
        kind_of("- 1")
    with pytest.raises(PolicyError, match="Not YAML"):
        kind_of("a: [1")


def edited(**changes: object) -> str:
    return yaml.safe_dump({**yaml.safe_load(DEMO), **changes}, allow_unicode=True)


def rank(n: int, **changes: object) -> dict[str, object]:
    return {"rank": n, "post": "head", "of": "lead", "within": {"seconds": 20}, "then": "exhaust", **changes}


def step(**changes: object) -> dict[str, object]:
    whole = {"step": "accept", "starts": "case.assigned", "met_by": ["case.accepted"], "within": {"seconds": 5}}
    return {"incident": [{**whole, **changes}]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (edited(near_share=2), "near_share"),
        (edited(surprise=1), "surprise"),
        (edited(leaders=None), "does not say which unit"),
        (edited(ladder=[rank(2)]), "in order"),
        (edited(ladder=[rank(1, then="blow")]), "exhaust"),
        (edited(ladder=[rank(1, within={"fortnights": 2})]), "fortnights"),
        (edited(ladder=[rank(1, within={"hours": 1, "days": 2})]), "exactly one unit"),
        (edited(ladder=[rank(1, within={"hours": 0})]), "greater than 0"),
        (edited(ladder=[]), "ladder"),
        (edited(overrides=[{"family": "incident", "kind": "05", "step": "x", "within": {"days": 1}}]), "the step x"),
        (edited(steps=step(starts="case.assinged"), overrides=[]), "case.assinged"),
        (edited(steps=step(whistle="loud"), overrides=[]), "whistle"),
        (edited(steps={"incident": [*step()["incident"], *step()["incident"]]}, overrides=[]), "twice"),
        (edited(**{"from": datetime(2026, 1, 1)}), "zone"),
        (edited(**{"from": "soon"}), "from"),
    ],
)
def test_what_is_wrong_is_said(text, said):
    with pytest.raises(PolicyError, match=said):
        read_policy(text)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"zone": "Asia/Nowhere"}, "no such time zone"),
        ({"hours": []}, "hours"),
        ({"hours": [{"from": "12:00", "to": "08:00"}]}, "follow one another"),
        ({"holidays": [{"date": "2026-02-14"}]}, "at once"),
        ({"weekend": [8]}, "weekend"),
        ({"years": [2026, 20270]}, "years.1"),
    ],
)
def test_what_is_wrong_with_a_calendar_is_said(changes, said):
    text = yaml.safe_dump({**yaml.safe_load(CALENDAR), **changes}, allow_unicode=True)
    with pytest.raises(PolicyError, match=said):
        read_calendar(text)


def test_another_beginning_may_be_given():
    since = datetime(2026, 5, 1, tzinfo=UTC)
    assert read_policy(DEMO, since).since == since
    assert read_policy(DEMO, since).since - read_policy(DEMO).since > timedelta(days=100)
