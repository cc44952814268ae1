"""The door to case.intake: what routing makes of each type, and of what it can't read."""

from datetime import UTC, datetime

import pytest

from services.intake.events import facts, mediation, reception
from services.kernel.core import Bad, Incoming, Record
from services.kernel.envelope import encode, envelope
from services.routing.core import inputs
from services.routing.doors.topics import reader

AT = datetime(2026, 1, 5, tzinfo=UTC)
SAME = {"id": "e", "sequence": 3, "at": AT}


def record(event):
    message = envelope(event, id="e", service="intake", subject="c", time=AT, sequence=3)
    return Record("case.intake", 1, 7, b"c", encode(message))


def given(event):
    read = reader().read(record(event))
    assert isinstance(read, Incoming)
    assert (read.subject, read.sequence, read.after, read.logged, read.at) == ("c", 3, 3, True, AT)
    return read.given


def registered(**more):
    return reception.Registered(number="1", family="dispute", kind="0402", channel="window", **more)


@pytest.mark.parametrize(
    ("event", "means"),
    [
        (
            registered(community="C1", street="S1"),
            inputs.Registered(family="dispute", kind="0402", community="C1", street="S1", **SAME),
        ),
        (
            registered(community="unknown"),
            inputs.Registered(family="dispute", kind="0402", community=None, street=None, **SAME),
        ),
        (reception.Dispatched(unit="x", by="u-1"), inputs.Dispatched(unit="x", **SAME)),
        (reception.Accepted(unit="x", by="u-1"), inputs.Accepted(unit="x", **SAME)),
        (reception.Declined(unit="x", by="u-1", reason="r"), inputs.Declined(unit="x", by="u-1", **SAME)),
        (reception.Closed(by="u-1", outcome="settled"), inputs.Closed(**SAME)),
        (reception.Reopened(by="u-1", reason="r"), inputs.Reopened(**SAME)),
        (facts.Assigned(fact_at=AT, unit="x", centre="y", level="street"), inputs.Led(unit="x", **SAME)),
        (
            facts.HandedOver(fact_at=AT, direction="up", from_unit="x", unit="y", reason="r"),
            inputs.Led(unit="y", **SAME),
        ),
        (
            facts.PanelFormed(fact_at=AT, mediator="m", lawyer="l"),
            inputs.PanelFormed(mediator="m", judicial_head=None, lawyer="l", **SAME),
        ),
        (
            facts.Superseded(fact_at=AT, proposal="p", because="lead"),
            inputs.Superseded(proposal="p", because="lead", **SAME),
        ),
        (facts.Unroutable(fact_at=AT, reason="loop", seat="s"), inputs.Stuck(**SAME)),
    ],
)
def test_what_concerns_routing(event, means):
    assert given(event) == means


def test_what_does_not_concern_it_is_numbered_alone():
    assert given(mediation.SessionHeld(mode="face_to_face", by="u-1")) is None
    assert given(reception.Urged(by="u-1", unit="x")) is None


def test_the_place_of_a_case_and_nothing_of_its_people_reaches_the_core():
    fields = set(inputs.Registered.__dataclass_fields__)
    assert fields == {"id", "sequence", "at", "family", "kind", "community", "street"}


def test_an_unknown_type_is_named_and_passed_over():
    value = encode(envelope(registered(community="C1"), id="e", service="intake", subject="c", time=AT, sequence=3))
    read = reader().read(Record("case.intake", 1, 7, b"c", value.replace(b"case.registered.v1", b"case.foreseen.v9")))
    assert isinstance(read, Incoming)
    assert (read.given, read.unknown) == (None, "case.foreseen.v9")


def test_what_cannot_be_read_is_bad_and_names_no_value():
    value = encode(envelope(registered(community="C1"), id="e", service="intake", subject="c", time=AT, sequence=3))
    read = reader().read(Record("case.intake", 1, 7, b"c", value.replace(b'"0402"', b"402")))
    assert isinstance(read, Bad)
    assert (read.subject, "402" in read.reason) == ("c", False)
    assert isinstance(reader().read(Record("case.intake", 1, 7, b"c", b"no")), Bad)
