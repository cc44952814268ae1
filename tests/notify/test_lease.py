"""What has to be shorter than what, so that a message that has left is noted as told before anybody sends it again."""

from __future__ import annotations

from deploy.topology import SERVICES
from services.notify.settings import NotifySettings


def test_a_frozen_worker_loses_its_rows_before_a_lease_is_over():
    """Since the guard nobody here keeps a transaction open; whoever should, would be put out while a sender that waits
    for the row still has its lease."""
    role = next(service for service in SERVICES if service.name == "notify").role()
    held_s = float(dict(role.settings)["idle_in_transaction_session_timeout"].removesuffix("s"))
    fields = NotifySettings.model_fields
    assert held_s + fields["channel_timeout_s"].default < fields["lease_s"].default
