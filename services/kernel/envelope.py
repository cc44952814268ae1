"""The envelope of every event: CloudEvents 1.0, structured JSON.

An event's bytes are a function of what it says: fields stand in one order, times are UTC, so a repeated record
has equal bytes. `data` stays raw until a contract (the publisher's `events/`) gives it a type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha1
from typing import ClassVar

import msgspec

CONTENT_TYPE = b"application/cloudevents+json"


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all wire models. `TYPE` is the CloudEvents type, with its version: `case.registered.v1`."""

    TYPE: ClassVar[str]


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event as it travels. Extension attributes follow the CloudEvents rule: lower case, no separators.

    sequence: number of the event on its own topic, per key: 1, 2, 3 …
    causationid: id of the event that caused this one.
    afterseq: number of the last event of the subject's log that the writer had applied.
    rules: version of the decision rules that wrote it; raised whenever `decide` changes.
    `time` is the log's own clock; what somebody claims of the time stands in the data as `occurred_at`.
    """

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: datetime
    datacontenttype: str
    sequence: int
    causationid: str | None = None
    afterseq: int | None = None
    rules: int | None = None
    data: msgspec.Raw


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Envelope)
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def derived_id(cause: str, type_: str, ordinal: int) -> str:
    """The id of an event that another one caused: UUIDv5 in the namespace of the cause (RFC 9562, 5.5).

    Args:
        cause: id of the causing event, any string.
        type_: type of the caused event.
        ordinal: 0, 1, 2 … among the events of one decision.
    """
    digest = bytearray(sha1(f"{cause}\0{type_}\0{ordinal}".encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def envelope(
    event: Event,
    *,
    id: str,
    service: str,
    subject: str,
    time: datetime,
    sequence: int,
    causationid: str | None = None,
    afterseq: int | None = None,
    rules: int | None = None,
) -> Envelope:
    """Wrap an event of our own. `source` is /maodiao/<service>/<subject>."""
    return Envelope(
        specversion="1.0",
        id=id,
        source=f"/maodiao/{service}/{subject}",
        type=event.TYPE,
        subject=subject,
        time=time,
        datacontenttype="application/json",
        sequence=sequence,
        causationid=causationid,
        afterseq=afterseq,
        rules=rules,
        data=msgspec.Raw(_encoder.encode(event)),
    )


def encode(message: Envelope) -> bytes:
    """The record's value."""
    return _encoder.encode(message)


def decode(value: bytes) -> Envelope:
    """Read a record's value.

    Raises:
        msgspec.DecodeError: not JSON, or not an envelope (`ValidationError`, a subclass, names the field).
    """
    message = _decoder.decode(value)
    if message.specversion != "1.0":
        raise msgspec.ValidationError(f"specversion {message.specversion!r} is not 1.0")
    if message.time.tzinfo is None:
        raise msgspec.ValidationError("time has no zone")
    return message


@dataclass(frozen=True, slots=True)
class Upcast:
    """How an older version of a type is read: a pure step on its fields to the next version."""

    old: str
    new: str
    step: Callable[[dict[str, object]], dict[str, object]]


@dataclass(frozen=True, slots=True)
class Read:
    """What a contract made of `data`: the event, or None for a type that it does not know; and the unknown fields."""

    event: Event | None
    unknown_fields: int = 0


class Contract:
    """The events that one publisher owns. Consumers read with it; unknown types and fields are counted, not refused."""

    def __init__(self, *events: type[Event], upcasts: tuple[Upcast, ...] = ()) -> None:
        self.events: Mapping[str, type[Event]] = {event.TYPE: event for event in events}
        self.upcasts: Mapping[str, Upcast] = {upcast.old: upcast for upcast in upcasts}
        self._decoders = {type_: msgspec.json.Decoder(event) for type_, event in self.events.items()}
        self._sizes = {type_: set(event.__struct_fields__) for type_, event in self.events.items()}

    def read(self, message: Envelope) -> Read:
        """Give `data` its type.

        Raises:
            msgspec.ValidationError: the data do not fit the type; it names the field, never its value.
        """
        type_ = message.type
        decoder = self._decoders.get(type_)
        if decoder is None:
            return self._read_old(message) if type_ in self.upcasts else Read(None)
        event = decoder.decode(message.data)
        unknown = _fields.decode(message.data).keys() - self._sizes[type_]
        return Read(event, len(unknown))

    def _read_old(self, message: Envelope) -> Read:
        type_, fields = message.type, msgspec.json.decode(message.data, type=dict[str, object])
        while (upcast := self.upcasts.get(type_)) is not None:
            type_, fields = upcast.new, upcast.step(fields)
        event = self.events[type_]
        return Read(msgspec.convert(fields, event), len(fields.keys() - self._sizes[type_]))
