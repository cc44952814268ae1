"""What an outside system sends on `inbound.<system>`: the one topic that may carry personal data.

Intake alone reads it; it keeps the raw event encrypted, and nothing of `text`, `contact` or `address` leaves intake.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import msgspec

from services.kernel.envelope import Event


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    name: str = ""
    telephone: str = ""


class CaseReported(Event, frozen=True, kw_only=True):
    """A dispute or incident that the system passes on. `kind` is our code; `reference` is the system's own."""

    TYPE: ClassVar[str] = "inbound.case_reported.v1"
    reference: str
    family: str
    kind: str
    occurred_at: datetime | None = None
    lon: float | None = None
    lat: float | None = None
    community: str | None = None
    address: str = ""
    text: str = ""
    contact: Contact | None = None


class CaseDisposed(Event, frozen=True, kw_only=True):
    """The system's own people dealt with a case that it reported before."""

    TYPE: ClassVar[str] = "inbound.case_disposed.v1"
    reference: str
    occurred_at: datetime | None = None
