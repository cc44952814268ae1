"""Counts in = counts out: the arithmetic of the final check, over what `ledger` read. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from deploy.demo.ledger import SCHEMAS, TOPICS, Ledger, Seen
from deploy.demo.outside import SYSTEM
from deploy.demo.views import Group
from deploy.topology import outbound
from services.escalation import events as escalation
from services.intake import events as intake
from services.intake.doors import topics
from services.intake.events import facts, reception
from services.intake.events.outbound import ReceiptAccepted, ReceiptRefused
from services.kernel.envelope import Envelope, Event
from services.notify import events as notify
from services.routing import events as routing

WRITER: Final[Mapping[str, str]] = {
    "case.intake": "intake",
    "case.routing": "routing",
    "case.escalation": "escalation",
    "case.notify": "notify",
    "directory": "routing",
    outbound(SYSTEM): "intake",
}
CASE_TOPICS: Final = ("case.intake", "case.routing", "case.escalation", "case.notify")
LEAST_UNROUTABLE: Final = 0.01
"""Of the requests: enough that the duty seats have something to decide."""


@dataclass(frozen=True, slots=True)
class Performance:
    """What the demo did, by its own count.

    run: prefix of the outside system's ids. sent: refs sent. cases: by ref, from the receipts that the system heard.
    unroutable: of cases of requests that the table says nobody can lead, the reason. stories: cases of the stories.
    left: cases of requests that nobody was to deal with. closed: by players, without the stories. mails: how many came,
    by case.
    """

    run: str
    sent: frozenset[str]
    cases: Mapping[str, str]
    unroutable: Mapping[str, str]
    stories: tuple[str, ...]
    left: frozenset[str]
    closed: int
    mails: Mapping[str, int]

    @property
    def all_cases(self) -> frozenset[str]:
        """Every case that it made."""
        return frozenset(self.cases.values()) | frozenset(self.stories)


@dataclass(frozen=True, slots=True)
class Finding:
    """One comparison. seen: the figures, in words."""

    what: str
    seen: str
    holds: bool


def check(ledger: Ledger, did: Performance) -> list[Finding]:
    """Every comparison, in the order of the way of a case."""
    return [
        requests(ledger, did),
        registered(ledger, did),
        unroutable(ledger, did),
        *(published(topic, ledger) for topic in TOPICS),
        emptied(ledger),
        *(positions(schema, ledger) for schema in SCHEMAS),
        answered(ledger),
        limits(ledger),
        left_alone(ledger, did),
        closed(ledger, did),
        mails(ledger, did),
    ]


def by_group(groups: Iterable[Group]) -> dict[str, int]:
    """Lag of each group over its topics and partitions, in records."""
    lag: Counter[str] = Counter()
    for one in groups:
        lag[one.group] += max(one.lag, 0)
    return dict(sorted(lag.items()))


def requests(ledger: Ledger, did: Performance) -> Finding:
    """Each request sent is on the inbound topic once, has one receipt, and the receipts name different cases."""
    prefix = f"{did.run}-"
    sent = Counter(id_.removeprefix(prefix) for id_ in ledger.sent if id_.startswith(prefix))
    receipts: Counter[str] = Counter()
    cases: set[str] = set()
    refused = 0
    for seen in _once(ledger.records[outbound(SYSTEM)]):
        event = intake.OUTBOUND.read(seen.message).event
        if isinstance(event, ReceiptAccepted | ReceiptRefused) and event.event_id.startswith(prefix):
            receipts[event.event_id.removeprefix(prefix)] += 1
            refused += isinstance(event, ReceiptRefused)
            cases |= {event.case} if isinstance(event, ReceiptAccepted) else set()
    once = sent == receipts == Counter(dict.fromkeys(did.sent, 1))
    return Finding(
        f"requests of {SYSTEM}",
        f"{len(did.sent)} sent, {sent.total()} on the inbound topic, {receipts.total()} receipts ({refused} refused), "
        f"{len(cases)} cases",
        once and not refused and cases == set(did.cases.values()) and len(cases) == len(did.sent),
    )


def registered(ledger: Ledger, did: Performance) -> Finding:
    """Every case is in every service once."""
    on_log = Counter(seen.key for seen in _of(ledger, reception.Registered))
    states = {name: ledger.schemas[name].states for name in SCHEMAS}
    shown = sum(ledger.projected.values())
    holds = (
        set(on_log.values()) <= {1} and did.all_cases <= on_log.keys() and {*states.values(), shown} == {len(on_log)}
    )
    each = ", ".join(f"{name} {count}" for name, count in states.items())
    return Finding(
        "cases", f"{len(did.all_cases)} made, {on_log.total()} on the log; states: {each}; shown {shown}", holds
    )


def unroutable(ledger: Ledger, did: Performance) -> Finding:
    """Exactly the requests that the table says nobody can lead went to a duty seat, each for its reason."""
    found = {seen.key: _data(seen, facts.Unroutable).reason for seen in _of(ledger, facts.Unroutable)}
    found = {case: reason for case, reason in found.items() if case in did.all_cases}
    named = ", ".join(f"{reason} {count}" for reason, count in sorted(Counter(found.values()).items())) or "none"
    return Finding(
        "unroutable",
        f"{len(did.unroutable)} of {len(did.sent)} by the table, {len(found)} on the log ({named})",
        found == dict(did.unroutable) and len(did.unroutable) >= LEAST_UNROUTABLE * len(did.sent),
    )


def published(topic: str, ledger: Ledger) -> Finding:
    """A topic against the archive of its writer: each row is there, bytes equal, numbered without a gap, in order."""
    records, rows = ledger.records[topic], ledger.schemas[WRITER[topic]].archive.get(topic, ())
    bodies = {row.id: row.body for row in rows}
    by_id: dict[str, bytes] = {}
    differing = 0
    for seen in records:
        differing += by_id.setdefault(seen.message.id, seen.value) != seen.value
        differing += bodies.get(seen.message.id) != seen.value
    gaps = 0 if topic == "directory" else _gaps(records)  # compacted: old numbers may be gone
    missing = len(bodies.keys() - by_id.keys()) if topic != "directory" else 0
    repeated = len(records) - len(by_id)
    said = f"{len(records)} records, {len(rows)} rows; {repeated} repeated"
    said += f", {gaps} gaps, {missing} missing, {differing} differ"
    return Finding(topic, said, not (gaps or missing or differing or len(bodies) != len(rows)))


def _gaps(records: Sequence[Seen]) -> int:
    """How often a key's number is neither the next one nor a repeat."""
    last: Counter[str] = Counter()
    gaps = 0
    for seen in sorted(records, key=lambda one: (one.partition, one.offset)):
        number = seen.message.sequence
        gaps += number > last[seen.key] + 1
        last[seen.key] = max(last[seen.key], number)
    return gaps


def emptied(ledger: Ledger) -> Finding:
    """Nothing waits to be published, nothing is parked."""
    waiting = {name: (schema.unpublished, schema.parked) for name, schema in ledger.schemas.items()}
    unpublished, parked = (sum(pair[n] for pair in waiting.values()) for n in (0, 1))
    return Finding(
        "outboxes and parked records", f"{unpublished} unpublished, {parked} parked", not unpublished + parked
    )


def positions(name: str, ledger: Ledger) -> Finding:
    """A service has applied every record of the topics that it reads."""
    schema = ledger.schemas[name]
    read = {topic for topic, _ in schema.positions}
    ends = {tp: end for tp, end in ledger.ends.items() if tp[0] in read}
    behind = {tp: end - schema.positions.get(tp, 0) for tp, end in ends.items() if end != schema.positions.get(tp, 0)}
    return Finding(
        f"{name} has read",
        f"{sum(schema.positions.values())} of {sum(ends.values())} records of {', '.join(sorted(read))}",
        not behind and bool(read),
    )


_TRANSLATED: Final[Mapping[str, tuple[Callable[[Envelope], Event | None], Callable[[Envelope, Event], object]]]] = {
    "case.routing": (lambda message: routing.CONTRACT.read(message).event, topics.from_routing),
    "case.escalation": (lambda message: escalation.CONTRACT.read(message).event, topics.from_escalation),
    "case.notify": (lambda message: notify.CONTRACT.read(message).event, topics.from_notify),
}


def answered(ledger: Ledger) -> Finding:
    """Every fact and proposal of the others stands in the case's log exactly once, as applied or as superseded."""
    asked = {seen.message.id for topic in _TRANSLATED for seen in ledger.records[topic] if _concerns(topic, seen)}
    causes = Counter(dict.fromkeys(asked, 0))
    applied = {seen.message.id: seen.message.causationid for seen in ledger.records["case.intake"]}
    for cause in applied.values():
        if cause in asked:
            causes[cause] += 1
    superseded = len(_of(ledger, facts.Superseded))
    once = sum(count == 1 for count in causes.values())
    return Finding(
        "facts and proposals",
        f"{len(asked)} said, {once} applied once, {superseded} of them superseded",
        once == len(asked),
    )


def _concerns(topic: str, seen: Seen) -> bool:
    contract, translate = _TRANSLATED[topic]
    event = contract(seen.message)
    return event is not None and translate(seen.message, event) is not None


def limits(ledger: Ledger) -> Finding:
    """Every limit that was set has ended in one way; none runs on a closed case."""
    set_ = _limits(ledger, facts.LimitSet)
    ended = Counter(
        _limits(ledger, facts.LimitMet) + _limits(ledger, facts.LimitMissed) + _limits(ledger, facts.LimitStopped)
    )
    met, missed, stopped = (
        len(_limits(ledger, one)) for one in (facts.LimitMet, facts.LimitMissed, facts.LimitStopped)
    )
    running = [one for one in set_ if one not in ended]
    twice = [one for one, count in ended.items() if count > 1]
    over = {seen.key for seen in _of(ledger, reception.Closed)} - {seen.key for seen in _of(ledger, reception.Reopened)}
    holds = not twice and not [one for one in running if one[0] in over] and len(set(set_)) == len(set_)
    return Finding(
        "limits", f"{len(set_)} set: {met} met, {missed} missed, {stopped} stopped, {len(running)} running", holds
    )


def _limits(
    ledger: Ledger, type_: type[facts.LimitSet | facts.LimitMet | facts.LimitMissed | facts.LimitStopped]
) -> list[tuple[str, str]]:
    return [(seen.key, _data(seen, type_).limit) for seen in _of(ledger, type_)]


def left_alone(ledger: Ledger, did: Performance) -> Finding:
    """Exactly the requests that nobody dealt with missed their limit, and their units' whistles are proposed."""
    missed = {
        seen.key for seen in _of(ledger, facts.LimitMissed) if _data(seen, facts.LimitMissed).step == "dispose"
    } & did.all_cases
    proposed = {seen.key for seen in _of(ledger, facts.WhistleProposed)} & did.left
    led = {seen.key for seen in _of(ledger, facts.Assigned)} & did.left
    return Finding(
        "left to their limits",
        f"{len(did.left)} by plan, {len(missed)} missed, {len(missed - did.left)} of them falsely; whistle proposed "
        f"for {len(proposed)} of the {len(led)} that have a unit",
        missed == did.left and proposed == led,
    )


def closed(ledger: Ledger, did: Performance) -> Finding:
    """Closed by players = closed on the log = closed as oversight shows it."""
    on_log = {seen.key for seen in _of(ledger, reception.Closed)}
    by_us = len(on_log & did.all_cases)
    pressed = did.closed + len(did.stories)
    shown = ledger.projected.get("closed", 0)
    return Finding(
        "closed", f"{pressed} by players, {by_us} on the log, {shown} shown", pressed == by_us and len(on_log) == shown
    )


def mails(ledger: Ledger, did: Performance) -> Finding:
    """As many mails came as notify says were sent, case by case."""
    said: Counter[str] = Counter()
    for type_ in (facts.Told, facts.StoodDown):
        said.update(seen.key for seen in _of(ledger, type_) if seen.key in did.all_cases)
    came = Counter({case: count for case, count in did.mails.items() if case in did.all_cases})
    return Finding("mails", f"{said.total()} told or stood down, {came.total()} came", said == came)


def _of(ledger: Ledger, type_: type[Event]) -> list[Seen]:
    return _once(seen for seen in ledger.records["case.intake"] if seen.message.type == type_.TYPE)


def _once(records: Iterable[Seen]) -> list[Seen]:
    """Without what a relay repeated."""
    return list({seen.message.id: seen for seen in records}.values())


E = TypeVar("E", bound=Event)


def _data(seen: Seen, type_: type[E]) -> E:
    return msgspec.json.decode(seen.message.data, type=type_)
