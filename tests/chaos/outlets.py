"""The ledger's checks of positions, of frozen workers, and of what reached people. Pure."""

from __future__ import annotations

from collections import defaultdict

from tests.chaos.evidence import Arrival, Evidence, Fault, Zombie
from tests.chaos.findings import Finding


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
    """A worker that slept past its session writes nothing when it wakes, until it ends or has claimed anew."""
    wrong, lives = [], []
    for zombie in evidence.zombies:
        anew = _claimed_anew(evidence, zombie)
        if zombie.ended is None and anew is None:
            wrong.append(f"{zombie.application} woke, did not end, and claimed nothing anew")
        until = min(at for at in (zombie.ended, anew, float("inf")) if at is not None)
        rows = [w for w in evidence.written if w.backend in zombie.backends and zombie.woke <= w.at < until]
        wrong += [f"{zombie.application} woke and wrote {w.rows} rows of {w.table}" for w in rows if not zombie.sends]
        moved = [m for m in evidence.moved if m.backend in zombie.backends and zombie.woke <= m.at < until]
        wrong += [f"{zombie.application} woke and moved {m.topic}-{m.partition}" for m in moved]
        how = "was fenced and ended" if zombie.ended is not None else "joined its group again"
        lives.append(f"{zombie.application} {how} {until - zombie.woke:.1f} s after waking")
    sessions = sum(len(z.backends) for z in evidence.zombies)
    return Finding("rows written by workers that slept past their session", sessions, wrong, ", ".join(lives))


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
