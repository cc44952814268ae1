"""Services that only pretend, so that pages can be shown and tested without any of the others."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import msgspec
from argon2 import PasswordHasher
from fastapi import FastAPI
from msgspec.structs import replace

from services.host.http import Health
from services.host.tokens import Identity
from services.intake.events import facts, reception
from services.kernel.clock import Clock
from services.kernel.envelope import Event
from services.portal.core.forms import Registration
from services.portal.core.model import (
    Allowed,
    Case,
    CaseEvent,
    Cases,
    Change,
    Done,
    Events,
    Limit,
    LinkedWhistle,
    NotYet,
    Parties,
    Party,
    Problem,
    Queue,
    Registered,
    Totals,
    Unit,
    Units,
)
from services.portal.core.overview import Alarm, Alarms, Lag, Screen
from services.portal.core.queue import LISTED
from services.portal.core.signin import Account, Place
from services.portal.doors.api import Fields, Message, Photo, Search, ServiceError, Services
from services.portal.doors.assets import Assets
from services.portal.doors.forward import Forward
from services.portal.doors.http import build
from services.portal.doors.naming import Names, read_catalogue, read_outline
from services.portal.doors.state import Look, Passwords, Portal
from services.portal.store.memory import MemoryAccounts

ROOT = Path(__file__).parent.parent.parent
ZONE = ZoneInfo("Asia/Shanghai")
UNITS = tuple(
    Unit(unit=unit, name=name, kind=kind, level="district")
    for unit, name, kind in (
        ("centre-120106", "区矛调中心", "centre"),
        ("centre-120106004", "丁字沽街道矛调中心", "centre"),
        ("dept-water", "区排水所", "department"),
        ("dept-sanitation", "区环卫所", "department"),
        ("dept-urban-management", "区城管支队", "department"),
        ("enforce-120106001", "西于庄街道综合执法队", "team"),
        ("enforce-120106003", "咸阳北路街道综合执法队", "team"),
        ("leaders-120106", "红桥区领导", "leadership"),
    )
)
ALL = ("accept", "attend", "dispose", "verify", "urge", "dispatch", "whistle", "close")


def event(sequence: int, at: datetime, what: Event, fact_at: datetime | None = None) -> CaseEvent:
    """An event of a case's log as intake gives it out."""
    data = msgspec.Raw(msgspec.json.encode(what))
    return CaseEvent(sequence=sequence, type=what.TYPE, time=at, fact_at=fact_at, data=data)


def limit(step: str, start: datetime, minutes: float, status: str = "running") -> Limit:
    """A limit of so many minutes; near begins at four fifths."""
    length = timedelta(minutes=minutes)
    return Limit(
        limit=f"{step}#1", step=step, start=start, due_at=start + length, near_at=start + length * 0.8, status=status,
        policy_version=1,
    )  # fmt: skip


class FakeIntake:
    """Cases in dictionaries. A press is kept, moves the case a little, and wakes the streams."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.made: dict[str, Case] = {}
        self.logs: dict[str, list[CaseEvent]] = {}
        self.people: dict[str, tuple[Party, ...]] = {}
        self.links: dict[str, LinkedWhistle] = {}
        self.needs: list[str] = []
        self.acts: list[tuple[str, str, Mapping[str, object], str]] = []
        self.answers: list[tuple[str, str, Mapping[str, object]]] = []
        self.stale: tuple[Change, ...] = ()
        self.news = asyncio.Condition()
        self.version = 0
        self.keys: dict[str, Registered] = {}
        self.photos: list[tuple[str, Photo]] = []

    def put(self, case: Case, *events: CaseEvent, needs: bool = False) -> None:
        self.made[case.case] = case
        self.logs[case.case] = list(events)
        if needs:
            self.needs.append(case.case)

    async def wake(self) -> None:
        async with self.news:
            self.version += 1
            self.news.notify_all()

    async def register(self, who: Identity, registration: Registration, key: str) -> Registered:
        if key in self.keys:
            return self.keys[key]
        case, now = secrets.token_hex(16), self.clock.now()
        number = f"红桥矛〔2026〕{len(self.made) + 1:04d}号"
        lasting = limit("dispose" if registration.family == "incident" else "accept", now, 30)
        street = registration.community[:9] if registration.community else "120106001"
        place = registration.community or "unknown"
        self.made[case] = Case(
            case=case, number=number, family=registration.family, kind=registration.kind, channel=registration.channel,
            community=place, street=street, state="registered", receiver=who.staff, registered_at=now, sequence=1,
            limits=(lasting,), text=registration.text, allowed=tuple(Allowed(command=one) for one in ALL),
            not_yet=(NotYet(command="close", because="not_verified"),),
        )  # fmt: skip
        self.logs[case] = [
            event(1, now, reception.Registered(number=number, family="dispute", kind=registration.kind,
                  channel=registration.channel, community=place, street=street, receiver=who.staff)),
            event(2, now, facts.LimitSet(fact_at=now, limit=lasting.limit, step=lasting.step, start=lasting.start,
                  due_at=lasting.due_at, near_at=lasting.near_at, policy_version=1, calendar_version=1)),
        ]  # fmt: skip
        self.people[case] = tuple(
            Party(party=f"p{at}", role=one.role, name=one.name, kind=one.kind, telephone=one.telephone,
                  id_number=one.id_number)
            for at, one in enumerate(registration.parties)
        )  # fmt: skip
        answer = Registered(case=case, number=number, code="7KQM4TXW2H", sequence=1, community=place, street=street)
        self.keys[key] = answer
        await self.wake()
        return answer

    async def add_photo(self, who: Identity, case: str, photo: Photo, key: str) -> None:
        self.photos.append((case, photo))

    async def photo(self, who: Identity, case: str, photo: str) -> Photo:
        return Photo(photo, "image/jpeg", b"")

    async def act(self, who: Identity, case: str, command: str, fields: Fields, key: str) -> Done:
        if self.stale:
            raise ServiceError("intake", Problem(title="情况已变", status=409, changed=self.stale))
        found = self._find(case)
        self.acts.append((case, command, fields, key))
        now, number = self.clock.now(), found.sequence + 1
        moved: dict[str, tuple[str, Event]] = {
            "accept": ("accepted", reception.Accepted(unit=who.unit, by=who.staff)),
            "attend": (found.state, reception.Attended(unit=who.unit, by=who.staff)),
            "dispose": ("disposed", reception.Disposed(unit=who.unit, by=who.staff)),
            "urge": (found.state, reception.Urged(unit=found.lead or who.unit, by=who.staff)),
        }
        state, what = moved.get(command, (found.state, reception.Urged(unit=found.lead or who.unit, by=who.staff)))
        self.made[case] = replace(found, state=state, sequence=number)
        self.logs[case].append(event(number, now, what))
        await self.wake()
        return Done(sequence=number)

    async def cases(self, who: Identity, search: Search) -> Cases:
        found = [
            case for case in self.made.values()
            if search.q in case.number + (case.text or "") and search.state in ("", case.state)
            and search.street in ("", case.street)
        ]  # fmt: skip
        return Cases(cases=tuple(found[: search.limit]))

    async def case(self, who: Identity, case: str) -> Case:
        return self._find(case)

    def _find(self, case: str) -> Case:
        if case not in self.made:
            raise ServiceError("intake", Problem(title="没有这件案件 No such case", status=404))
        return self.made[case]

    async def events(self, who: Identity, case: str) -> Events:
        return Events(events=tuple(self.logs[self._find(case).case]))

    async def parties(self, who: Identity, case: str) -> Parties:
        return Parties(parties=self.people.get(case, ()))

    async def reveal(self, who: Identity, case: str, party: str, purpose: str) -> Party:
        return next(one for one in self.people[case] if one.party == party)

    async def queue(self, who: Identity, unit: str) -> Queue:
        needs = [self.made[case] for case in self.needs]
        clock = [case for case in self.made.values() if case.case not in self.needs and case.state != "closed"]
        totals = Totals(waiting=len(needs), late=0, running=len(clock))
        clock.sort(key=lambda case: case.limits[0].due_at if case.limits else self.clock.now())
        return Queue(needs_you=tuple(needs[:LISTED]), on_the_clock=tuple(clock[:LISTED]), totals=totals)

    async def link(self, token: str) -> LinkedWhistle:
        if token not in self.links:
            raise ServiceError("intake", Problem(title="链接过期", status=410))
        return self.links[token]

    async def answer_link(self, token: str, step: str, fields: Fields, key: str) -> None:
        self.answers.append((token, step, fields))
        now = self.clock.now()
        done: dict[str, dict[str, object]] = {
            "": {"acknowledged_at": now, "answer": fields.get("answer"), "yours": True},
            "attend": {"attended_at": now},
            "answer": {"elements": tuple(fields)},
            "settle": {"status": "settled"},
        }
        self.links[token] = replace(self.links[token], **done[step])

    @asynccontextmanager
    async def stream(self, who: Identity, case: str, last: str) -> AsyncIterator[AsyncIterator[Message]]:
        yield self._news()

    async def _news(self) -> AsyncIterator[Message]:
        seen = self.version
        while True:
            async with self.news:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.news.wait_for(lambda: self.version != seen), 1.0)  # noqa: B023
            yield Message("beat", "") if self.version == seen else Message("changed", "{}", str(self.version))
            seen = self.version


class FakeOversight:
    """Says what it is told to say."""

    def __init__(self, intake: FakeIntake, screen: Screen, lag: Lag) -> None:
        self.said_screen, self.said_lag, self.said_alarms = screen, lag, Alarms()
        self._intake = intake

    def silence(self) -> None:
        """The timer says nothing any more."""
        self.said_alarms = Alarms(timer_silent=True, alarms=(Alarm(kind="timer_silent", text="计时没有声音"),))

    async def screen(self, who: Identity) -> Screen:
        return self.said_screen

    async def lag(self, who: Identity) -> Lag:
        return self.said_lag

    async def alarms(self, who: Identity) -> Alarms:
        return self.said_alarms

    @asynccontextmanager
    async def stream(self, who: Identity) -> AsyncIterator[AsyncIterator[Message]]:
        yield self._intake._news()


class FakeRouting:
    async def units(self, who: Identity) -> Units:
        return Units(units=UNITS)


QUICK = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
ACCOUNTS = (
    ("window", "u-0008", "乔岚", (Place("centre-120106", "clerk", "clerk"),)),
    ("duty", "u-0005", "方晴", (Place("centre-120106", "duty_seat", "seat"),)),
    ("ops", "u-0014", "石川", (Place("centre-120106", "ops", "ops"),)),
    ("grid", "u-0041", "林小满", (Place("grid-120106001", "grid_worker", "grid"),)),
    ("leader", "u-0003", "周予安", (Place("leaders-120106", "leader_in_charge", "leader"),)),
    (
        "two",
        "u-0019",
        "季青",
        (Place("centre-120106", "mediator", "mediator"), Place("centre-120106", "head", "centre")),
    ),
)
PASSWORD = "open-sesame"


async def accounts() -> MemoryAccounts:
    """Accounts of every sort, all with the same password."""
    made, hashed = MemoryAccounts(), QUICK.hash(PASSWORD)
    await made.put([Account(login, staff, name, hashed, places) for login, staff, name, places in ACCOUNTS])
    return made


def portal(
    clock: Clock, intake: FakeIntake, oversight: FakeOversight, known: MemoryAccounts, demo: bool = True
) -> Portal:
    """A portal over services that only pretend."""
    services = Services(intake=intake, oversight=oversight, routing=FakeRouting())
    data = ROOT / "deploy" / "data"
    look = Look("红桥区", demo, ZONE, "022-00000000", False, timedelta(hours=1), timedelta(minutes=5))
    return Portal(
        services=services,
        accounts=known,
        passwords=QUICK,
        names=Names(read_catalogue(data, "hongqiao"), services.routing, known, clock),
        assets=Assets(ROOT / "node_modules"),
        outline=read_outline(data / "hongqiao" / "outline.geojson"),
        look=look,
        clock=clock,
        token_key=b"k" * 32,
    )


def app(made: Portal, bases: Mapping[str, str] | None = None) -> FastAPI:
    """The application over it; `bases` are where /v1/ goes."""
    return build(made, Forward(httpx.AsyncClient(), bases or {}), Health())
