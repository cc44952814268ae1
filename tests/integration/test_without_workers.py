"""Routing, escalation and notify with door and relay, and without a worker: the tests that are named for it fail.

Oversight shows the same in its own file; it has no relay.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration import test_escalation_worker, test_notify_worker, test_routing_worker

SHORT_S = 3.0  # with a worker each of them hears the first event in less than one

routing, escalation, notify = test_routing_worker.routing, test_escalation_worker.escalation, test_notify_worker.notify


@pytest.fixture(scope="module", autouse=True)
def without_worker() -> Iterator[None]:
    """Every process that a fixture of this module starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAODIAO_ROLES", "door,relay")
        yield


async def test_without_its_worker_routing_assigns_nothing(
    routing: test_routing_worker.Routing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_routing_worker, "DEADLINE_S", SHORT_S)
    with pytest.raises(AssertionError, match=r"^0 of 2 events about the case in 3 s"):
        await test_routing_worker.test_a_registered_dispute_is_assigned_with_its_basis_by_the_routing_worker(routing)


async def test_without_its_worker_escalation_sets_no_limit(
    escalation: test_escalation_worker.Escalation, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = test_escalation_worker.test_the_escalation_worker_sets_limits_and_climbs_a_whistle_that_nobody_answers
    monkeypatch.setattr(test_escalation_worker, "DEADLINE_S", SHORT_S)
    with pytest.raises(AssertionError, match=r"^0 of 5 events about the case in 3 s"):
        await named(escalation)


async def test_without_its_worker_notify_tells_nobody(
    notify: test_notify_worker.Notify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_notify_worker, "DEADLINE_S", SHORT_S)
    with pytest.raises(AssertionError, match=r"^in 3 s it said \[\]"):
        await test_notify_worker.test_a_whistle_reaches_a_person_and_told_stands_on_the_topic(notify)
