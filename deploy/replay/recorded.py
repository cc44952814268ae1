"""Reads what a service has recorded, partition by partition, out of one snapshot of its database and the topics."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.errors import DeployError
from deploy.replay.plans import Plan
from deploy.replay.reading import whole_partitions
from deploy.replay.replayer import Slice
from services.kernel.broker import KafkaLogin
from services.kernel.core import Record
from services.kernel.database import Db
from services.kernel.partitioning import PARTITIONS
from services.kernel.store import TP

_PATIENCE_MS = 10_000  # for one fetch of records that are known to be there


@dataclass(frozen=True, slots=True)
class Recorded:
    """One service's record. The connection holds the snapshot, or the lock, in which positions stand still."""

    plan: Plan
    connection: Db
    consumer: AIOKafkaConsumer

    async def slices(self) -> AsyncIterator[Slice]:
        """One per partition, in order, so that memory holds one at a time."""
        positions = await self._positions()
        parked = await self._parked()
        for lane in range(PARTITIONS):
            ends = {topic: positions[TP(topic, lane)][0] for topic in self.plan.topics if TP(topic, lane) in positions}
            upto = positions.get(TP(self.plan.topics[0], lane), (0, None))[1]
            yield Slice(lane, await self._records(lane, ends), await self._own(lane), parked, upto)

    async def running(self, lane: int) -> dict[str, bytes]:
        """The rows that are running, by subject."""
        rows = await self.connection.fetch(
            f"SELECT subject, doc FROM {self.plan.service}_state.state WHERE partition = $1",  # noqa: S608
            lane,
        )
        return {row["subject"]: row["doc"] for row in rows}

    async def _positions(self) -> dict[TP, tuple[int, datetime | None]]:
        rows = await self.connection.fetch(
            f"SELECT topic, partition, next_offset, upto FROM {self.plan.service}.position"  # noqa: S608
        )
        return {TP(row["topic"], row["partition"]): (row["next_offset"], row["upto"]) for row in rows}

    async def _parked(self) -> frozenset[tuple[str, int, int]]:
        """What the state does not rest on: what is parked, and what somebody passed over by hand."""
        rows = await self.connection.fetch(
            f"""SELECT topic, partition, "offset" FROM {self.plan.service}.parked UNION
            SELECT topic, partition, generate_series(from_offset, to_offset - 1) FROM {self.plan.service}.skip"""  # noqa: S608
        )
        return frozenset((row["topic"], row["partition"], row["offset"]) for row in rows)

    async def _own(self, lane: int) -> list[bytes]:
        rows = await self.connection.fetch(
            f"SELECT body FROM {self.plan.service}.event WHERE topic = $1 AND partition = $2 ORDER BY id",  # noqa: S608
            self.plan.own,
            lane,
        )
        return [row["body"] for row in rows]

    async def _records(self, lane: int, ends: dict[str, int]) -> list[Record]:
        """Everything before the recorded positions.

        Raises: DeployError: the topic does not reach back to its beginning, or not up to the position.
        """
        tps = {TopicPartition(topic, lane): end for topic, end in ends.items() if end > 0}
        if not tps:
            return []
        self.consumer.assign(list(tps))
        begins = await self.consumer.beginning_offsets(list(tps))
        for tp, end in tps.items():
            if begins[tp] > 0:
                raise DeployError(
                    f"{tp.topic}-{lane} begins at offset {begins[tp]}: publish it again from the archive."
                )
            self.consumer.seek(tp, 0)
            tps[tp] = end
        found: dict[TopicPartition, list[Record]] = defaultdict(list)
        while any(len(found[tp]) < end for tp, end in tps.items()):
            batches = await self.consumer.getmany(timeout_ms=_PATIENCE_MS)
            if not batches:
                short = next(tp for tp, end in tps.items() if len(found[tp]) < end)
                raise DeployError(f"{short.topic}-{lane} ends before the recorded position. Run `maodiao reconcile`.")
            for tp, records in batches.items():
                found[tp] += [
                    Record(r.topic, r.partition, r.offset, r.key, r.value) for r in records if r.offset < tps[tp]
                ]
                if len(found[tp]) >= tps[tp]:
                    self.consumer.pause(tp)
        self.consumer.resume(*tps)
        return [record for tp in tps for record in found[tp]]


@asynccontextmanager
async def recorded(plan: Plan, connection: Db, login: KafkaLogin) -> AsyncIterator[Recorded]:
    """Open the topics beside a connection that already holds its snapshot or lock."""
    async with whole_partitions(login, f"{plan.service}-replay") as consumer:
        yield Recorded(plan, connection, consumer)
