"""Inputs as the door makes them, for tests: one case from its registration to its close."""

from datetime import UTC, datetime, timedelta
from typing import Any

from services.oversight.core import inputs

NINE = datetime(2026, 11, 24, 1, tzinfo=UTC)  # 09:00 in Tianjin


def at(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


def registered(minutes: float = 0, **said: Any) -> inputs.Registered:
    told: dict[str, Any] = {
        "number": "R-1", "family": "incident", "kind": "05-01", "channel": "grid", "community": "unknown",
        "street": "120106001",
    }  # fmt: skip
    return inputs.Registered(at=at(minutes), **{**told, **said})


def began(minutes: float, limit: str = "dispose#1", within: float = 30, **said: Any) -> inputs.LimitBegan:
    start = at(minutes)
    near, due = start + timedelta(minutes=within * 0.8), start + timedelta(minutes=within)
    return inputs.LimitBegan(
        at=start,
        limit=limit,
        step=limit.rpartition(":")[2].partition("#")[0],
        start=start,
        due_at=due,
        near_at=near,
        policy_version=1,
        **said,
    )


def needs(limit: str = "dispose#1", *facts: str) -> inputs.Elsewhere:
    return inputs.Elsewhere(at=NINE, type="escalation.limit_set.v1", limit=limit, met_by=facts or ("case.disposed",))


def done(minutes: float, fact: str, **said: Any) -> inputs.Done:
    return inputs.Done(at=at(minutes), fact=f"case.{fact}", **said)


def ended(minutes: float, outcome: inputs.Outcome, limit: str = "dispose#1") -> inputs.LimitEnded:
    return inputs.LimitEnded(at=at(minutes), limit=limit, outcome=outcome)


def ranked(minutes: float, step: inputs.RankStep, rank: int = 1, obligation: str = "w1") -> inputs.Ranked:
    called = {"unit": "unit-7", "post": "head"} if step in ("proposed", "blown") else {}
    return inputs.Ranked(at=at(minutes), obligation=obligation, rank=rank, step=step, **called)
