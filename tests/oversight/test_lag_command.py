"""`maodiao lag` as it is shown, and what it says when nothing runs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from deploy.commands.lag import Door, render
from deploy.errors import DeployError
from services.oversight.core.lag import State
from services.oversight.doors.answers import GroupAnswer, LagAnswer, MarkAnswer, ParkedAnswer, PartitionAnswer

NOW = datetime(2026, 11, 24, 2, 42, 18, tzinfo=UTC)


def group(name: str, state: State, lag: int, seconds: float | None, members: int = 1) -> GroupAnswer:
    return GroupAnswer(
        group=name, topics=["case.intake"], members=members, lag=lag, seconds=seconds, state=state, trend=lag,
        moved_at=None,
    )  # fmt: skip


SEEN = LagAnswer(
    as_of=NOW,
    services=[
        group("escalation", State.STALLED, 1200, 61.5),
        group("notify", State.STOPPED, 3, None, members=0),
        group("routing", State.OK, 0, 0),
    ],
    groups=[
        PartitionAnswer(
            group="escalation", topic="case.intake", partition=7, current=10, end=1210, lag=1200, seconds=61.5,
            members=1, state=State.STALLED, trend=1200, moved_at=NOW,
        )
    ],
    parked=[ParkedAnswer(service="routing", subject="c1", topic="case.intake", reason="gap", parked_at=NOW)],
    marks=[MarkAnswer(service="intake-1", upto=NOW, age_s=0.1)],
)  # fmt: skip


def shown(seen: LagAnswer, **said: object) -> str:
    console = Console(width=140, record=True, force_terminal=False)
    console.print(render(seen, NOW, **said))  # type: ignore[arg-type]
    return console.export_text()


def test_each_group_says_how_it_stands_in_words() -> None:
    text = shown(SEEN)
    lines = {word: line for line in text.splitlines() for word in ("escalation", "notify", "routing ") if word in line}
    assert "卡住 stalled" in lines["escalation"]
    assert "1,200" in lines["escalation"]
    assert "停了 stopped" in lines["notify"]
    assert "?" in lines["notify"]
    assert "case.intake-7" not in text


def test_partitions_marks_and_held_cases() -> None:
    text = shown(SEEN, partitions=True)
    assert "case.intake-7 10 / 1210" in text
    assert "intake-1  0.1 s" in text
    assert "routing  case.intake  c1  gap" in text


def test_what_is_old_says_so() -> None:
    assert "旧的" not in shown(SEEN)
    old = SEEN.model_copy(update={"as_of": NOW - timedelta(seconds=95), "marks": []})
    assert "旧的 95 s old" in shown(old)
    assert "没听到 none heard" in shown(old)
    assert "broken" in shown(SEEN, trouble="broken")


def test_nothing_running_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAODIAO_OVERSIGHT_URL", raising=False)
    with pytest.raises(DeployError, match="maodiao up"):
        Door.of(tmp_path)
    with pytest.raises(DeployError, match="does not answer"):
        Door("http://127.0.0.1:9", b"k" * 32).ask()
