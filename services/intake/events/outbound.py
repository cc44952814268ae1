"""What another system hears of what it sent: topic `outbound.<system>`."""

from __future__ import annotations

from typing import ClassVar

from services.kernel.envelope import Event


class ReceiptAccepted(Event, frozen=True, kw_only=True):
    """`event_id` is the id of the inbound event; `case` the case it made or changed."""

    TYPE: ClassVar[str] = "receipt.accepted.v1"
    event_id: str
    case: str
    number: str


class ReceiptRefused(Event, frozen=True, kw_only=True):
    """`reason` is a code, `detail` says in words what to change; neither repeats what was sent."""

    TYPE: ClassVar[str] = "receipt.refused.v1"
    event_id: str
    reason: str
    detail: str


class StatusChanged(Event, frozen=True, kw_only=True):
    """status: registered, assigned, in_progress, disposed, closed, unroutable."""

    TYPE: ClassVar[str] = "status.changed.v1"
    case: str
    status: str
