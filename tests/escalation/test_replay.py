"""The kernel's rebuild and verify over this core: a log on the wire, read by the service's own door."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from msgspec.structs import replace as changed

from deploy.replay.replayer import Replayer, Slice
from services.escalation.core.states import Case
from services.escalation.doors.topics import reader
from services.escalation.events import CONTRACT
from services.intake.events import facts, reception, whistle
from services.kernel.core import Incoming, Record, Row
from services.kernel.envelope import Envelope, Event, decode, encode, envelope
from services.kernel.fold import Outcome, Work
from services.kernel.tables import Codec
from tests.escalation.examples import BOOK, FOLDER, NINE, TOPIC, minutes

LEAD = "dept-water"
TOLD = facts.Told(
    fact_at=NINE, obligation="w1", rank=1, staff="u-3", unit=LEAD, post="head", role="head", channel="email"
)
LOG: list[tuple[float, Event]] = [
    (0, reception.Registered(number="1", family="incident", kind="01-02", channel="grid", community="1")),
    (0, facts.Assigned(fact_at=NINE, unit=LEAD, centre="centre-1", level="street")),
    (5, reception.Accepted(unit=LEAD, by="u-1")),
    (6, whistle.WhistleRequested(obligation="w1", unit=LEAD, by="u-2", by_unit="centre-1", kind="outcry")),
    (7, facts.WhistleBlown(fact_at=NINE, obligation="w1", rank=1, unit=LEAD, post="head")),
    (8, TOLD),
    (50, whistle.WhistleConfirmed(obligation="w1", rank=2, by="u-2")),
    (51, facts.Undeliverable(fact_at=NINE, obligation="w1", rank=2, unit="leaders", reason="channels_failed")),
    (60, reception.Attended(unit=LEAD, by="u-3", obligation="w1", rank=1, occurred_at=NINE + minutes(30))),
    (70, reception.Disposed(unit=LEAD, by="u-1")),
    (80, reception.Verified(by="u-2", passed=False)),
    (90, whistle.WhistleSettled(obligation="w1", by="u-2")),
]  # fmt: skip
MINUTES_AFTER = 2000


def recorded() -> tuple[list[Record], Work[Case]]:
    """The log as records, and the case after a worker has read them and a mark has passed."""
    records, work, read = [], Work[Case]("case", 0, Row()), reader()
    for number, (minute, event) in enumerate(LOG, 1):
        message = envelope(
            event, id=f"in-{number}", service="intake", subject="case", time=NINE + minutes(minute), sequence=number
        )
        records.append(Record(TOPIC, 0, number - 1, b"case", encode(message)))
        incoming = read.read(records[-1])
        assert isinstance(incoming, Incoming) and not incoming.unknown
        assert FOLDER.apply(work, incoming, BOOK) is Outcome.APPLIED
    FOLDER.fire(work, NINE + minutes(MINUTES_AFTER), BOOK)
    return records, work


def replayer() -> Replayer[Case, object, object]:
    return Replayer("escalation", FOLDER.core, reader(), CONTRACT, Case, BOOK)  # type: ignore[arg-type]


def piece(records: list[Record], said: list[Envelope]) -> Slice:
    return Slice(0, records, [encode(m) for m in said], upto=NINE + minutes(MINUTES_AFTER))


def test_rebuild_and_verify_find_no_difference():
    records, work = recorded()
    running = {"case": Codec(Case).encode(work.row)}
    compared = replayer().compare(piece(records, work.said), running)
    assert (compared.differences, compared.records, compared.subjects) == ([], len(LOG), 1)
    assert compared.own_events == len(work.said) > 12
    verified = replayer().verify(piece(records, work.said))
    assert verified.differences == [] and verified.decisions > len(LOG)


def test_a_planted_edit_is_found_and_nothing_else():
    records, work = recorded()
    at = next(n for n, m in enumerate(work.said) if m.type.startswith("escalation.limit_set"))
    fields = msgspec.json.decode(work.said[at].data, type=dict[str, object])
    later = NINE + timedelta(days=3)
    fields["due_at"] = later.isoformat().replace("+00:00", "Z")
    edited = [*work.said]
    edited[at] = changed(work.said[at], data=msgspec.Raw(msgspec.json.encode(fields)))
    found = replayer().verify(piece(records, edited)).differences
    assert [d.what for d in found] == [f"event {at + 1} escalation.limit_set.v1: data"]


def test_what_was_said_is_the_same_bytes_in_every_run():
    assert [encode(m) for m in recorded()[1].said] == [encode(m) for m in recorded()[1].said]
    assert all(decode(encode(m)) == m for m in recorded()[1].said)
