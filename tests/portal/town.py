"""A morning in the district, invented: cases in every state that a page can show."""

from datetime import datetime, timedelta

from services.intake.events import facts, reception, whistle
from services.portal.core.model import (
    Allowed,
    Awaiting,
    Case,
    Held,
    LinkedWhistle,
    NotYet,
    Panel,
    Party,
    Rank,
    Whistle,
)
from services.portal.core.overview import (
    Figure,
    GroupLag,
    Lag,
    Mark,
    Parked,
    PartitionLag,
    Screen,
    ScreenDue,
    ScreenWhistle,
    StreetCount,
)
from tests.portal.fakes import FakeIntake, event, limit

SEAT = (
    *(Allowed(command=one) for one in ("attend", "dispose", "urge", "dispatch", "whistle")),
    Allowed(command="close", choices=("not_settled", "withdrawn")),
)


def ago(now: datetime, minutes: float) -> datetime:
    return now - timedelta(minutes=minutes)


def fill(intake: FakeIntake, now: datetime) -> None:
    """Put the morning's cases in."""
    _needs(intake, now)
    _clock(intake, now)
    intake.links["good"] = LinkedWhistle(
        case=CASE_WHISTLE,
        number="红桥矛〔2026〕0287号",
        kind="04-04",
        obligation="w1",
        unit="dept-water",
        unit_name="区排水所",
        by_unit="centre-120106004",
        by_unit_name="丁字沽街道矛调中心",
        whistle_kind="outcry",
        street_name="丁字沽街道",
        community_name="风貌里社区居委会",
        blown_at=ago(now, 8),
        due_at=now + timedelta(minutes=22),
        status="blown",
    )


CASE_WHISTLE = "b" * 32
CASE_VENDOR = "a" * 32


def _needs(intake: FakeIntake, now: datetime) -> None:
    rank1 = Rank(
        rank=1,
        post="head",
        unit="dept-urban-management",
        blown_at=ago(now, 34),
        told_at=ago(now, 32),
        told_staff="u-0041",
        missed_at=ago(now, 2),
    )
    rank2 = Rank(rank=2, post="leader_in_charge", unit="leaders-120106", proposed_at=ago(now, 1.7))
    intake.put(
        Case(
            case="c" * 32,
            number="红桥矛〔2026〕0312号",
            kind="01-16",
            channel="telephone",
            street="120106003",
            community="120106003001",
            state="accepted",
            lead="dept-urban-management",
            registered_at=ago(now, 60),
            sequence=9,
            reason="whistle_proposed",
            allowed=(Allowed(command="confirm"), *SEAT),
            limits=(limit("dispose", ago(now, 60), 240),),
            whistles=(Whistle(obligation="w1", unit="dept-urban-management", status="proposed", ranks=(rank1, rank2)),),
        ),
        event(
            1,
            ago(now, 60),
            reception.Registered(
                number="0312",
                family="incident",
                kind="01-16",
                channel="telephone",
                community="120106003001",
                street="120106003",
                receiver="u-0008",
            ),
        ),
        needs=True,
    )
    for code, kind, street, state, reason, lead in (
        ("d", "05-03", "120106006", "assigned", "undeliverable", "enforce-120106001"),
        ("e", "01-11", "120106005", "unroutable", "unroutable", None),
        ("f", "01-15", "120106008", "assigned", "held", "enforce-120106001"),
    ):
        held = (Held(service="escalation", topic="case.intake", reason="type", since=ago(now, 22)),)
        intake.put(
            Case(
                case=code * 32,
                number=f"红桥矛〔2026〕031{ord(code) % 10}号",
                kind=kind,
                channel="grid",
                street=street,
                state=state,
                lead=lead,
                registered_at=ago(now, 25),
                sequence=3,
                reason=reason,
                allowed=SEAT,
                held=held if reason == "held" else (),
                limits=(limit("dispose", ago(now, 25), 90),),
            ),
            event(
                1,
                ago(now, 25),
                reception.Registered(
                    number="n",
                    family="incident",
                    kind=kind,
                    channel="grid",
                    community="unknown",
                    street=street,
                    receiver="u-0041",
                ),
            ),
            needs=True,
        )


def _clock(intake: FakeIntake, now: datetime) -> None:
    rows = (
        ("1", "01-02", "120106005", "accepted", "dept-sanitation", limit("dispose", ago(now, 41), 30, "missed")),
        ("2", "05-06", "120106010", "accepted", "enforce-120106003", limit("dispose", ago(now, 33), 30, "missed")),
        ("4", "04-02", "120106009", "accepted", "dept-water", limit("dispose", ago(now, 51), 60)),
        ("5", "04-01", "120106003", "assigned", "dept-water", limit("dispose", ago(now, 4), 30)),
        ("6", "0201", "120106012", "mediating", "centre-120106", limit("mediate", ago(now, 60 * 24 * 8), 60 * 24 * 15)),
        ("7", "0402", "120106012", "accepted", "centre-120106", limit("convene", ago(now, 60 * 20), 60 * 30)),
    )
    for code, kind, street, state, lead, lasting in rows:
        family = "dispute" if len(kind) == 4 else "incident"
        intake.put(
            Case(
                case=code * 32,
                number=f"红桥矛〔2026〕02{code}0号",
                family=family,
                kind=kind,
                channel="grid",
                street=street,
                state=state,
                lead=lead,
                registered_at=lasting.start,
                sequence=4,
                limits=(lasting,),
                allowed=SEAT,
                panel=Panel(mediator="u-0019") if family == "dispute" else None,
            ),
            event(
                1,
                lasting.start,
                reception.Registered(
                    number="n",
                    family="incident",
                    kind=kind,
                    channel="grid",
                    community="unknown",
                    street=street,
                    receiver="u-0041",
                ),
            ),
        )
    _vendor(intake, now)
    _whistle(intake, now)


def _vendor(intake: FakeIntake, now: datetime) -> None:
    running = limit("dispose", ago(now, 26), 30)
    place = {"community": "120106001006", "street": "120106001"}
    intake.put(
        Case(
            case=CASE_VENDOR,
            number="西于庄格〔2026〕4127号",
            kind="05-01",
            channel="grid",
            state="accepted",
            lead="enforce-120106001",
            receiver="u-0041",
            registered_at=running.start,
            sequence=5,
            limits=(running,),
            allowed=SEAT,
            not_yet=(NotYet(command="close", because="not_verified"),),
            text="三轮车卖水果，占半幅路",
            approximate=True,
            **place,
        ),
        event(
            1,
            ago(now, 26),
            reception.Registered(
                number="n",
                family="incident",
                kind="05-01",
                channel="grid",
                receiver="u-0041",
                approximate=True,
                **place,
            ),
        ),
        event(
            2,
            ago(now, 25.9),
            facts.LimitSet(
                fact_at=ago(now, 26),
                limit="dispose#1",
                step="dispose",
                start=running.start,
                due_at=running.due_at,
                near_at=running.near_at,
                policy_version=1,
                calendar_version=1,
            ),
        ),
        event(
            3,
            ago(now, 25.8),
            facts.Assigned(fact_at=ago(now, 25.9), unit="enforce-120106001", centre="centre-120106", level="street"),
        ),
        event(
            4,
            ago(now, 25.5),
            facts.Told(
                fact_at=ago(now, 25.6),
                obligation="a3",
                rank=0,
                staff="u-0041",
                unit="enforce-120106001",
                post="on_duty",
                role="on_duty",
                channel="mail",
            ),
        ),
        event(5, ago(now, 20), reception.Accepted(unit="enforce-120106001", by="u-0041")),
    )
    intake.people[CASE_VENDOR] = (
        Party(party="p1", role="reporter", name="王小明", telephone="13800001234", id_number="11010519491231002X"),
        Party(party="p2", role="respondent", name="和畅物业公司", kind="organisation"),
    )


def _whistle(intake: FakeIntake, now: datetime) -> None:
    whole = limit("mediate", ago(now, 60 * 24 * 6), 60 * 24 * 10)
    first = Rank(
        rank=1,
        post="head",
        unit="dept-water",
        blown_at=ago(now, 51),
        told_at=ago(now, 50),
        told_staff="u-0041",
        missed_at=ago(now, 20),
    )
    second = Rank(
        rank=2,
        post="leader_in_charge",
        unit="leaders-120106",
        proposed_at=ago(now, 20),
        blown_at=ago(now, 18.5),
        told_at=ago(now, 18),
        told_staff="u-0003",
        acknowledged_at=ago(now, 11),
        answer="coming",
    )
    wait = limit("attend", ago(now, 18), 30)
    wait = type(wait)(**{f: getattr(wait, f) for f in wait.__struct_fields__} | {"obligation": "w1", "rank": 2})
    intake.put(
        Case(
            case=CASE_WHISTLE,
            number="丁字沽矛〔2026〕0287号",
            family="dispute",
            kind="0201",
            channel="telephone",
            community="120106004003",
            street="120106004",
            state="mediating",
            lead="dept-water",
            assisting=("enforce-120106001",),
            centre="centre-120106004",
            receiver="u-0003",
            registered_at=ago(now, 60 * 24 * 6),
            sequence=12,
            limits=(whole, wait),
            whistles=(Whistle(obligation="w1", unit="dept-water", status="acknowledged", ranks=(first, second)),),
            awaiting=(Awaiting(what="revision", since=ago(now, 0.2)),),
            allowed=tuple(Allowed(command=one) for one in ("attend", "settle", "withdraw", "session", "urge")),
            not_yet=(
                NotYet(command="close", because="not_performed"),
                NotYet(command="verify", because="not_disposed"),
            ),
            text="下水主管反复外溢，14 户受影响",
        ),
        *_whistle_log(now),
    )
    intake.people[CASE_WHISTLE] = (
        Party(party="p1", role="applicant", name="刘大山", telephone="13812341234"),
        Party(party="p2", role="respondent", name="和畅物业公司", kind="organisation"),
    )


def _whistle_log(now: datetime) -> tuple[object, ...]:
    leaders = {"unit": "leaders-120106", "post": "leader_in_charge"}
    head = {"unit": "dept-water", "post": "head"}
    return (
        event(
            1,
            ago(now, 52),
            whistle.WhistleRequested(
                obligation="w1",
                unit="dept-water",
                by="u-0003",
                by_unit="centre-120106004",
                kind="outcry",
                reason="主管在地下，街道没有疏通车",
            ),
        ),
        event(2, ago(now, 51), facts.WhistleBlown(fact_at=ago(now, 51), obligation="w1", rank=1, **head)),
        event(
            3,
            ago(now, 50),
            facts.Told(
                fact_at=ago(now, 50), obligation="w1", rank=1, staff="u-0041", role="head", channel="mail", **head
            ),
        ),
        event(4, ago(now, 15), reception.Attended(unit="dept-water", by="u-0041", occurred_at=ago(now, 32))),
        event(
            5,
            ago(now, 20),
            facts.LimitMissed(
                fact_at=ago(now, 20), limit="w1@1:attend", step="attend", due_at=ago(now, 20), obligation="w1", rank=1
            ),
        ),
        event(6, ago(now, 20), facts.WhistleProposed(fact_at=ago(now, 20), obligation="w1", rank=2, **leaders)),
        event(7, ago(now, 19), whistle.WhistleConfirmed(obligation="w1", rank=2, by="u-0005")),
        event(
            8,
            ago(now, 18),
            facts.Told(
                fact_at=ago(now, 18), obligation="w1", rank=2, staff="u-0003", role="head", channel="mail", **leaders
            ),
        ),
        event(9, ago(now, 11), whistle.WhistleAcknowledged(obligation="w1", rank=2, by="u-0003", answer="coming")),
    )


def screen(now: datetime) -> Screen:
    """The one screen of that morning."""
    counts = (
        ("120106003", 27, 0, 0, 1),
        ("120106004", 26, 0, 0, 1),
        ("120106001", 31, 1, 0, 0),
        ("120106005", 19, 0, 1, 0),
        ("120106008", 22, 0, 0, 0),
        ("120106006", 14, 0, 0, 0),
        ("120106009", 18, 1, 0, 0),
        ("120106010", 12, 0, 1, 0),
        ("120106012", 17, 0, 0, 0),
    )
    due = (
        ("01-02", "120106005", "dept-sanitation", -11),
        ("05-06", "120106010", "enforce-120106003", -3),
        ("05-01", "120106001", "enforce-120106001", 4),
        ("04-02", "120106009", "dept-water", 9),
        ("04-01", "120106003", "dept-water", 26),
        ("0201", "120106012", "centre-120106", 400),
        ("0402", "120106012", "centre-120106", 900),
    )
    return Screen(
        as_of=now,
        open=187,
        by_street=tuple(StreetCount(street=s, open=o, near=n, overdue=v, whistles=w) for s, o, n, v, w in counts),
        whistles=(
            ScreenWhistle(
                case="c" * 32,
                kind="01-16",
                street="120106003",
                obligation="w1",
                rank=2,
                status="proposed",
                unit="leaders-120106",
                post="leader_in_charge",
            ),
            ScreenWhistle(
                case=CASE_WHISTLE,
                kind="0201",
                street="120106004",
                obligation="w1",
                rank=2,
                status="attended",
                unit="leaders-120106",
                post="leader_in_charge",
            ),
            ScreenWhistle(
                case="9" * 32,
                kind="04-05",
                street="120106012",
                obligation="w2",
                rank=1,
                status="blown",
                unit="dept-water",
                post="head",
                due_at=now + timedelta(minutes=18, seconds=30),
            ),
        ),
        next_due=tuple(
            ScreenDue(
                case="1" * 32,
                kind=kind,
                street=street,
                step="dispose",
                lead=lead,
                due_at=now + timedelta(minutes=minutes, seconds=30),
            )
            for kind, street, lead, minutes in due
        ),
        whistles_total=3,
        due_total=187,
        figures=(
            Figure(name="today", zh="今天受理", en="Today", value=46, before=51),
            Figure(name="open", zh="在办", en="Open", value=187, note_zh="其中无处可派 1"),
            Figure(name="overdue", zh="超时", en="Overdue", value=2, denominator=187, before=5),
            Figure(name="near", zh="临期", en="Near", value=2, denominator=187, note_zh="没有超时、有一项时限将到的"),
            Figure(name="whistles", zh="吹哨在途", en="Out", value=3, note_zh="一哨 1，二哨 2"),
            Figure(
                name="resolved",
                zh="近 30 天化解率",
                en="Resolved",
                value=0.914,
                numerator=1204,
                denominator=1317,
                unit="share",
            ),
        ),
    )


def lag(now: datetime) -> Lag:
    """Four services: one keeps up, one is behind, one has stopped, of one nothing is known."""
    return Lag(
        as_of=now,
        groups=(PartitionLag(group="escalation", topic="case.intake", partition=4, lag=1284),),
        services=(
            GroupLag(group="routing", lag=0, seconds=0, members=1),
            GroupLag(group="escalation", lag=1284, seconds=19, members=2, state="behind", trend=-200),
            GroupLag(group="notify", lag=37, seconds=412, members=0, state="stopped", trend=4),
            GroupLag(group="oversight"),
        ),
        parked=(
            Parked(
                service="escalation",
                subject="f" * 32,
                topic="case.intake",
                reason="due_at: no zone",
                parked_at=ago(now, 22),
            ),
        ),
        marks=(Mark(service="intake-1", upto=now, age_s=0.1),),
    )
