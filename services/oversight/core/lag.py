"""Topic lag (积压) of every consumer group, judged from what was seen at the broker. Pure.

A *look* is one reading of the broker; *tracks* are what is remembered between looks. Lag in records is end minus
committed offset, never negative; lag in seconds is the age of the oldest record that the group has not committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

COMMITS_KEPT = 10  # as many as Burrow judges by; here they give the time of the last commits, not the verdict
LAGS_KEPT = 30  # looks over which the trend is taken: one minute at a look each 2 s


class State(StrEnum):
    """How a group stands on one partition, worst last.

    A quiet partition is `OK`, however long ago its last commit. `STOPPED` means nobody is in the group; a group that
    has members but does not move while records wait is `STALLED`.
    """

    OK = "ok"
    BEHIND = "behind"
    REWOUND = "rewound"
    STALLED = "stalled"
    STOPPED = "stopped"


_SEVERITY = {state: rank for rank, state in enumerate(State)}


class Place(NamedTuple):
    """One partition as one group reads it."""

    group: str
    topic: str
    partition: int


@dataclass(frozen=True, slots=True)
class Sight:
    """One partition of a group in one look.

    committed: the group's committed offset, read before `end`; None where it never committed.
    begin, end: the log's first offset and the offset after its last record.
    oldest: when the oldest record not yet committed was written; None where nothing waits, or it is not known.
    """

    committed: int | None
    begin: int
    end: int
    oldest: datetime | None = None

    @property
    def lag(self) -> int:
        """Records that wait. A group that never committed begins at the log's beginning, as all of ours do."""
        from_ = self.begin if self.committed is None else max(self.committed, self.begin)
        return max(0, self.end - from_)


@dataclass(frozen=True, slots=True)
class GroupSeen:
    """A consumer group in one look. members: how many processes are in it; 0 means stopped."""

    group: str
    members: int
    sights: Mapping[tuple[str, int], Sight]


@dataclass(frozen=True, slots=True)
class Look:
    """One reading of the broker at `at`."""

    at: datetime
    groups: tuple[GroupSeen, ...]


@dataclass(frozen=True, slots=True)
class Patience:
    """From when on a state has a name. behind: age of the oldest waiting record. stalled: no commit while some wait."""

    behind: timedelta = timedelta(seconds=5)
    stalled: timedelta = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Commit:
    """A change of the committed offset, as first seen."""

    at: datetime
    offset: int


@dataclass(frozen=True, slots=True)
class Track:
    """What is remembered of one place.

    commits: the last ten changes of the committed offset. lags: (time, records) of the last looks.
    waiting_since: since when records wait without any commit. lost: the offset from which it was taken back.
    """

    commits: tuple[Commit, ...] = ()
    lags: tuple[tuple[datetime, int], ...] = ()
    waiting_since: datetime | None = None
    lost: int | None = None


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """The verdict on one place.

    current: committed offset, -1 where there is none. seconds: 0 where nothing waits, None where it can't be known.
    trend: records by which lag has grown since the oldest look kept. moved_at: the last commit seen.
    """

    group: str
    topic: str
    partition: int
    current: int
    end: int
    lag: int
    seconds: float | None
    members: int
    state: State
    trend: int
    moved_at: datetime | None


def survey(
    tracks: Mapping[Place, Track], look: Look, patience: Patience
) -> tuple[dict[Place, Track], tuple[PartitionLag, ...]]:
    """Judge one look in the light of those before.

    Args:
        tracks: what the last call returned; empty at first.
        look: what was read now.
        patience: when a delay has a name.

    Returns: the new tracks, of what the broker still knows alone, and a verdict for each place, ordered.
    """
    kept: dict[Place, Track] = {}
    verdicts: list[PartitionLag] = []
    for seen in sorted(look.groups, key=lambda group: group.group):
        for (topic, partition), sight in sorted(seen.sights.items()):
            place = Place(seen.group, topic, partition)
            track = follow(tracks.get(place, Track()), look.at, sight)
            kept[place] = track
            verdicts.append(judge(place, track, look.at, sight, seen.members, patience))
    return kept, tuple(verdicts)


def follow(track: Track, at: datetime, sight: Sight) -> Track:
    """What is remembered after one more look."""
    last = track.commits[-1].offset if track.commits else None
    moved = sight.committed is not None and sight.committed != last
    commits = (*track.commits, Commit(at, sight.committed))[-COMMITS_KEPT:] if moved else track.commits  # type: ignore[arg-type]
    lost = track.lost
    if moved and last is not None and sight.committed is not None and sight.committed < last:
        lost = last if lost is None else max(lost, last)
    if lost is not None and sight.committed is not None and sight.committed >= lost:
        lost = None
    since = None if sight.lag == 0 else at if moved or track.waiting_since is None else track.waiting_since
    return Track(commits, (*track.lags, (at, sight.lag))[-LAGS_KEPT:], since, lost)


def judge(place: Place, track: Track, at: datetime, sight: Sight, members: int, patience: Patience) -> PartitionLag:
    """The verdict on one place after `follow`."""
    lag = sight.lag
    seconds = 0.0 if lag == 0 else None if sight.oldest is None else max(0.0, (at - sight.oldest).total_seconds())
    return PartitionLag(
        group=place.group,
        topic=place.topic,
        partition=place.partition,
        current=-1 if sight.committed is None else sight.committed,
        end=sight.end,
        lag=lag,
        seconds=seconds,
        members=members,
        state=_state(track, at, lag, seconds, members, patience),
        trend=lag - track.lags[0][1] if track.lags else 0,
        moved_at=track.commits[-1].at if track.commits else None,
    )


def _state(track: Track, at: datetime, lag: int, seconds: float | None, members: int, patience: Patience) -> State:
    if members == 0:
        return State.STOPPED
    if track.waiting_since is not None and at - track.waiting_since >= patience.stalled:
        return State.STALLED
    if track.lost is not None:
        return State.REWOUND
    if lag and (seconds is None or seconds >= patience.behind.total_seconds()):
        return State.BEHIND
    return State.OK


@dataclass(frozen=True, slots=True)
class GroupLag:
    """A group as a whole: records that wait, the oldest of them, and the worst state of its partitions."""

    group: str
    topics: tuple[str, ...]
    members: int
    lag: int
    seconds: float | None
    state: State
    trend: int
    moved_at: datetime | None


def by_group(verdicts: Iterable[PartitionLag], groups: Iterable[GroupSeen]) -> tuple[GroupLag, ...]:
    """One line for each group; a group that has committed nothing and reads nothing is shown too."""
    rows: dict[str, list[PartitionLag]] = {seen.group: [] for seen in groups}
    members = {seen.group: seen.members for seen in groups}
    for verdict in verdicts:
        rows.setdefault(verdict.group, []).append(verdict)
    return tuple(_group(name, members.get(name, 0), places) for name, places in sorted(rows.items()))


def _group(name: str, members: int, places: list[PartitionLag]) -> GroupLag:
    empty = State.OK if members else State.STOPPED
    waiting = [place for place in places if place.lag]
    ages = [place.seconds for place in waiting if place.seconds is not None]
    return GroupLag(
        group=name,
        topics=tuple(sorted({place.topic for place in places})),
        members=members,
        lag=sum(place.lag for place in places),
        seconds=0.0 if not waiting else max(ages) if ages else None,
        state=max((place.state for place in places), key=_SEVERITY.__getitem__, default=empty),
        trend=sum(place.trend for place in places),
        moved_at=max((place.moved_at for place in places if place.moved_at), default=None),
    )
