"""An event's bytes are a function of what it says, and its id of what caused it."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.envelope import Contract, Envelope, Event, Upcast, decode, derived_id, encode, envelope
from tests.kernel.toy import NINE, Added, Missed

moments = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))
words = st.text(max_size=20)


def message(n: int = 1, at: datetime = NINE, subject: str = "m", **more: object) -> Envelope:
    return envelope(Added(n=n), id="i", service="toy", subject=subject, time=at, sequence=1, **more)  # type: ignore[arg-type]


@given(st.integers(-(2**53), 2**53), moments, words, st.none() | words, st.none() | st.integers(0, 2**40))
def test_reading_gives_what_was_written_and_writing_it_again_the_same_bytes(
    n: int, at: datetime, subject: str, cause: str | None, after: int | None
) -> None:
    written = message(n, at, subject, causationid=cause, afterseq=after)
    read = decode(encode(written))
    assert read == written
    assert encode(read) == encode(written)
    assert Contract(Added).read(read).event == Added(n=n)


@given(moments, st.integers(-720, 840))
def test_one_moment_is_one_time_whatever_the_zone(at: datetime, minutes: int) -> None:
    """Compared by what consumers read: a zone is no part of what an event says."""
    elsewhere = at.astimezone(timezone(timedelta(minutes=minutes)))
    assert decode(encode(message(at=elsewhere))) == decode(encode(message(at=at)))


def test_the_order_of_fields_on_the_wire_does_not_hang_on_who_wrote_them() -> None:
    value = encode(message(afterseq=3, rules=1))
    shuffled = msgspec.json.encode(dict(reversed(msgspec.json.decode(value).items())))
    assert shuffled != value
    assert encode(decode(shuffled)) == value


@given(words, words, st.integers(0, 50))
def test_ids_are_version_5_and_follow_from_cause_type_and_place(cause: str, type_: str, ordinal: int) -> None:
    made = derived_id(cause, type_, ordinal)
    read = uuid.UUID(made)
    assert (read.version, read.variant, str(read)) == (5, uuid.RFC_4122, made)
    assert made == derived_id(cause, type_, ordinal)
    assert len({made, derived_id(cause + "x", type_, ordinal), derived_id(cause, type_ + "x", ordinal),
                derived_id(cause, type_, ordinal + 1)}) == 4  # fmt: skip


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"time": "2026-01-05T09:00:00"}, "zone"),
        ({"time": "at nine"}, "time"),
        ({"sequence": "1"}, "sequence"),
        ({"id": None}, "id"),
    ],
)
def test_what_is_no_envelope_is_refused_by_the_name_of_its_field(change: dict[str, object], names: str) -> None:
    fields = {**msgspec.json.decode(encode(message())), **change}
    with pytest.raises(msgspec.ValidationError, match=names):
        decode(msgspec.json.encode(fields))


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"nul\0", b"\xff\xfe{}"])
def test_what_is_not_json_is_a_decode_error(value: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
        decode(value)


def data(event_type: str, **fields: object) -> Envelope:
    made = message()
    return msgspec.structs.replace(made, type=event_type, data=msgspec.Raw(msgspec.json.encode(fields)))


def test_unknown_types_and_fields_are_counted_and_not_refused() -> None:
    contract = Contract(Added)
    assert contract.read(data("toy.unheard_of.v1", n=1)).event is None
    read = contract.read(data(Added.TYPE, n=1, colour="red", size=2))
    assert (read.event, read.unknown_fields) == (Added(n=1), 2)


def test_a_wrong_value_is_refused_without_being_told() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        Contract(Added).read(data(Added.TYPE, n="13 Prosperity Lane"))
    assert "Prosperity" not in str(caught.value) and "n" in str(caught.value)


class Counted3(Event, frozen=True, kw_only=True):
    TYPE = "toy.counted.v3"
    total: int
    unit: str


def test_old_versions_are_read_step_by_step_as_the_newest() -> None:
    contract = Contract(
        Counted3,
        upcasts=(
            Upcast("toy.counted.v1", "toy.counted.v2", lambda f: {"total": f["sum"], **f}),
            Upcast("toy.counted.v2", "toy.counted.v3", lambda f: {**f, "unit": "pieces"}),
        ),
    )
    read = contract.read(data("toy.counted.v1", sum=4))
    assert (read.event, read.unknown_fields) == (Counted3(total=4, unit="pieces"), 1)
    assert contract.read(data("toy.counted.v2", total=5)).event == Counted3(total=5, unit="pieces")


def test_defaults_are_not_written_so_a_new_field_changes_no_old_bytes() -> None:
    missed = Missed(due_at=NINE)
    made = envelope(missed, id="i", service="toy", subject="m", time=NINE, sequence=1)
    assert bytes(made.data) == b'{"due_at":"2026-01-05T09:00:00Z"}'
    assert b"afterseq" not in encode(made)
