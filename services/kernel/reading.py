"""Reads records of our own topics: envelope, contract, number; a service adds how each type becomes an input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic

import msgspec

from services.kernel.core import Bad, I, Incoming, Record
from services.kernel.envelope import Contract, Envelope, Event, decode


@dataclass(frozen=True, slots=True)
class Source(Generic[I]):
    """One topic of ours.

    contract: its publisher's events. translate: what an event says to this service's core; None for nothing.
    log: it is the subject's log, from which `afterseq` counts.
    """

    topic: str
    contract: Contract
    translate: Callable[[Envelope, Event], I | None]
    log: bool = False


class OwnReader(Generic[I]):
    """A `Reader` for topics of our own. An unknown type is not bad: it is numbered, named and passed over."""

    def __init__(self, *sources: Source[I]) -> None:
        self._sources: Mapping[str, Source[I]] = {source.topic: source for source in sources}

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(self._sources)

    def read(self, record: Record) -> Incoming[I] | Bad:
        """See `Reader`. A record is bad if its envelope, its data or its number can't be read."""
        source = self._sources[record.topic]
        if record.value is None:
            return Bad(record, None, "empty")
        try:
            message = decode(record.value)
        except msgspec.ValidationError as error:
            return Bad(record, None, f"envelope: {where(error)}")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # the last: nested a thousand deep
            return Bad(record, None, "not_json")
        if record.key is not None and record.key != message.subject.encode():
            return Bad(record, None, "subject_is_not_key")
        if message.sequence < 1:
            return Bad(record, message.subject, "sequence")
        try:
            read = source.contract.read(message)
        except (msgspec.DecodeError, RecursionError) as error:
            return Bad(record, message.subject, f"{message.type}: {where(error)}")
        given = source.translate(message, read.event) if read.event is not None else None
        unknown = message.type if read.event is None else f"{message.type} fields" if read.unknown_fields else ""
        number, after = message.sequence, message.sequence if source.log else message.afterseq or 0
        return Incoming(record, message.subject, message.id, number, message.time, after, source.log, given, unknown)


def where(error: msgspec.DecodeError | RecursionError) -> str:
    """The place in the data that does not fit, and how, without any value: msgspec quotes none but unknown tags."""
    text = str(error)
    return text if "Invalid value" not in text else "invalid value" + text.partition(" - at ")[2].join((" at ", ""))
