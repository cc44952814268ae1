"""AsyncAPI 3.0 from the contracts: a channel per topic, a message per type, who sends and who receives."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from deploy.topology import CORE_TOPICS, SERVICES
from services.escalation import events as escalation
from services.intake import events as intake
from services.kernel.envelope import CONTENT_TYPE, Contract, Event
from services.kernel.marks import Mark
from services.kernel.partitioning import PARTITIONS
from services.notify import events as notify
from services.routing import events as routing

Schema = dict[str, Any]  # a JSON Schema document is a dict by nature

_CASE_KEY = "case id: 32 hexadecimal digits, random"
_ENVELOPE_TEXT = """CloudEvents 1.0, structured JSON. `source` is /maodiao/<service>/<subject id>; `id` of an event that
another one caused is a UUIDv5 of that one's id, the type and an ordinal, so a repeat has the same id and equal bytes.
Consumers ignore unknown fields and unknown types, and count both."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A topic. writer: None for an outside system; then `readers` is intake, and the other way round."""

    address: str
    what: str
    key: str
    contract: Contract
    writer: str | None
    readers: tuple[str, ...] = ()


def _channels() -> tuple[Channel, ...]:
    return (
        Channel(intake.TOPIC, "The only log of a case: its order is the case.", _CASE_KEY, intake.CONTRACT, "intake"),
        Channel(routing.TOPIC, "Proposals: who gets a case, who mediates.", _CASE_KEY, routing.CONTRACT, "routing"),
        Channel(escalation.TOPIC, "Limits and the ladder of a whistle.", _CASE_KEY, escalation.CONTRACT, "escalation"),
        Channel(notify.TOPIC, "Who was called, told, or could not be.", _CASE_KEY, notify.CONTRACT, "notify"),
        Channel(
            routing.DIRECTORY_TOPIC, "Units with posts and rosters; compacted.", "unit id", routing.DIRECTORY, "routing"
        ),
        Channel(
            "inbound.{system}",
            "What one outside system reports. The only topic that may carry personal data: kept 7 days, read by intake "
            "alone. Structured or binary mode; `source` is /{system} or a path below it; `id` is unique per system.",
            "chosen by the system",
            intake.INBOUND,
            None,
        ),
        Channel(
            "outbound.{system}",
            "One receipt for each inbound event, and what became of the system's own cases.",
            "case id; the event's id for a refusal",
            intake.OUTBOUND,
            "intake",
        ),
    )


def asyncapi() -> Schema:
    """The document."""
    schemas: Schema = {"Envelope": _envelope()}
    channels: Schema = {}
    operations: Schema = {}
    for channel in _channels():
        name = channel.address.replace(".{", ".").rstrip("}")
        messages = _messages(channel, schemas)
        channels[name] = _channel(channel, messages)
        operations |= _operations(channel, name)
    channels["progress"], schemas["progress.Mark"] = _progress()
    operations |= _progress_operations()
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Maodiao 矛调: topics", "version": "1", "description": _ENVELOPE_TEXT},
        "defaultContentType": CONTENT_TYPE.decode(),
        "channels": channels,
        "operations": operations,
        "components": {"schemas": schemas},
    }


def _channel(channel: Channel, messages: Schema) -> Schema:
    made: Schema = {"address": channel.address, "description": channel.what, "messages": messages}
    if "{system}" in channel.address:
        made["parameters"] = {"system": {"description": "name of the outside system, 3 to 31 small letters and digits"}}
    topic = next((t for t in CORE_TOPICS if t.name == channel.address), None)
    policy = ["compact"] if topic is not None and topic.compacted else ["delete"]
    retention = topic.retention_ms if topic is not None else (-1 if channel.writer else 7 * 86_400_000)
    made["bindings"] = {
        "kafka": {
            "partitions": topic.partitions if topic is not None else PARTITIONS,
            "topicConfiguration": {"cleanup.policy": policy, "retention.ms": retention},
            "bindingVersion": "0.5.0",
        }
    }
    return made


def _messages(channel: Channel, schemas: Schema) -> Schema:
    prefix = channel.address.replace(".{system}", "")
    types = channel.contract.events
    found, parts = msgspec.json.schema_components(
        list(types.values()), ref_template=f"#/components/schemas/{prefix}.{{name}}"
    )
    schemas |= {f"{prefix}.{name}": _tidy(part) for name, part in sorted(parts.items())}
    return {
        type_: {
            "name": type_,
            "summary": _first_line(types[type_]),
            "contentType": CONTENT_TYPE.decode(),
            "bindings": {"kafka": {"key": {"type": "string", "description": channel.key}, "bindingVersion": "0.5.0"}},
            "payload": {
                "allOf": [
                    {"$ref": "#/components/schemas/Envelope"},
                    {"type": "object", "properties": {"type": {"const": type_}, "data": ref}},
                ]
            },
        }
        for type_, ref in zip(types, found, strict=True)
    }


def _operations(channel: Channel, name: str) -> Iterator[tuple[str, Schema]]:
    reference = {"$ref": f"#/channels/{name}"}
    writer = channel.writer or "system"
    yield f"{writer}.sends.{name}", {"action": "send", "channel": reference}
    if channel.address in {topic.name for topic in CORE_TOPICS}:
        readers = [service.name for service in SERVICES if channel.address in service.reads]
    else:
        readers = ["intake"] if channel.writer is None else ["system"]
    for reader in readers:
        yield f"{reader}.receives.{name}", {"action": "receive", "channel": reference}


def _envelope() -> Schema:
    return {
        "type": "object",
        "description": _ENVELOPE_TEXT,
        "required": ["specversion", "id", "source", "type", "time", "datacontenttype", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string"},
            "source": {"type": "string", "format": "uri-reference"},
            "type": {"type": "string", "description": "with its version: case.registered.v1"},
            "subject": {"type": "string", "description": "id of what the event is about"},
            "time": {"type": "string", "format": "date-time", "description": "the log's own clock, never a claim"},
            "datacontenttype": {"const": "application/json"},
            "sequence": {"type": "integer", "minimum": 1, "description": "1, 2, 3 … on this topic, per subject"},
            "causationid": {"type": "string", "description": "id of the event that caused this one"},
            "afterseq": {"type": "integer", "description": "last event of the log of the subject that the writer knew"},
            "rules": {"type": "integer", "description": "version of the rules that decided it"},
            "data": {"type": "object"},
        },
    }


def _progress() -> tuple[Schema, Schema]:
    (_,), parts = msgspec.json.schema_components([Mark], ref_template="#/components/schemas/progress.{name}")
    topic = next(topic for topic in CORE_TOPICS if topic.name == "progress")
    channel = {
        "address": "progress",
        "description": "Progress marks of relays: how far the log is complete, and up to what time. One partition.",
        "messages": {
            "mark": {
                "name": "mark",
                "contentType": "application/json",
                "payload": {"$ref": "#/components/schemas/progress.Mark"},
            }
        },
        "bindings": {
            "kafka": {
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": topic.retention_ms},
                "bindingVersion": "0.5.0",
            }
        },
    }
    return channel, _tidy(parts["Mark"])


def _progress_operations() -> Mapping[str, Schema]:
    reference = {"$ref": "#/channels/progress"}
    writers = [service.name for service in SERVICES if "progress" in service.writes]
    readers = [service.name for service in SERVICES if "progress" in service.reads]
    sends = {f"{name}.sends.progress": {"action": "send", "channel": reference} for name in writers}
    return {**sends, **{f"{n}.receives.progress": {"action": "receive", "channel": reference} for n in readers}}


def _first_line(event: type[Event]) -> str:
    text = inspect.getdoc(event) if event.__doc__ is not Event.__doc__ else None
    return (text or event.__name__).splitlines()[0]


def _tidy(schema: Schema) -> Schema:
    """Docstrings without their indentation; fields may be added, so none is forbidden."""
    if "description" in schema:
        schema["description"] = inspect.cleandoc(schema["description"])
    return schema
