"""Looks at the broker every two seconds: committed offsets of all groups, ends, ages, members.

It needs DESCRIBE alone and holds nothing up: it is in no group, every step has a time limit, and whoever asks gets the
last report. A look that fails leaves the last report standing, with its time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment
from aiokafka.errors import KafkaError, for_code

from services.kernel.broker import KafkaLogin, client, plain_consumer
from services.kernel.clock import Clock
from services.kernel.telemetry import Logger
from services.oversight.core.ages import AgeSearch
from services.oversight.core.lag import (
    GroupLag,
    GroupSeen,
    Look,
    PartitionLag,
    Patience,
    Place,
    Sight,
    Track,
    by_group,
    survey,
)

_AGES_KEPT = 50_000  # remembered times of records; a bound, not a tuning
_GONE = 69  # GROUP_ID_NOT_FOUND: it went between two questions


@dataclass(frozen=True, slots=True)
class LagReport:
    """What was last seen. `as_of` is the time of the look, not of the question."""

    as_of: datetime
    groups: tuple[GroupLag, ...]
    partitions: tuple[PartitionLag, ...]


@dataclass(frozen=True, slots=True)
class _Described:
    members: int
    assigned: frozenset[TopicPartition]


class LagWatch:
    """See the module.

    Args:
        login: as whom to look (oversight's own user).
        patience: when a delay has a name. clock: the time. log: telemetry.
        expected: groups that must be there; one that the broker does not know has never run, and is shown as stopped.
        every_s: seconds between looks. limit_s: longest time that one look may take.
    """

    def __init__(
        self,
        login: KafkaLogin,
        patience: Patience,
        clock: Clock,
        log: Logger,
        *,
        expected: Sequence[str] = (),
        every_s: float = 2.0,
        limit_s: float = 10.0,
    ) -> None:
        self._login, self._patience, self._clock, self._log = login, patience, clock, log
        self._expected, self._every_s, self._limit_s = tuple(expected), every_s, limit_s
        self._tracks: dict[Place, Track] = {}
        self._ages: dict[tuple[TopicPartition, int], int] = {}
        self._coordinators: dict[str, int] = {}
        self.report: LagReport | None = None

    async def run(self) -> None:
        """Look until cancelled; after a failure of the broker with new connections."""
        wait = 0.1
        while True:
            try:
                await self._session()
            except (KafkaError, OSError, TimeoutError) as error:
                self._log.warning("lag can't be read", error=type(error).__name__, wait_s=wait)
                self._coordinators.clear()
                await asyncio.sleep(wait)
                wait = min(5.0, wait * 2)

    async def _session(self) -> None:
        admin = AIOKafkaAdminClient(**client(self._login, "oversight-lag"))
        consumer = plain_consumer(self._login, "oversight-lag")
        try:
            await asyncio.wait_for(admin.start(), self._limit_s)
            await asyncio.wait_for(consumer.start(), self._limit_s)
            while True:
                await asyncio.wait_for(self.look(admin, consumer), self._limit_s)
                await asyncio.sleep(self._every_s)
        finally:
            await admin.close()
            await consumer.stop()

    async def look(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> LagReport:
        """One look, and its report."""
        look = await self._look(admin, consumer)
        self._tracks, verdicts = survey(self._tracks, look, self._patience)
        missing = {name: GroupSeen(name, 0, {}) for name in self._expected}
        groups = missing | {group.group: group for group in look.groups}
        self.report = LagReport(look.at, by_group(verdicts, groups.values()), verdicts)
        return self.report

    async def _look(self, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> Look:
        names = sorted(name for name, protocol in await admin.list_consumer_groups() if protocol in ("consumer", ""))
        described = dict(zip(names, await asyncio.gather(*(self._describe(admin, n) for n in names)), strict=True))
        committed = dict(zip(names, await asyncio.gather(*(self._committed(admin, n) for n in names)), strict=True))
        exist = await consumer.topics()
        read = {
            name: {tp for tp in committed[name].keys() | described[name].assigned if tp.topic in exist}
            for name in names
        }
        everything = sorted({tp for tps in read.values() for tp in tps})
        # The ends come after the committed offsets: the other way round lag would be negative.
        begins = await consumer.beginning_offsets(everything) if everything else {}
        ends = await consumer.end_offsets(everything) if everything else {}
        at = self._clock.now()
        oldest = {
            (tp, max(committed[name].get(tp, begins[tp]), begins[tp]))
            for name, tps in read.items()
            for tp in tps
            if max(committed[name].get(tp, begins[tp]), begins[tp]) < ends[tp]
        }
        ages = await self._written(consumer, oldest, at)
        groups = tuple(
            GroupSeen(
                name,
                described[name].members,
                {(tp.topic, tp.partition): _sight(tp, committed[name].get(tp), begins, ends, ages) for tp in tps},
            )
            for name, tps in read.items()
        )
        return Look(at, groups)

    async def _describe(self, admin: AIOKafkaAdminClient, name: str) -> _Described:
        # One group a request: aiokafka 0.14 reads the answer to version 3 with the layout of version 2, so that the
        # second group of an answer can't be read.
        node = await self._coordinator(admin, name)
        (response,) = await admin.describe_consumer_groups([name], group_coordinator_id=node)
        ((code, _, _, _, _, members, *_),) = response.groups
        if code not in (0, _GONE):  # no answer is not an empty group: that would say stopped
            raise for_code(code)(f"group {name} can't be described")
        return _Described(len(members), frozenset(tp for member in members for tp in _assigned(member[4])))

    async def _committed(self, admin: AIOKafkaAdminClient, name: str) -> dict[TopicPartition, int]:
        node = await self._coordinator(admin, name)
        offsets = await admin.list_consumer_group_offsets(name, group_coordinator_id=node)
        return {tp: known.offset for tp, known in offsets.items() if known.offset >= 0}

    async def _coordinator(self, admin: AIOKafkaAdminClient, name: str) -> int:
        if name not in self._coordinators:
            self._coordinators[name] = int(await admin.find_coordinator(name))
        return self._coordinators[name]

    async def _written(
        self, consumer: AIOKafkaConsumer, wanted: set[tuple[TopicPartition, int]], at: datetime
    ) -> dict[tuple[TopicPartition, int], int]:
        """When the records at these offsets were written, in ms; all searches of a partition's round in one request."""
        self._ages = {key: age for key, age in self._ages.items() if key in wanted}
        now = int(at.timestamp() * 1000)
        searches = {key: AgeSearch(key[1], now) for key in wanted if key not in self._ages}
        while searches:
            asked: dict[TopicPartition, tuple[int, int]] = {}
            for (tp, offset), search in searches.items():
                if search.question is not None:
                    asked.setdefault(tp, (offset, search.question))
            answers = await consumer.offsets_for_times({tp: question for tp, (_, question) in asked.items()})
            for tp, (offset, _) in asked.items():
                found, search = answers.get(tp), searches[tp, offset]
                search.heard(*((found.offset, found.timestamp) if found is not None else (None, None)))
                if search.written is not None and len(self._ages) < _AGES_KEPT:
                    self._ages[tp, offset] = search.written
            searches = {key: search for key, search in searches.items() if search.written is None}
        return self._ages


def _assigned(assignment: bytes) -> list[TopicPartition]:
    """What a member was given; nothing while the group is sharing out, or where it speaks a protocol of its own."""
    if not assignment:
        return []
    try:
        decoded = ConsumerProtocolMemberAssignment.decode(assignment)
    except (ValueError, IndexError):
        return []
    return [TopicPartition(topic, partition) for topic, partitions in decoded.assignment for partition in partitions]


def _sight(
    tp: TopicPartition,
    committed: int | None,
    begins: Mapping[TopicPartition, int],
    ends: Mapping[TopicPartition, int],
    ages: Mapping[tuple[TopicPartition, int], int],
) -> Sight:
    offset = max(begins[tp] if committed is None else committed, begins[tp])
    written = ages.get((tp, offset)) if offset < ends[tp] else None
    oldest = None if written is None else datetime.fromtimestamp(written / 1000, UTC)
    return Sight(committed, begins[tp], ends[tp], oldest)
