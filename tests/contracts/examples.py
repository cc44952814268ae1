"""One example of every type that travels on a topic of ours: the source from which the golden files were written once.

A golden file never changes: what was published stays on topics for ever and is read by every later release. A new
type gets an example here; a new field gets a further example of its type, behind those that there are; then
`python -m tests.contracts.write` writes the missing files. Nobody and nothing in here is real.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from services.escalation import events as escalation
from services.escalation.events import limits, whistles
from services.intake import events as intake
from services.intake.events import facts, inbound, mediation, outbound, reception, whistle
from services.kernel.envelope import Contract, Event, derived_id, encode, envelope
from services.kernel.holding import Held, Released
from services.kernel.marks import Mark
from services.notify import events as notify
from services.notify.events import deliveries
from services.routing import events as routing
from services.routing.events import assignments, directory

GOLDEN = Path(__file__).parent / "golden"
CASE = "0f" * 16
SYSTEM = "demo311"
NINE = datetime(2026, 1, 5, 1, 0, 0, 123456, tzinfo=UTC)  # a Monday, nine o'clock in Tianjin
CAUSE = "2b1c7a52-7a0e-5c3b-9a55-3d3f0a6f9e11"
_ON_RANK = {"obligation": "w1", "rank": 1}


def after(minutes: float) -> datetime:
    return NINE + timedelta(minutes=minutes)


@dataclass(frozen=True, slots=True)
class Published:
    """A topic with its contract and an example of each of its types, in the order of the contract."""

    topic: str
    service: str
    contract: Contract
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class Golden:
    """What a golden file holds: the record's value. `key` is the record's."""

    topic: str
    name: str
    key: str
    event: Event | None
    value: bytes

    @property
    def path(self) -> Path:
        return GOLDEN / self.topic / f"{self.name}.json"


HOLDS: tuple[Event, ...] = (
    Held(topic="case.intake", partition=7, offset=4711, reason="case.registered.v1: number"),
    Released(topic="case.intake", redriven=3),
)

RECEPTION: tuple[Event, ...] = (
    reception.Registered(
        number="西于庄 调〔2026〕0007 号", family="incident", kind="05-01", channel="grid", community="120106008003",
        street="120106008", approximate=True, lon=117.1685, lat=39.161, scale="02", grade="03", system=SYSTEM,
        receiver="u-0023", receiver_unit="grid-120106008", photos=2, parties=1, occurred_at=after(-4),
        confidential=True,
    ),
    reception.Dispatched(unit="dept-urban", by="u-0016", reason="在其职责内"),
    reception.Accepted(unit="dept-urban", by="u-0041"),
    reception.Declined(unit="dept-urban", by="u-0041", reason="not_ours"),
    reception.Attended(unit="dept-urban", by="u-0041", occurred_at=after(25), **_ON_RANK),
    reception.Disposed(unit="dept-urban", by="u-0041", photos=3, occurred_at=after(28)),
    reception.Verified(by="u-0023", passed=True),
    reception.Closed(by="u-0016", outcome="disposed"),
    reception.Reopened(by="u-0016", reason="again_there"),
    reception.Urged(by="u-0016", unit="dept-urban"),
    reception.PhotoAdded(photo="9c" * 16, by="u-0023"),
    reception.PartyErased(party="p-2f6e"),
    reception.RevisionOrdered(by="u-0009", policy_version=4, calendar_version=2),
)  # fmt: skip

MEDIATION: tuple[Event, ...] = (
    mediation.SessionHeld(
        mode="back_to_back", by="u-0019", panel=("u-0019", "u-0020", "u-0021"), present=2, result="agreed_in_part"
    ),
    mediation.AgreementReached(by="u-0019", form="oral", instalments=2),
    mediation.Performed(by="u-0019", complete=False),
)

WHISTLE: tuple[Event, ...] = (
    whistle.WhistleRequested(
        obligation="w1", unit="dept-urban", by="u-0016", by_unit="centre-120106008", kind="joint_enforcement",
        reason="nobody_came",
    ),
    whistle.WhistleConfirmed(by="u-0016", **_ON_RANK),
    whistle.WhistleAcknowledged(by="u-0040", answer="sending", **_ON_RANK),
    whistle.WhistleAnswered(obligation="w1", by="u-0040", elements=("accepted_at", "contacted", "measures", "limit")),
    whistle.WhistleSettled(obligation="w1", by="u-0016"),
    whistle.WhistleWithdrawn(obligation="w1", by="u-0016", reason="by_mistake"),
)  # fmt: skip

FACTS: tuple[Event, ...] = (
    facts.Assigned(
        fact_at=NINE, unit="dept-urban", centre="centre-120106008", level="street", assisting=("dept-housing",), hops=1,
        reason="incident/05-",
    ),
    facts.Assigned(
        fact_at=NINE, unit="dept-urban", centre="centre-120106008", level="street", informed=("centre-120106",)
    ),
    facts.PanelFormed(fact_at=NINE, mediator="u-0019", judicial_head="u-0020", lawyer="u-0021"),
    facts.PanelUnfilled(fact_at=NINE, reason="no_mediator", seat="centre-120106"),
    facts.Unroutable(
        fact_at=NINE, reason="all_declined", seat="centre-120106", candidates=("dept-urban", "dept-housing")
    ),
    facts.HandedOver(
        fact_at=NINE, direction="up", from_unit="centre-120106008", unit="centre-120106", reason="beyond_powers"
    ),
    facts.Superseded(fact_at=NINE, proposal=CAUSE, because="lead"),
    facts.LimitSet(
        fact_at=NINE, limit="w1@1:attend", step="attend", start=NINE, due_at=after(30), near_at=after(24),
        policy_version=3, calendar_version=1, **_ON_RANK,
    ),
    facts.LimitMet(fact_at=NINE, limit="accept#1", step="accept", reported_late=True),
    facts.LimitMissed(fact_at=NINE, limit="w1@1:attend", step="attend", due_at=after(30), **_ON_RANK),
    facts.LimitStopped(fact_at=NINE, limit="accept#1", step="accept", because="closed"),
    facts.LimitRevised(
        fact_at=NINE, limit="dispose#1", step="dispose", old_due_at=after(30), due_at=after(60), policy_version=4,
        near_at=after(48),
    ),
    facts.LimitUnconfirmed(fact_at=NINE, limit="accept#1", step="accept", due_at=after(15)),
    facts.WhistleProposed(fact_at=NINE, unit="leadership", post="district_head", obligation="w1", rank=2),
    facts.ProposalWithdrawn(fact_at=NINE, obligation="w1", rank=2),
    facts.WhistleBlown(fact_at=NINE, unit="dept-urban", post="head", **_ON_RANK),
    facts.WhistleRefused(fact_at=NINE, obligation="w2", reason="already_running"),
    facts.LadderExhausted(fact_at=NINE, obligation="w1"),
    facts.ReminderDue(fact_at=NINE, limit="w1@3:attend", step="attend"),
    facts.Told(
        fact_at=NINE, staff="u-0040", unit="dept-urban", post="head", role="head", channel="email",
        purpose="assignment", **_ON_RANK,
    ),
    facts.Undeliverable(fact_at=NINE, unit="dept-urban", reason="channels_failed", purpose="assignment", **_ON_RANK),
    facts.StoodDown(fact_at=NINE, obligation="w1", staff="u-0040"),
    facts.Held(fact_at=NINE, service="escalation", topic="case.intake", reason="gap"),
    facts.Released(fact_at=NINE, service="escalation", topic="case.intake"),
)  # fmt: skip

_BASIS = assignments.Basis(
    rule="incident/05-",
    place="120106008003",
    directory_version=12,
    candidates=(
        assignments.Candidate(id="dept-urban", load=3),
        assignments.Candidate(id="dept-housing", load=1, left_out="declined"),
    ),
)
ROUTING: tuple[Event, ...] = (
    assignments.Assigned(
        unit="dept-urban", centre="centre-120106008", level="street", assisting=("dept-housing",),
        informed=("centre-120106",), hops=2, basis=_BASIS,
    ),
    assignments.PanelProposed(mediator="u-0019", judicial_head="u-0020", lawyer="u-0021", basis=_BASIS),
    assignments.PanelUnfilled(reason="no_mediator", seat="centre-120106", basis=_BASIS),
    assignments.Unroutable(reason="all_declined", seat="centre-120106", basis=_BASIS),
    assignments.HandedOver(
        direction="up", from_unit="centre-120106008", unit="centre-120106", reason="beyond_powers", basis=_BASIS
    ),
)  # fmt: skip

_LADDER = whistles.Ladder(
    policy="hongqiao",
    policy_version=3,
    rungs=(
        whistles.Rung(
            unit="lead", post="head", mode="propose", within="30 minutes", settle="2 hours", acknowledge="10 minutes"
        ),
        whistles.Rung(unit="leadership", post="district_head", mode="blow", within="1 working_days"),
    ),
    patience="2 minutes",
    remind="1 days",
    calendar="cn",
    near_share=0.8,
)
LIMITS: tuple[Event, ...] = (
    limits.LimitSet(
        limit="w1@1:attend", step="attend", start=NINE, due_at=after(30), near_at=after(24), within="30 minutes",
        policy="hongqiao", policy_version=3, calendar_version=1, starts="case.told", met_by=("case.attended",),
        whistle="propose", **_ON_RANK,
    ),
    limits.LimitMet(
        limit="w1@1:attend", step="attend", due_at=after(30), met_at=after(25), policy_version=3, reported_late=True,
        **_ON_RANK,
    ),
    limits.LimitMissed(limit="w1@1:attend", step="attend", due_at=after(30), policy_version=3, **_ON_RANK),
    limits.LimitStopped(limit="accept#1", step="accept", because="closed"),
    limits.LimitRevised(
        limit="dispose#1", step="dispose", old_due_at=after(30), due_at=after(60), near_at=after(48),
        within="1 working_days", policy_version=4, calendar_version=2, policy="hongqiao",
    ),
    limits.LimitUnconfirmed(limit="accept#1", step="accept", due_at=after(15), seat="centre-120106008"),
    limits.ReminderDue(limit="w1@3:attend", step="attend", obligation="w1", remind_at=after(1440)),
)  # fmt: skip
LADDERS: tuple[Event, ...] = (
    whistles.WhistleProposed(
        unit="leadership", post="district_head", because="w1@1:attend", policy_version=3, ladder=_LADDER,
        obligation="w1", rank=2,
    ),
    whistles.ProposalWithdrawn(obligation="w1", rank=2, because="reported_late"),
    whistles.WhistleBlown(
        unit="dept-urban", post="head", lead_unit="dept-urban", because="requested", respond_within_s=1800,
        blown_at=NINE, policy_version=3, ladder=_LADDER, **_ON_RANK,
    ),
    whistles.WhistleRefused(obligation="w2", reason="already_running"),
    whistles.LadderExhausted(
        obligation="w1", rank=3, policy_version=3, because="w1@3:attend", remind_at=after(1440)
    ),
)  # fmt: skip

_STEP = deliveries.Step(role="head", unit="dept-urban", post="head", staff="u-0040")
_EMPTY_STEP = deliveries.Step(role="duty_seat", unit="centre-120106", post="duty_seat")
_ROSTER = deliveries.RosterUnit(
    unit="dept-urban",
    version=5,
    parent="centre-120106",
    posts=(
        deliveries.RosterPost(
            post="head",
            staff=("u-0040",),
            shifts=(deliveries.RosterShift(staff="u-0040", weekdays=(1, 2, 3, 4, 5), start_min=480, end_min=1200),),
        ),
    ),
)
_OF_CALL = {"purpose": "whistle", **_ON_RANK}
NOTIFY: tuple[Event, ...] = (
    deliveries.Called(
        unit="dept-urban", post="head", chain=(_STEP, _EMPTY_STEP),
        directory_version=12, about="w1@1:attend", asked_after=9, respond_within_s=1800, roster=(_ROSTER,), **_OF_CALL,
    ),
    deliveries.Told(
        staff="u-0040", unit="dept-urban", post="head", role="head", channel="email", attempts=2, **_OF_CALL
    ),
    deliveries.StepFailed(staff="u-0040", role="head", reason="unanswered", **_OF_CALL),
    deliveries.Undeliverable(unit="dept-urban", reason="channels_failed", **_OF_CALL),
    deliveries.CalledOff(because="obligation_ended", **_OF_CALL),
    deliveries.StoodDown(staff="u-0040", channel="email", **_ON_RANK),
)  # fmt: skip

DIRECTORY: tuple[Event, ...] = (
    directory.UnitPublished(
        unit="centre-120106008", version=2, name="西于庄街道矛调中心（示例）",
        name_en="Xiyuzhuang Street Centre (example)",
        kind="centre", level="street", parent="centre-120106", code="120106008", street="120106008",
        valid_from=date(2016, 7, 31), valid_to=date(2036, 12, 31), successor="centre-120106", lon=117.1685, lat=39.161,
        posts=(
            directory.Post(
                post="duty_seat",
                staff=("u-0016",),
                shifts=(directory.Shift(staff="u-0016", weekdays=(1, 2, 3), start="20:00", end="08:00"),),
            ),
        ),
        mediators=(
            directory.Mediator(
                staff="u-0019", role="mediator", fields=("02", "04"), cap=12, level="gold", status="leave"
            ),
        ),
        changed_at=NINE,
    ),
)  # fmt: skip

INBOUND: tuple[Event, ...] = (
    inbound.CaseReported(
        reference="NYC-0001", family="incident", kind="05-01", occurred_at=after(-4), lon=117.1685, lat=39.161,
        community="120106008003", address="示例路 1 号", text="路口有人摆摊",
        contact=inbound.Contact(name="示例", telephone="022-00000000"),
    ),
    inbound.CaseDisposed(reference="NYC-0001", occurred_at=after(18)),
)  # fmt: skip
OUTBOUND: tuple[Event, ...] = (
    outbound.ReceiptAccepted(event_id="nyc-0001", case=CASE, number="西于庄 格〔2026〕0001 号"),
    outbound.ReceiptRefused(event_id="nyc-0002", reason="unknown_kind", detail="kind is a code of the family."),
    outbound.StatusChanged(case=CASE, status="assigned"),
)
MARK = Mark(relay="intake-1", upto=NINE, offsets={0: 12, 7: 4712, 23: 0})

PUBLISHED: tuple[Published, ...] = (
    Published(intake.TOPIC, "intake", intake.CONTRACT, (*RECEPTION, *MEDIATION, *WHISTLE, *FACTS, *HOLDS)),
    Published(routing.TOPIC, "routing", routing.CONTRACT, (*ROUTING, *HOLDS)),
    Published(escalation.TOPIC, "escalation", escalation.CONTRACT, (*LIMITS, *LADDERS, *HOLDS)),
    Published(notify.TOPIC, "notify", notify.CONTRACT, (*NOTIFY, *HOLDS)),
    Published(routing.DIRECTORY_TOPIC, "routing", routing.DIRECTORY, DIRECTORY),
    Published(f"inbound.{SYSTEM}", SYSTEM, intake.INBOUND, INBOUND),
    Published(f"outbound.{SYSTEM}", "intake", intake.OUTBOUND, OUTBOUND),
)
FOLDERS: Mapping[str, str] = {f"inbound.{SYSTEM}": "inbound.system", f"outbound.{SYSTEM}": "outbound.system"}


def goldens() -> Iterator[Golden]:
    """What the golden files hold, made from the examples."""
    for published in PUBLISHED:
        folder, seen = FOLDERS.get(published.topic, published.topic), dict[str, int]()
        for event in published.events:
            nth = seen[event.TYPE] = seen.get(event.TYPE, 0) + 1
            name = event.TYPE if nth == 1 else f"{event.TYPE}.{nth}"
            key, value = _value(published, event, nth)
            yield Golden(folder, name, key, event, value)
    yield Golden("progress", "mark", "", None, msgspec.json.encode(MARK))


def _value(published: Published, event: Event, nth: int) -> tuple[str, bytes]:
    """Key and value of the record. nth: among the examples of its type; the others' bytes do not depend on it."""
    if published.contract is intake.INBOUND:
        return "", _sent(event)
    subject = event.unit if isinstance(event, directory.UnitPublished) else CASE
    service = published.service
    message = envelope(
        event,
        id=derived_id(CAUSE, event.TYPE, nth),
        service=service,
        subject=subject,
        time=NINE,
        sequence=10,
        causationid=CAUSE,
        afterseq=None if service == "intake" or subject != CASE else 9,
        rules=1,
    )
    return subject, encode(message)


def _sent(event: Event) -> bytes:
    """As an outside system writes it: CloudEvents without our extensions."""
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "type": event.TYPE,
            "source": f"/{SYSTEM}",
            "id": "nyc-0001",
            "time": NINE,
            "datacontenttype": "application/json",
            "data": event,
        }
    )
