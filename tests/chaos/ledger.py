"""The ledger: holds what clients were told against topics, schemas and sinks. Pure; prints nothing.

It takes nothing from the services' code but the names of topics and types: what they should have done is said here
again, in other words.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos import clocks, outlets
from tests.chaos.evidence import ACKNOWLEDGED, UNKNOWN, Answer, Entry, Evidence
from tests.chaos.findings import Finding

WRITES: Mapping[str, str] = {
    "register": "case.registered.v1",
    "accept": "case.accepted.v1",
    "attend": "case.attended.v1",
    "dispose": "case.disposed.v1",
    "verify": "case.verified.v1",
    "close": "case.closed.v1",
    "urge": "case.urged.v1",
    "whistle": "case.whistle_requested.v1",
    "settle": "case.whistle_settled.v1",
}
"""The event that each press writes."""

READS: Mapping[str, tuple[str, ...]] = {
    "intake": ("case.routing", "case.escalation", "case.notify"),
    "routing": ("case.intake",),
    "escalation": ("case.intake",),
    "notify": ("case.intake", "case.escalation"),
    "oversight": ("case.intake", "case.routing", "case.escalation", "case.notify"),
}
"""Which topics each service applies."""

NUMBERED = ("case.intake", "case.routing", "case.escalation", "case.notify", "outbound.demo311")
OWN = {"case.intake": "intake", "case.routing": "routing", "case.escalation": "escalation", "case.notify": "notify",
       "outbound.demo311": "intake"}  # fmt: skip


def examine(evidence: Evidence) -> list[Finding]:
    """Every check, in the order in which it is printed."""
    checks: Sequence[Callable[[Evidence], Finding]] = (
        acknowledged,
        once,
        inbound,
        published,
        repeats,
        order,
        unique,
        applied,
        positions,
        at_rest,
        clocks.times_rise,
        clocks.fired_behind_the_log,
        clocks.false_misses,
        clocks.leaders_after_heads,
        outlets.epochs,
        outlets.offsets_rise,
        outlets.zombies,
        outlets.told_was_sent,
        outlets.message_repeats,
    )
    return [check(evidence) for check in checks]


def acknowledged(evidence: Evidence) -> Finding:
    """Each acknowledged press has its event, at the number that the client was told; no two presses share one."""
    events = {(e.key, e.sequence): e for e in evidence.once.get("case.intake", ())}
    pressed = [a for a in last_words(evidence.answers) if a.outcome == ACKNOWLEDGED]
    wrong, taken = [], dict[tuple[str, int], str]()
    for answer in pressed:
        place = (answer.case, answer.sequence)
        event = events.get(place)
        if event is None or event.type != WRITES[answer.command]:
            found = "no event" if event is None else event.type
            wrong.append(f"{answer.command} {answer.key} was acknowledged as {place}: {found} there")
        elif taken.setdefault(place, answer.key) != answer.key:
            wrong.append(f"{answer.key} and {taken[place]} were both acknowledged as {place}")
        elif answer.key not in evidence.committed:
            wrong.append(f"{answer.key} was acknowledged and is not in the table of presses")
    return Finding("acknowledged commands lost", len(pressed), wrong)


def last_words(answers: Iterable[Answer]) -> list[Answer]:
    """What each client knows in the end: an answer outweighs any number of silences before it."""
    known: dict[str, Answer] = {}
    for answer in answers:
        if answer.key not in known or known[answer.key].outcome == UNKNOWN:
            known[answer.key] = answer
    return list(known.values())


def once(evidence: Evidence) -> Finding:
    """As many events of each sort as presses that were committed: no press twice, no event without a press."""
    pressed = last_words(evidence.answers)
    committed = Counter(a.command for a in pressed if a.key in evidence.committed)
    found: Counter[str] = Counter()
    commands = {type_: command for command, type_ in WRITES.items()}
    for entry in evidence.once.get("case.intake", ()):
        if entry.type in commands and not _of_a_system(entry):
            found[commands[entry.type]] += 1
    wrong = [
        f"{command}: {committed[command]} presses were committed, {found[command]} events are on the log"
        for command in WRITES
        if committed[command] != found[command]
    ]
    unknown = [a for a in pressed if a.outcome == UNKNOWN]
    happened = sum(a.key in evidence.committed for a in unknown)
    note = f"{len(unknown)} presses stayed unknown to their clients: {happened} done, {len(unknown) - happened} not"
    return Finding("commands done twice, or without a press", sum(committed.values()), wrong, note)


def _of_a_system(entry: Entry) -> bool:
    return bool(entry.data.get("system")) or entry.text("by").startswith("system:")


def inbound(evidence: Evidence) -> Finding:
    """Each event of the outside system got one decision for each content under its id."""
    decisions: dict[str, set[str]] = defaultdict(set)
    for entry in evidence.once.get("outbound.demo311", ()):
        if entry.type.startswith("receipt."):
            decisions[entry.text("event_id")].add(entry.id)
    least: dict[str, set[str]] = defaultdict(set)
    most: dict[str, set[str]] = defaultdict(set)
    for sent in evidence.sent:
        most[sent.event_id].add(sent.content)
        if sent.outcome == ACKNOWLEDGED:
            least[sent.event_id].add(sent.content)
    wrong = [
        f"{event_id}: {len(contents)} contents, {len(decisions[event_id])} receipts"
        for event_id, contents in most.items()
        if not len(least[event_id]) <= len(decisions[event_id]) <= len(contents)
    ]
    wrong += [f"{event_id}: a receipt, and nobody sent it" for event_id in decisions if event_id not in most]
    return Finding("outside events without exactly one receipt", len(most), wrong)


def published(evidence: Evidence) -> Finding:
    """What a service's table holds lies on its topic with equal bytes, and the other way round."""
    wrong, count = [], 0
    for topic, service in OWN.items():
        kept = {(e.key, e.sequence): e.body for e in evidence.schemas[service].events if e.topic == topic}
        lying = {(e.key, e.sequence): e.value for e in evidence.once.get(topic, ())}
        count += len(kept)
        wrong += [f"{topic} {place}: committed, never published" for place in kept.keys() - lying.keys()]
        wrong += [f"{topic} {place}: published, not in the archive" for place in lying.keys() - kept.keys()]
        wrong += [f"{topic} {p}: other bytes on the topic" for p in kept.keys() & lying.keys() if kept[p] != lying[p]]
    return Finding("committed events lost on the way to their topic", count, wrong)


def repeats(evidence: Evidence) -> Finding:
    """A record that came twice has the same id and the same bytes."""
    wrong, count, repeated = [], 0, Counter[str]()
    for topic in NUMBERED:
        first: dict[tuple[str, int], Entry] = {}
        for entry in sorted(evidence.topics.get(topic, ()), key=lambda e: (e.partition, e.offset)):
            count += 1
            known = first.setdefault((entry.key, entry.sequence), entry)
            if known is not entry:
                repeated[topic] += 1
                if (known.id, known.value) != (entry.id, entry.value):
                    wrong.append(f"{topic} {entry.key} {entry.sequence}: repeated with another id or other bytes")
    listed = ", ".join(f"{topic} {number}" for topic, number in sorted(repeated.items())) or "none"
    return Finding("repeated records with other bytes", count, wrong, f"repeated records: {listed}")


def order(evidence: Evidence) -> Finding:
    """On each topic the numbers of a key rise by one, once repeats are dropped."""
    wrong, keys = [], 0
    for topic in NUMBERED:
        for key, entries in by_place(evidence.once.get(topic, ())).items():
            keys += 1
            numbers = [entry.sequence for entry in entries]
            if numbers != list(range(1, len(numbers) + 1)):
                wrong.append(f"{topic} {key}: numbers {_first_break(numbers)}")
            if len({entry.partition for entry in entries}) > 1:
                wrong.append(f"{topic} {key}: on several partitions")
    return Finding("keys whose events are out of order", keys, wrong)


def by_place(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(entries, key=lambda e: (e.partition, e.offset)):
        found[entry.key].append(entry)
    return found


def _first_break(numbers: Sequence[int]) -> str:
    place = next(i for i, number in enumerate(numbers) if number != i + 1)
    return f"{numbers[max(0, place - 1) : place + 2]} where {place + 1} was expected"


def unique(evidence: Evidence) -> Finding:
    """Ids follow from causes, so an input that was decided twice shows as one id under two numbers."""
    wrong, count = [], 0
    for service, schema in evidence.schemas.items():
        places: dict[str, tuple[str, int]] = {}
        for event in schema.events:
            count += 1
            place = (event.key, event.sequence)
            if places.setdefault(f"{event.topic} {event.id}", place) != place:
                wrong.append(f"{service}: id {event.id} stands under {places[f'{event.topic} {event.id}']} and {place}")
    return Finding("ids said twice by a service", count, wrong)


def applied(evidence: Evidence) -> Finding:
    """Each service has applied each topic that it reads up to the last number of every case, and holds nothing."""
    wrong, count = [], 0
    for service, topics in READS.items():
        states = evidence.schemas[service].states
        for topic in topics:
            for key, entries in by_place(evidence.once.get(topic, ())).items():
                count += len(entries)
                state = states.get(key)
                seen = state.seen.get(topic, 0) if state is not None else 0
                if seen != len(entries):
                    wrong.append(f"{service} {key}: has applied {seen} of {len(entries)} events of {topic}")
        wrong += [f"{service} {key}: held on {', '.join(s.held)}" for key, s in states.items() if s.held]
    return Finding("events that a schema has not applied once", count, wrong)


def positions(evidence: Evidence) -> Finding:
    """The positions stand at the ends of the topics."""
    wrong, count = [], 0
    for service, topics in READS.items():
        held = evidence.schemas[service].positions
        for (topic, partition), end in evidence.ends.items():
            if topic in topics:
                count += 1
                if held.get((topic, partition)) != end:
                    wrong.append(f"{service} {topic}-{partition}: at {held.get((topic, partition))}, the end is {end}")
    return Finding("positions that are not at the end", count, wrong)


def at_rest(evidence: Evidence) -> Finding:
    """Nothing waits in an outbox, nothing is parked."""
    wrong = []
    for service, schema in evidence.schemas.items():
        if schema.unpublished or schema.parked:
            wrong.append(f"{service}: {schema.unpublished} unpublished, {schema.parked} parked")
    return Finding("outboxes and parkings that are not empty", len(evidence.schemas), wrong)


@dataclass(frozen=True, slots=True)
class Volume:
    """How much there was to lose."""

    presses: int
    log: int
    all_topics: int


def volume(evidence: Evidence) -> Volume:
    return Volume(
        presses=sum(a.outcome == ACKNOWLEDGED for a in last_words(evidence.answers)),
        log=len(evidence.once.get("case.intake", ())),
        all_topics=sum(len(entries) for entries in evidence.topics.values()),
    )
