"""What makes a run the run that it has to be."""

from __future__ import annotations

import pytest

from tests.chaos.host import SPLIT
from tests.chaos.scenario import spared

ENOUGH = {
    **{f"{service}-{n}": 1 for service in ("intake", "routing", "escalation", "notify") for n in (1, 2)},
    **{f"{service}-3": 1 for service in ("intake", "routing", "escalation", "notify")},
    "oversight-1": 2,
    "portal-1": 2,
}


def test_every_worker_and_door_and_a_relay_of_each_service_are_enough():
    assert spared(ENOUGH, SPLIT) == []
    assert spared({**ENOUGH, "notify-3": 0, "notify-4": 1}, SPLIT) == []


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"notify-1": 2, "notify-2": 0}, ["notify-2 never"]),
        ({"oversight-1": 1}, ["door of oversight 1 ×", "worker of oversight 1 ×"]),
        ({"portal-1": 1}, ["door of portal 1 ×"]),
        ({"routing-3": 0, "routing-1": 5}, ["relay of routing 0 ×"]),
    ],
)
def test_what_was_spared_is_named(changed: dict[str, int], missing: list[str]):
    assert spared({**ENOUGH, **changed}, SPLIT) == missing
