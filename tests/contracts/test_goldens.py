"""What travels on a topic is a promise: its bytes do not change, and every reader goes on reading them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.escalation import events as escalation
from services.escalation.doors import topics as of_escalation
from services.intake import events as intake
from services.intake.doors import cloudevents
from services.intake.doors import topics as of_intake
from services.kernel.core import Bad, Incoming, Record
from services.kernel.envelope import Contract, Event, decode, encode
from services.kernel.marks import Mark, Marks
from services.kernel.reading import OwnReader
from services.notify import events as notify
from services.notify.doors import topics as of_notify
from services.notify.doors.directory import roster_unit
from services.oversight.doors import topics as of_oversight
from services.routing import events as routing
from services.routing.doors import topics as of_routing
from services.routing.events import DIRECTORY
from services.routing.events.directory import UnitPublished
from tests.contracts.examples import GOLDEN, MARK, NINE, PUBLISHED, SYSTEM, Golden, Published, goldens
from tests.contracts.write import write

ALL = list(goldens())
READERS: dict[str, Callable[[], OwnReader[Any]]] = {
    "intake": of_intake.make_reader,
    "routing": of_routing.reader,
    "escalation": of_escalation.reader,
    "notify": of_notify.reader,
    "oversight": of_oversight.reader,
}
READ = [(name, golden) for name, make in READERS.items() for golden in ALL if golden.topic in make().topics]


def named(value: object) -> str:
    return f"{value.topic}/{value.name}" if isinstance(value, Golden) else str(value)


def record(golden: Golden, value: bytes | None = None) -> Record:
    return Record(golden.topic, 0, 0, golden.key.encode(), golden.path.read_bytes().strip() if value is None else value)


@pytest.mark.parametrize("golden", ALL, ids=named)
def test_encoding_gives_exactly_the_golden_bytes(golden: Golden) -> None:
    assert golden.path.read_bytes() == golden.value + b"\n"


def test_every_type_has_a_golden_and_every_golden_a_type() -> None:
    for published in PUBLISHED:
        assert {event.TYPE for event in published.events} == set(published.contract.events), published.topic
    assert {path for path in GOLDEN.rglob("*") if path.is_file()} == {golden.path for golden in ALL}


def test_every_contract_of_a_service_is_covered() -> None:
    """A contract that a service's `events/` makes and nobody lists here would go without goldens."""
    modules = (escalation, intake, notify, routing)
    made = {id(value) for module in modules for value in vars(module).values() if isinstance(value, Contract)}
    assert made == {id(published.contract) for published in PUBLISHED}


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda published: published.topic)
def test_every_field_stands_in_a_golden(published: Published) -> None:
    """A field with its default is not written, so an example has to give each one another value."""
    shown: dict[str, set[str]] = {}
    for event in published.events:
        for kind, name in _written(event):
            shown.setdefault(kind, set()).add(name)
    missing = {
        f"{kind.__name__}.{name}"
        for event in published.events
        for kind in _kinds(event)
        for name in set(kind.__struct_fields__) - shown[kind.__name__]
    }
    assert missing == set()


def _kinds(value: object) -> Iterator[type[msgspec.Struct]]:
    if isinstance(value, msgspec.Struct):
        yield type(value)
        for name in value.__struct_fields__:
            yield from _kinds(getattr(value, name))
    elif isinstance(value, tuple):
        for one in value:
            yield from _kinds(one)


def _written(value: object) -> Iterator[tuple[str, str]]:
    """Names of the fields that are on the wire, by the type that has them."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.json.decode(msgspec.json.encode(value))
        for name in value.__struct_fields__:
            if fields.get(name) is not None:
                yield type(value).__name__, name
            yield from _written(getattr(value, name))
    elif isinstance(value, tuple):
        for one in value:
            yield from _written(one)


@pytest.mark.parametrize(("service", "golden"), READ, ids=named)
def test_every_consumer_accepts_every_golden(service: str, golden: Golden) -> None:
    reader = READERS[service]()
    read = reader.read(record(golden))
    assert isinstance(read, Incoming), read
    assert (read.subject, read.sequence, read.at, read.unknown) == (golden.key, 10, NINE, "")


@pytest.mark.parametrize(("service", "golden"), READ, ids=named)
def test_an_added_field_is_passed_over_and_told(service: str, golden: Golden) -> None:
    """What a later release adds, to the data or to the envelope, changes nothing for this one."""
    fields = msgspec.json.decode(golden.value)
    later = {**fields, "addedattribute": "x", "data": {**fields["data"], "added_1": {"deep": [1]}, "added_2": None}}
    reader, plain = READERS[service](), READERS[service]()
    read, was = reader.read(record(golden, msgspec.json.encode(later))), plain.read(record(golden))
    assert isinstance(read, Incoming) and isinstance(was, Incoming)
    assert read.given == was.given
    assert read.unknown == f"{golden.event.TYPE} fields"  # type: ignore[union-attr]


@pytest.mark.parametrize("service", READERS)
def test_an_unknown_type_is_numbered_and_named(service: str) -> None:
    """It is not bad: its number is kept, so that the next event of the subject is no gap."""
    for topic in READERS[service]().topics:
        golden = next(one for one in ALL if one.topic == topic)
        reader = READERS[service]()
        renamed = msgspec.structs.replace(decode(golden.value), type="case.invented.v1")
        read = reader.read(record(golden, encode(renamed)))
        assert isinstance(read, Incoming) and (read.given, read.sequence) == (None, 10)
        assert read.unknown == "case.invented.v1"


@pytest.mark.parametrize("service", READERS)
def test_what_is_nested_without_end_is_bad(service: str) -> None:
    for topic in READERS[service]().topics:
        golden = next(one for one in ALL if one.topic == topic)
        deep = golden.value.removesuffix(b"}") + b',"added":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
        read = READERS[service]().read(record(golden, deep))
        assert isinstance(read, Bad) and read.reason == "not_json"


@pytest.mark.parametrize(("service", "golden"), READ, ids=named)
def test_a_missing_field_is_bad_and_its_name_alone_is_told(service: str, golden: Golden) -> None:
    fields = msgspec.json.decode(golden.value)
    name = golden.event.__struct_fields__[0]  # type: ignore[union-attr]
    del fields["data"][name]
    read = READERS[service]().read(record(golden, msgspec.json.encode(fields)))
    assert isinstance(read, Bad) and read.subject == golden.key
    assert name in read.reason and "u-0" not in read.reason


@pytest.mark.parametrize("golden", [one for one in ALL if one.topic == "directory"], ids=named)
def test_the_directory_is_read_by_those_who_follow_it(golden: Golden) -> None:
    event = DIRECTORY.read(decode(golden.path.read_bytes())).event
    assert event == golden.event
    assert isinstance(event, UnitPublished)
    assert roster_unit(event).posts[0].shifts[0].start_min == 20 * 60


@pytest.mark.parametrize("golden", [one for one in ALL if one.topic == "inbound.system"], ids=named)
def test_intake_reads_what_a_system_sends(golden: Golden) -> None:
    read = cloudevents.read(Record(f"inbound.{SYSTEM}", 0, 0, b"any", golden.path.read_bytes()), SYSTEM)
    assert isinstance(read, cloudevents.Sent), read
    assert read.event == golden.event


@pytest.mark.parametrize("golden", [one for one in ALL if one.topic == "outbound.system"], ids=named)
def test_a_system_reads_its_receipts(golden: Golden) -> None:
    message = decode(golden.path.read_bytes())
    contract = next(one.contract for one in PUBLISHED if one.topic == f"outbound.{SYSTEM}")
    assert contract.read(message).event == golden.event


def test_a_mark_is_read_by_those_who_wait_for_it() -> None:
    mark = msgspec.json.decode((GOLDEN / "progress" / "mark.json").read_bytes(), type=Mark)
    assert mark == MARK
    marks = Marks()
    marks.assign({7: None})
    marks.add(mark)
    assert marks.passed({7: 4712}) == {7: NINE}


# That these tests can fail: a contract of which a type was added without an example, and a golden that was changed.


class Invented(Event, frozen=True, kw_only=True):
    TYPE = "case.invented.v1"
    at: dt.datetime


def test_a_type_without_a_golden_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    more = Contract(*PUBLISHED[0].contract.events.values(), Invented)
    monkeypatch.setattr(PUBLISHED[0].contract, "events", more.events)
    with pytest.raises(AssertionError, match=r"case\.intake"):
        test_every_type_has_a_golden_and_every_golden_a_type()


def test_a_golden_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "topic" / "type.json"
    assert write([(path, b"one\n")]) == ([path], [])
    assert write([(path, b"one\n")]) == ([], [])
    assert write([(path, b"two\n")]) == ([], [path])
    assert path.read_bytes() == b"one\n"


def test_an_envelope_of_ours_is_a_cloudevent() -> None:
    """Required attributes and the rule for names of extensions (CloudEvents 1.0.2, 2.1 and 3)."""
    for golden in ALL:
        if golden.topic == "progress":
            continue
        fields = msgspec.json.decode(golden.value)
        assert {"id", "source", "specversion", "type"} <= fields.keys()
        assert all(name.isalnum() and name == name.lower() and len(name) <= 20 for name in fields)
        assert fields["specversion"] == "1.0" and fields["source"].startswith("/")
