"""What Prometheus gets to see."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from services.oversight.doors.metrics import OversightMetrics

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def test_a_mark_of_the_future_shows_that_a_clock_was_set_back() -> None:
    marks = SimpleNamespace(newest={"intake-1": NOW + timedelta(seconds=5), "intake-2": NOW - timedelta(seconds=1)})
    metrics = OversightMetrics(
        SimpleNamespace(report=None),  # type: ignore[arg-type]
        SimpleNamespace(alarms=(), as_of=None),  # type: ignore[arg-type]
        marks,  # type: ignore[arg-type]
        SimpleNamespace(now=lambda: NOW),
    )
    (found,) = [family for family in metrics.collect() if family.name == "maodiao_mark_age_seconds"]
    assert {sample.labels["relay"]: sample.value for sample in found.samples} == {"intake-1": -5.0, "intake-2": 1.0}
