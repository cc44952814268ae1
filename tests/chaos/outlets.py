"""The ledger's checks of positions, of frozen workers, and of what reached people. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set

from tests.chaos.evidence import Arrival, Evidence, Fault, Written, Zombie
from tests.chaos.findings import Finding

_SENDERS_STATES, _SENDERS_EVENTS = "notify_state.state", "notify.event"
_SENDERS_WORKER_READS = ("case.intake", "case.escalation")


def epochs(evidence: Evidence) -> Finding:
    """Who writes a position under an epoch is who claimed that epoch."""
    claimed: dict[tuple[str, str, int, int], str] = {}
    wrong = []
    for moved in evidence.moved:
        place = (moved.schema, moved.topic, moved.partition, moved.epoch)
        if moved.epoch_before != moved.epoch:
            claimed[place] = moved.application
        elif claimed.get(place) != moved.application:
            wrong.append(
                f"{moved.topic}-{moved.partition} of {moved.schema}: {moved.application} wrote under the epoch that "
                f"{claimed.get(place)} had claimed"
            )
    return Finding("positions written under another worker's epoch", len(evidence.moved), wrong)


def offsets_rise(evidence: Evidence) -> Finding:
    """A position never falls."""
    wrong = [
        f"{m.topic}-{m.partition} of {m.schema}: {m.application} set it back from {m.before} to {m.next_offset}"
        for m in evidence.moved
        if m.before is not None and m.next_offset < m.before
    ]
    return Finding("positions set back", len(evidence.moved), wrong)


def zombies(evidence: Evidence) -> Finding:
    """A worker that slept past its session writes nothing when it wakes, until it ends or has claimed anew.

    Except, in a process that also sends, the sender (`_of_a_sender`): it holds no partition, so no session that could
    be over.
    """
    wrong, lives, settled = [], [], 0
    read = frozenset(entry.id for topic in _SENDERS_WORKER_READS for entry in evidence.topics.get(topic, ()))
    for zombie in evidence.zombies:
        anew = _claimed_anew(evidence, zombie)
        if zombie.ended is None and anew is None:
            wrong.append(f"{zombie.application} woke, did not end, and claimed nothing anew")
        until = min(at for at in (zombie.ended, anew, float("inf")) if at is not None)
        wrote = [w for w in evidence.written if w.backend in zombie.backends]
        rows = [w for w in wrote if zombie.woke <= w.at < until]
        allowed = _of_a_sender(wrote, read) if zombie.sends else frozenset()
        settled += len(allowed & {w.transaction for w in rows})
        wrong += [
            f"{zombie.application} woke and wrote {w.rows} rows of {w.table}"
            for w in rows
            if w.transaction not in allowed
        ]
        moved = [m for m in evidence.moved if m.backend in zombie.backends and zombie.woke <= m.at < until]
        wrong += [f"{zombie.application} woke and moved {m.topic}-{m.partition}" for m in moved]
        how = "was fenced and ended" if zombie.ended is not None else "joined its group again"
        lives.append(f"{zombie.application} {how} {until - zombie.woke:.1f} s after waking")
    sessions = sum(len(z.backends) for z in evidence.zombies)
    note = ", ".join(lives) + (f"; their senders settled {settled} messages meanwhile" if settled else "")
    return Finding("rows written by workers that slept past their session", sessions, wrong, note)


def _of_a_sender(rows: Sequence[Written], read: Set[str]) -> frozenset[int]:
    """The transactions that have the form of a sender's: one case's state, and events that no record caused.

    A worker's events have the record as cause that they answer, and a sender's have the channel's answer, which lies on
    no topic. What stays open: that the sender had begun the message before it slept. It may take new ones as well,
    since deliveries go by lease; and deliveries are not watched here. `told_was_sent` and `message_repeats` hold what
    it says, asleep or awake, against the sinks.

    Args:
        read: ids of all records that the worker reads.
    """
    by_transaction: dict[int, list[Written]] = defaultdict(list)
    for row in rows:
        by_transaction[row.transaction].append(row)
    return frozenset(number for number, wrote in by_transaction.items() if _settles(wrote, read))


def _settles(wrote: Sequence[Written], read: Set[str]) -> bool:
    states = sum(w.rows for w in wrote if w.table == _SENDERS_STATES)
    events = sum(w.rows for w in wrote if w.table == _SENDERS_EVENTS)
    causes = [cause for w in wrote for cause in w.causes]
    return states == 1 and len(causes) == events > 0 and all(cause and cause not in read for cause in causes)


def _claimed_anew(evidence: Evidence, zombie: Zombie) -> float | None:
    """When this process, awake again, first claimed a partition."""
    claims = (
        m.at
        for m in evidence.moved
        if m.application == zombie.application and m.at >= zombie.woke and m.epoch_before != m.epoch
    )
    return min(claims, default=None)


def told_was_sent(evidence: Evidence) -> Finding:
    """Whoever is told by the topic, a sink has the message."""
    arrived = {(a.case, a.obligation, a.rank, a.purpose, a.to, a.channel) for a in evidence.arrivals}
    wrong, told = [], 0
    for event in evidence.once.get("case.notify", ()):
        if event.type in ("notify.told.v1", "notify.stood_down.v1"):
            told += 1
            purpose = event.text("purpose") or "stood_down"
            rank = int(event.text("rank") or 0)
            place = (event.key, event.text("obligation"), rank, purpose, event.text("staff"), event.text("channel"))
            if place not in arrived:
                wrong.append(f"{place} is told and no sink has it")
    return Finding("people told on the topic alone", told, wrong)


SENDS = "notify"
_SLACK_S = 1.0  # between the sink's clock at the end of a message and ours at a fault


def message_repeats(evidence: Evidence) -> Finding:
    """A message comes again only around a fault of its sender or its database, once for each."""
    arrivals: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in evidence.arrivals:
        arrivals[arrival.id].append(arrival)
    faults = [f for f in evidence.faults if SENDS in f.touches]
    wrong, repeated = [], 0
    for name, all_ in arrivals.items():
        times = sorted(a.at for a in all_)
        repeated += len(times) - 1
        between = [f for f in faults if _meets(f, times[0], times[-1])]
        if len(times) - 1 > len(between):
            wrong.append(f"message {name} came {len(times)} times with {len(between)} faults between")
    note = f"{len(evidence.arrivals)} messages, {repeated} of them repeats, {len(faults)} faults of sender or database"
    return Finding("messages repeated more than once a fault", len(arrivals), wrong, note)


def _meets(fault: Fault, since: float, until: float) -> bool:
    return fault.at <= until + _SLACK_S and fault.until >= since - _SLACK_S
