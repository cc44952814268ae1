"""Reads what an outside system publishes: CloudEvents 1.0 on Kafka, structured or binary mode (protocol binding 1.0.2).

Nothing that can be read wrongly is guessed: what does not fit is refused by a code and a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from services.intake.core import hygiene
from services.intake.events import INBOUND
from services.intake.events.inbound import CaseDisposed, CaseReported
from services.kernel.core import Record
from services.kernel.envelope import Envelope
from services.kernel.reading import where

_LONGEST_ID = 200
_MOST_BYTES = 256 * 1024
_STRUCTURED = b"application/cloudevents+json"

SENTENCES: Mapping[str, str] = {
    "empty": "The record has no value.",
    "too_large": "At most 256 kB: photos go over HTTP.",
    "not_json": "The value is not JSON in UTF-8.",
    "too_deep": "Values are nested too deeply.",
    "not_a_cloudevent": "specversion 1.0, id, source and type are needed, as one JSON object or as ce_ headers.",
    "bad_id": "id has 1 to 200 visible characters.",
    "wrong_source": "source has to be /<system>, with the name of the system whose topic this is, or a path below it.",
    "unknown_type": "The types are inbound.case_reported.v1 and inbound.case_disposed.v1.",
    "invalid": "The data do not fit the type",
    "invalid_text": "A text holds NUL, control characters or hidden direction marks.",
    "unknown_kind": "kind is a code of the family: see GET /v1/kinds.",
    "unknown_community": "community is a code of the directory, or left out.",
    "in_future": "occurred_at lies ahead.",
    "too_early": "occurred_at lies before 1949.",
    "no_zone": "occurred_at has no time zone.",
    "duplicate_id": "This id was sent before with other content: take a new id.",
    "duplicate_reference": "There is a case with this reference already.",
    "unknown_reference": "There is no case with this reference.",
}


class _Head(msgspec.Struct):
    specversion: str
    id: str
    source: str
    type: str
    data: msgspec.Raw = msgspec.Raw(b"null")


_heads = msgspec.json.Decoder(_Head)
_NEVER = datetime.fromtimestamp(0, UTC)  # the contract's reader looks at type and data alone


@dataclass(frozen=True, slots=True)
class Sent:
    """An event that could be read. unknown_fields: how many of its data nobody here knows; they are passed over."""

    event_id: str
    event: CaseReported | CaseDisposed
    unknown_fields: int = 0


@dataclass(frozen=True, slots=True)
class Unfit:
    """One that could not. event_id: where it was told, else the record's place. bad: counts towards a quarantine."""

    event_id: str
    reason: str
    detail: str
    bad: bool = True


def read(record: Record, system: str) -> Sent | Unfit:
    """Read a record of `inbound.<system>`. Never raises."""
    place = f"{record.topic}/{record.partition}/{record.offset}"
    if record.value is None:
        return unfit(place, "empty")
    if len(record.value) > _MOST_BYTES:
        return unfit(place, "too_large")
    head = _head(record)
    if isinstance(head, str):
        return unfit(place, head)
    if not 0 < len(head.id) <= _LONGEST_ID or not head.id.isprintable():
        return unfit(place, "bad_id")
    if head.specversion != "1.0":
        return unfit(head.id, "not_a_cloudevent")
    if head.source != f"/{system}" and not head.source.startswith(f"/{system}/"):
        return unfit(head.id, "wrong_source")
    return _event(head)


def unfit(event_id: str, reason: str, more: str = "", *, bad: bool = True) -> Unfit:
    """A refusal with its sentence."""
    sentence = SENTENCES.get(reason, reason)
    return Unfit(event_id, reason, f"{sentence}: {more}" if more else sentence, bad)


def _head(record: Record) -> _Head | str:
    headers = {name.lower(): value for name, value in record.headers}
    try:
        if "ce_id" in headers and not headers.get("content-type", b"").startswith(_STRUCTURED):
            given = {name: headers[f"ce_{name}"].decode() for name in ("specversion", "id", "source", "type")}
            return _Head(**given, data=msgspec.Raw(record.value or b""))
        return _heads.decode(record.value or b"")
    except (KeyError, msgspec.ValidationError):
        return "not_a_cloudevent"
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "not_json"
    except RecursionError:
        return "too_deep"


def _event(head: _Head) -> Sent | Unfit:
    message = Envelope(
        specversion="1.0", id=head.id, source=head.source, type=head.type, subject="", time=_NEVER,
        datacontenttype="application/json", sequence=1, data=head.data,
    )  # fmt: skip
    try:
        found = INBOUND.read(message)
    except msgspec.ValidationError as error:
        return unfit(head.id, "invalid", where(error))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return unfit(head.id, "not_json")
    except RecursionError:
        return unfit(head.id, "too_deep")
    event = found.event
    if not isinstance(event, CaseReported | CaseDisposed):
        return unfit(head.id, "unknown_type", bad=False)
    for name, text in _texts(event).items():
        if hygiene.text(text) is not None:
            return unfit(head.id, "invalid_text", name)
    if not event.reference or len(event.reference) > _LONGEST_ID:
        return unfit(head.id, "invalid", "reference has 1 to 200 characters")
    if isinstance(event, CaseReported) and (wrong := _wrong(event)) is not None:
        return unfit(head.id, "invalid", wrong)
    return Sent(head.id, event, found.unknown_fields)


def _texts(event: CaseReported | CaseDisposed) -> dict[str, str]:
    if isinstance(event, CaseDisposed):
        return {"reference": event.reference}
    contact = event.contact
    return {
        "reference": event.reference,
        "kind": event.kind,
        "text": event.text,
        "address": event.address,
        "community": event.community or "",
        "contact.name": contact.name if contact is not None else "",
        "contact.telephone": contact.telephone if contact is not None else "",
    }


def _wrong(event: CaseReported) -> str | None:
    if event.family not in ("dispute", "incident"):
        return "family is dispute or incident"
    if (event.lon is None) != (event.lat is None):
        return "lon and lat go together"
    if event.lon is not None and event.lat is not None and not (abs(event.lon) <= 180 and abs(event.lat) <= 90):
        return "lon and lat are degrees"
    lengths = {"text": (event.text, 8_000), "address": (event.address, 200)}
    if event.contact is not None:
        lengths |= {"contact.name": (event.contact.name, 200), "contact.telephone": (event.contact.telephone, 40)}
    return next((f"{name} is longer than {most}" for name, (text, most) in lengths.items() if len(text) > most), None)
