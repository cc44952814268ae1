"""What the log says to the core, and what it does not."""

from __future__ import annotations

import pytest

from services.escalation.core import inputs
from services.escalation.doors.topics import reader, translate
from services.intake.events import CONTRACT, TOPIC, facts, mediation, reception, whistle
from services.kernel.core import Incoming, Record
from services.kernel.envelope import Envelope, Event, encode, envelope
from tests.escalation.examples import NINE

TOLD = facts.Told(
    fact_at=NINE, obligation="w1", rank=2, staff="u-1", unit="a", post="head", role="head", channel="email"
)


def message(event: Event) -> Envelope:
    return envelope(event, id="e", service="intake", subject="case", time=NINE, sequence=7)


@pytest.mark.parametrize(
    ("event", "given"),
    [
        (reception.Dispatched(unit="a", by="u-1"), inputs.Assigned(at=NINE, unit="a")),
        (
            facts.HandedOver(fact_at=NINE, direction="up", from_unit="a", unit="b", reason="x"),
            inputs.Assigned(at=NINE, unit="b"),
        ),
        (reception.Accepted(unit="a", by="u-1"), inputs.Done(at=NINE, fact="case.accepted")),
        (reception.Verified(by="u-1", passed=False), inputs.Done(at=NINE, fact="case.verified", passed=False)),
        (
            reception.Disposed(unit="a", by="u", occurred_at=NINE),
            inputs.Done(at=NINE, fact="case.disposed", occurred_at=NINE),
        ),
        (mediation.Performed(by="u-1"), inputs.Done(at=NINE, fact="case.performed")),
        (mediation.Performed(by="u-1", complete=False), None),
        (facts.PanelFormed(fact_at=NINE, mediator="u-1"), inputs.Done(at=NINE, fact="case.panel_formed")),
        (
            whistle.WhistleConfirmed(obligation="w1", rank=2, by="u-1"),
            inputs.WhistleConfirmed(at=NINE, number=7, obligation="w1", rank=2),
        ),
        (TOLD, inputs.Told(at=NINE, obligation="w1", rank=2)),
        (
            facts.Undeliverable(fact_at=NINE, obligation="w1", rank=2, unit="a", reason="x"),
            inputs.Told(at=NINE, obligation="w1", rank=2, reached=False),
        ),
        (
            facts.Undeliverable(fact_at=NINE, obligation="a2", rank=0, unit="a", reason="x", purpose="assignment"),
            None,
        ),
        (
            facts.Superseded(fact_at=NINE, proposal="id", because="whistle accept#1"),
            inputs.Superseded(at=NINE, number=7, obligation="accept#1"),
        ),
        (facts.Superseded(fact_at=NINE, proposal="id", because="lead"), None),
        (facts.Released(fact_at=NINE, service="escalation", topic=TOPIC), inputs.Passed(at=NINE)),
        (facts.Released(fact_at=NINE, service="notify", topic=TOPIC), None),
        (reception.Urged(by="u-1", unit="a"), None),
    ],
)
def test_translations(event, given):
    assert translate(message(event), event) == given


def test_every_fact_that_a_policy_may_name_comes_from_an_event():
    types = {type_.removesuffix(".v1") for type_ in CONTRACT.events}
    assert types >= inputs.FACTS


def test_a_record_is_read_with_its_place_on_the_log():
    record = Record(TOPIC, 3, 11, b"case", encode(message(TOLD)))
    incoming = reader().read(record)
    assert isinstance(incoming, Incoming)
    assert (incoming.subject, incoming.sequence, incoming.after, incoming.logged) == ("case", 7, 7, True)
