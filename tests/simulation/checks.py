"""What must hold after any run, by means of the topics, the sink and the rows alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime

import msgspec

from deploy.replay.replayer import Replayer, Slice
from services.escalation import events as escalation
from services.escalation.events import limits, whistles
from services.intake import events as intake
from services.intake.events import facts, whistle
from services.kernel.envelope import Contract, Envelope, Event, decode, encode
from services.kernel.marks import Mark
from services.notify import events as notify
from services.notify.core.calls import STOOD_DOWN, UNDELIVERED, WHISTLE
from services.notify.events import deliveries
from services.routing import events as routing
from tests.simulation.world import LOG, SERVICES, STATES, Service, World, folder_of, reader_of, views

CONTRACTS: dict[str, Contract] = {
    "intake": intake.CONTRACT, "routing": routing.CONTRACT, "escalation": escalation.CONTRACT,
    "notify": notify.CONTRACT,
}  # fmt: skip
Said = tuple[Envelope, Event]


def said(world: World, service: str) -> dict[str, list[Said]]:
    """What a service published, by case, each once and in order."""
    found: dict[str, dict[int, Envelope]] = defaultdict(dict)
    for record in world.topics[f"case.{service}"]:
        message = decode(record.value or b"")
        found[message.subject].setdefault(message.sequence, message)
    contract = CONTRACTS[service]
    return {
        case: [(m, event) for _, m in sorted(numbers.items()) if (event := contract.read(m).event) is not None]
        for case, numbers in found.items()
    }


async def check(world: World) -> None:
    """Raises: AssertionError, with what does not hold."""
    for service in SERVICES:
        assert not world.services[service].store.parked, f"{service} parked a good record"
        _numbered(world, service)
    _marks_hold(world)
    _applied_once(world)
    for case in said(world, "intake"):
        _requests_answered(world, case)
        _no_false_miss(world, case)
        _head_before_leader(world, case)
    _sent_once(world)
    await _as_undisturbed(world)
    _rebuilt(world)


def _numbered(world: World, service: str) -> None:
    """1, 2, 3 … per case, and a repeat is the same bytes."""
    seen: dict[str, dict[int, bytes]] = defaultdict(dict)
    for record in world.topics[f"case.{service}"]:
        message, value = decode(record.value or b""), record.value or b""
        numbers = seen[message.subject]
        assert message.sequence <= len(numbers) + 1, f"{service}: a gap before {message.sequence}"
        assert numbers.setdefault(message.sequence, value) == value, f"{service}: {message.sequence} said otherwise"
    kept = Counter(one.key for one in world.services[service].store.said)
    assert {case: len(numbers) for case, numbers in seen.items()} == kept, f"{service}: not all is published"


def _marks_hold(world: World) -> None:
    times = [decode(record.value or b"").time for record in world.topics[LOG]]
    first: dict[str, int] = {}
    for offset, record in enumerate(world.topics[LOG]):
        first.setdefault(decode(record.value or b"").id, offset)
    for mark in world.marks:
        late = [offset for offset in first.values() if offset >= mark.offsets[0] and times[offset] < mark.upto]
        assert not late, f"an event of before the mark {mark.upto} came behind it"


def _applied_once(world: World) -> None:
    """Every fact and proposal of the others is one event of the log, and whose case it is."""
    door = reader_of("intake")
    caused = Counter(m.causationid for log in said(world, "intake").values() for m, _ in log)
    for service in ("routing", "escalation", "notify"):
        for record in {record.value: record for record in world.topics[f"case.{service}"]}.values():
            read = door.read(record)
            if read.given is not None:
                assert caused[read.id] == 1, f"{decode(record.value or b'').type} applied {caused[read.id]} times"


def _requests_answered(world: World, case: str) -> None:
    answers = Counter(
        m.causationid
        for m, event in said(world, "escalation").get(case, [])
        if isinstance(event, whistles.WhistleBlown | whistles.WhistleRefused)
    )
    for message, event in said(world, "intake")[case]:
        if isinstance(event, whistle.WhistleRequested | whistle.WhistleConfirmed):
            assert answers[message.id] == 1, f"{message.type} {event.obligation} answered {answers[message.id]} times"
    state = world.case(case)
    assert state is not None and state.awaiting == (), f"still awaited: {state.awaiting}"


def _no_false_miss(world: World, case: str) -> None:
    """Held against the log by its own words, without the core: nothing in time stands there."""
    log = said(world, "intake")[case]
    sets: dict[str, tuple[int, limits.LimitSet]] = {}
    due: dict[str, datetime] = {}
    for message, event in said(world, "escalation").get(case, []):
        match event:
            case limits.LimitSet():
                sets[event.limit], due[event.limit] = (message.afterseq or 0, event), event.due_at
            case limits.LimitRevised():
                due[event.limit] = event.due_at
            case limits.LimitMissed():
                after, limit = sets[event.limit]
                assert (message.time, event.due_at) == (due[event.limit], due[event.limit])
                between = [(m, e) for m, e in log if m.sequence > after and m.time <= event.due_at]
                assert not any(_meets(limit, m, e) for m, e in between), f"{event.limit} was not missed"


def _meets(limit: limits.LimitSet, message: Envelope, event: Event) -> bool:
    if limit.obligation is None:
        return message.type.removesuffix(".v1") in limit.met_by
    mine = (getattr(event, "obligation", None), getattr(event, "rank", None)) == (limit.obligation, limit.rank)
    if limit.step == "attend":
        return mine and message.type == "case.attended.v1"
    if limit.step == "told":
        return mine and isinstance(event, facts.Told) and event.purpose == "whistle"
    return limit.step == "settle" and isinstance(event, whistle.WhistleSettled) and event.obligation == limit.obligation


def _head_before_leader(world: World, case: str) -> None:
    """Before somebody is called for rank n + 1, rank n was told, or nobody could be; on notify's own topic."""
    done = set()
    for _, event in said(world, "notify").get(case, []):
        match event:
            case deliveries.Called(purpose="whistle", obligation=obligation, rank=rank) if rank > 1:
                assert (obligation, rank - 1) in done, f"{obligation}: rank {rank} called before {rank - 1} was told"
            case deliveries.Told(purpose="whistle") | deliveries.Undeliverable(purpose="whistle"):
                done.add((event.obligation, event.rank))
            case deliveries.CalledOff():
                done.add((event.obligation, event.rank))


def _sent_once(world: World) -> None:
    for message, times in Counter(world.sink).items():
        most = 1 + world.lost_answers[message]
        assert times <= most, f"{message} sent {times} times, with {most - 1} lost answers"


async def _as_undisturbed(world: World) -> None:
    """Over the same log, read in order and asked once at the end, routing and escalation say and keep the same."""
    quiet = await World(world.chance).begin()
    quiet.topics = world.topics
    for name in ("routing", "escalation"):
        service, was = quiet.services[name], world.services[name]
        await service.start()
        while await service.hear(LOG, 1_000):
            pass
        service.worker.marks.add(Mark(relay="end", upto=world.now, offsets={0: len(world.topics[LOG])}))
        while await service.worker.fire():
            pass
        assert service.store.docs == was.store.docs, f"{name} keeps something else"
        assert _by_case(service) == _by_case(was), f"{name} said something else"
    await _same_calls(quiet, world)


async def _same_calls(quiet: World, world: World) -> None:
    """Whom notify calls hangs on what asked for it alone. What hangs on answers of channels is left out."""
    service = quiet.services["notify"]
    await service.start()
    for topic in service.topics:
        while await service.hear(topic, 1_000):
            pass
    assert _calls(service) == _calls(world.services["notify"])


def _calls(service: Service) -> dict[str, dict[str, object]]:
    return {
        case: {
            key: (call.unit, call.post, call.chain, call.asked_after, call.about)
            for key, call in row.state.calls.items()
            if call.purpose not in (STOOD_DOWN, UNDELIVERED)
        }
        for case, row in service.store.rows().items()
        if row.state is not None
    }


def _by_case(service: Service) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = defaultdict(list)
    for one in service.store.said:
        found[one.key].append(encode(one.message))
    return found


def _rebuilt(world: World) -> None:
    """From the topics, as the command does it; routing and escalation are decided again."""
    for name in ("routing", "escalation", "notify"):
        service = world.services[name]
        again = Replayer(name, folder_of(name).core, reader_of(name), CONTRACTS[name], STATES[name], views()[name])
        records = [record for topic in service.topics for record in world.topics[topic]]
        piece = Slice(0, records, [encode(one.message) for one in service.store.said], upto=_upto(service))
        found = again.compare(piece, {case: doc for case, (_, doc) in service.store.docs.items()}).differences
        assert not found, f"rebuild {name}: {found}"
        if name != "notify":
            found = again.verify(piece).differences
            assert not found, f"verify {name}: {found}"


def _upto(service: Service) -> datetime | None:
    return max((c.upto for c in service.store.claims.values() if c.upto is not None), default=None)


def outcome(world: World) -> object:
    """What a run came to, without numbers and without the order of what happened at one moment."""
    kinds = (limits.LimitMissed, whistles.WhistleProposed, whistles.WhistleBlown, whistles.LadderExhausted)
    cases = {}
    for case, events in said(world, "escalation").items():
        state = world.case(case)
        assert state is not None
        words = [(m.type, m.time, msgspec.json.encode(e)) for m, e in events if isinstance(e, kinds)]
        cases[case] = (state.state, state.lead, state.panel, sorted(words, key=str), _told(world, case))
    return cases


def _told(world: World, case: str) -> list[str]:
    row = world.services["notify"].store.rows()[case]
    return sorted(f"{key} {call.staff}" for key, call in row.state.calls.items() if call.purpose == WHISTLE)
