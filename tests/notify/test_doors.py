"""From the wire to the core's inputs, and from the directory's records to rosters."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest
import structlog

from services.escalation import events as escalation
from services.escalation.events import limits, whistles
from services.intake import events as intake
from services.intake.events import facts, reception, whistle
from services.kernel.core import Bad, Incoming, Record
from services.kernel.envelope import Event, encode, envelope
from services.kernel.holding import Held
from services.notify.core import inputs
from services.notify.doors.directory import DirectoryFollower, minutes, names_of
from services.notify.doors.topics import reader
from services.routing.events.directory import Post, Shift, UnitPublished

from .examples import NINE, SUBJECT


def read(topic: str, event: Event, after: int | None = None, n: int = 7) -> Incoming | Bad:
    message = envelope(event, id="x", service="s", subject=SUBJECT, time=NINE, sequence=n, afterseq=after)
    return reader().read(Record(topic, 0, 0, SUBJECT.encode(), encode(message)))


BLOWN = whistles.WhistleBlown(
    obligation="w1",
    rank=2,
    unit="leaders",
    post="district_head",
    lead_unit="team",
    because="requested",
    respond_within_s=60,
    blown_at=NINE,
    policy_version=1,
)
CASES = [
    (BLOWN, inputs.Blown(NINE, 4, "w1", 2, "leaders", "district_head", 60)),
    (
        limits.LimitUnconfirmed(limit="l", step="s", due_at=NINE, seat="street"),
        inputs.SeatNeeded(NINE, 4, 7, "unconfirmed", "street", "l"),
    ),
    (whistles.LadderExhausted(obligation="w1", rank=3, policy_version=1), None),
    (Held(topic="case.intake", partition=0, offset=1, reason="gap"), None),
]
FACT = {"fact_at": NINE}
OF_INTAKE = [
    (
        reception.Registered(number="N", family="dispute", kind="0402", channel="window", community="c", street="s"),
        inputs.Registered("N", "0402", "c", "s"),
    ),
    (facts.Assigned(**FACT, unit="team", centre="street", level="street"), inputs.Entrusted(NINE, 7, "team", "street")),
    (reception.Dispatched(unit="team", by="u"), inputs.Entrusted(NINE, 7, "team")),
    (
        facts.LimitMissed(**FACT, limit="w1@1:told", step="told", due_at=NINE, obligation="w1", rank=1),
        inputs.SeatNeeded(NINE, 7, 7, "untold", about="w1"),
    ),
    (facts.LimitMissed(**FACT, limit="w1@1:attend", step="attend", due_at=NINE, obligation="w1", rank=1), None),
    (facts.LimitMissed(**FACT, limit="told#1", step="told", due_at=NINE), None),
    (
        facts.HandedOver(**FACT, direction="up", from_unit="a", unit="b", reason="r"),
        inputs.Entrusted(NINE, 7, "b"),
    ),
    (reception.Urged(by="u", unit="team"), inputs.Urged(NINE, 7, "team")),
    (reception.Reopened(by="u", reason="r"), inputs.Reopened(NINE, 7)),
    (reception.Closed(by="u", outcome="settled"), inputs.Ended(7, "u")),
    (whistle.WhistleSettled(obligation="w1", by="u"), inputs.Ended(7, "u", "w1")),
    (whistle.WhistleWithdrawn(obligation="w1", by="u", reason="r"), inputs.Ended(7, "u", "w1")),
    (
        whistle.WhistleRequested(obligation="w1", unit="team", by="u", by_unit="street", kind="outcry"),
        inputs.Requested("w1", "street"),
    ),
    (
        facts.WhistleProposed(**FACT, obligation="w1", rank=2, unit="leaders", post="district_head"),
        inputs.SeatNeeded(NINE, 7, 7, "proposed", about="w1"),
    ),
    (facts.Unroutable(**FACT, reason="no_route", seat="centre"), inputs.SeatNeeded(NINE, 7, 7, "unroutable", "centre")),
    (facts.Held(**FACT, service="routing", topic="case.intake", reason="gap"), inputs.SeatNeeded(NINE, 7, 7, "held")),
    (facts.ReminderDue(**FACT, limit="l", step="s"), inputs.SeatNeeded(NINE, 7, 7, "reminder", about="l")),
    (
        facts.Undeliverable(**FACT, obligation="w1", rank=1, unit="team", reason="x"),
        inputs.Undelivered(NINE, 7, "w1", 1),
    ),
    (reception.Accepted(unit="team", by="u"), None),
    (facts.Told(**FACT, obligation="w1", rank=1, staff="u", unit="t", post="p", role="head", channel="email"), None),
]


@pytest.mark.parametrize(("event", "given"), CASES)
def test_events_of_escalation(event, given):
    incoming = read(escalation.TOPIC, event, after=4)
    assert isinstance(incoming, Incoming)
    assert (incoming.given, incoming.logged, incoming.after, incoming.sequence) == (given, False, 4, 7)


@pytest.mark.parametrize(("event", "given"), OF_INTAKE)
def test_events_of_intake(event, given):
    incoming = read(intake.TOPIC, event)
    assert isinstance(incoming, Incoming)
    assert (incoming.given, incoming.logged, incoming.after) == (given, True, 7)


def test_what_cannot_be_read_is_bad_and_names_no_value():
    bad = reader().read(Record(intake.TOPIC, 0, 0, b"k", b'{"secret": 1}'))
    assert isinstance(bad, Bad) and "secret" not in bad.reason


@pytest.mark.parametrize(("clock", "minute"), [("00:00", 0), ("08:30", 510), ("24:00", 1440)])
def test_times_of_day(clock, minute):
    assert minutes(clock) == minute


@pytest.mark.parametrize("clock", ["", "8", "25:00", "24:01", "12:60", "-1:00", "ab:cd"])
def test_what_is_no_time_of_day(clock):
    with pytest.raises(ValueError):
        minutes(clock)


def published(unit: str, version: int = 1, *posts: Post, **more: object) -> UnitPublished:
    fields = {"kind": "team", "level": "street", **more}
    return UnitPublished(
        unit=unit,
        version=version,
        name=f"{unit}中",
        name_en=unit,
        valid_from=date(2026, 1, 1),
        posts=posts,
        changed_at=NINE,
        **fields,
    )


def record(unit: UnitPublished) -> bytes:
    return encode(envelope(unit, id="x", service="routing", subject=unit.unit, time=NINE, sequence=unit.version))


class Kept:
    def __init__(self) -> None:
        self.units: list[tuple[str, int, bytes]] = []

    async def keep(self, units) -> None:
        self.units += units


async def test_the_follower_keeps_the_newest_and_survives_what_it_cannot_read():
    kept = Kept()
    follower = DirectoryFollower(None, "x", kept, structlog.get_logger("test"))
    shift = Shift(staff="u", weekdays=(1,), start="20:00", end="08:00")
    bad = Shift(staff="u", weekdays=(1,), start="soon", end="08:00")
    await follower._take(
        [
            record(published("a", 2, Post(post="on_duty", staff=("u",), shifts=(shift,)))),
            record(published("a", 1)),
            record(published("a", 3, Post(post="on_duty", shifts=(bad,)))),
            b"not json",
            None,
        ]
    )
    unit = follower.directory.units["a"]
    assert unit.version == 2 and unit.posts[0].shifts[0].start_min == 1200
    assert [(name, version) for name, version, _ in kept.units] == [("a", 2)]
    assert msgspec.json.decode(kept.units[0][2], type=UnitPublished).version == 2


def test_a_place_is_called_by_its_own_name_before_that_of_the_unit_that_serves_it():
    units = [
        published("centre-c1", kind="centre", level="community", code="c1"),
        published("c1", kind="community", level="community", code="c1"),
        published("centre-c2", kind="centre", level="community", code="c2"),
        published("dept", kind="department", level="district", code="d"),
    ]
    for order in (units, units[::-1]):
        names = names_of({unit.unit: unit for unit in order})
        assert names.place("c1") == ("c1中", "c1") and names.place("c2") == ("centre-c2中", "centre-c2")
        assert names.place("d") is None and names.unit("gone") == ("gone", "gone")
