"""What is uncommitted at this moment, and in whose hands: so that a fault hits work and not an idle process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from services.kernel.partitioning import PARTITIONS
from tests.chaos.ledger import READS
from tests.chaos.reading import Servers

_FAULTS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, KafkaError, TimeoutError)
_HELD = """
SELECT DISTINCT ON (m.topic, m.partition) m.application, p.topic, p.partition, p.next_offset
FROM chaos.moved m JOIN {service}.position p USING (topic, partition)
WHERE m.schema_name = '{service}' AND m.epoch_before IS DISTINCT FROM m.epoch
ORDER BY m.topic, m.partition, m.id DESC"""
_PATIENCE_S = 10.0  # a busy machine answers late; a server that is away refuses at once
_CLAIMS = "SELECT count(*) AS many FROM chaos.moved WHERE application = $1 AND epoch_before IS DISTINCT FROM epoch"
_FIRING = """
WITH claimed AS (
  SELECT DISTINCT ON (partition) partition, application FROM chaos.moved
  WHERE schema_name = 'escalation' AND epoch_before IS DISTINCT FROM epoch ORDER BY partition, id DESC)
SELECT count(*) AS many FROM escalation_state.state JOIN claimed USING (partition)
WHERE application = $1 AND due_at < clock_timestamp()"""
_LANES = """
SELECT a.application_name AS application, a.pid, count(*) AS lanes
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.classid = (hashtext($1)::bigint & 4294967295)::oid
GROUP BY 1, 2"""


@dataclass(slots=True)
class Pending:
    """Asks broker and database, and connects anew when one of them was restarted."""

    servers: Servers
    _database: asyncpg.Connection[asyncpg.Record] | None = None
    _broker: AIOKafkaConsumer | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def behind(self, service: str) -> dict[str, int]:
        """Records that each worker of a service was given and has not applied, by process."""
        rows = await self._ask(_HELD.format(service=service))
        ends = await self._ends(READS[service])
        found: dict[str, int] = {}
        for row in rows:
            left = ends.get((row["topic"], row["partition"]), 0) - row["next_offset"]
            found[row["application"]] = found.get(row["application"], 0) + max(0, left)
        return found

    async def unpublished(self, service: str) -> int:
        """Events that are committed and not acknowledged by the broker."""
        rows = await self._ask(f"SELECT count(*) AS many FROM {service}.unpublished")
        return int(rows[0]["many"]) if rows else 0

    async def relays(self, service: str) -> dict[str, int]:
        """How many partitions each relay holds."""
        rows = await self._ask(_LANES, f"{service}.relay")
        return {row["application"]: row["lanes"] for row in rows}

    async def due(self) -> int:
        """Messages that are to be sent or on their way."""
        rows = await self._ask("SELECT count(*) AS many FROM notify.delivery WHERE state = 'due'")
        return int(rows[0]["many"]) if rows else 0

    async def backends(self, application: str) -> tuple[int, ...]:
        """Database sessions of a process."""
        rows = await self._ask("SELECT pid FROM pg_stat_activity WHERE application_name = $1", application)
        return tuple(row["pid"] for row in rows)

    async def claims(self, application: str) -> int:
        """How many partitions this process has claimed so far, over all its lives."""
        rows = await self._ask(_CLAIMS, application)
        return int(rows[0]["many"]) if rows else 0

    async def firing(self, name: str) -> int:
        """Cases of this worker's partitions with a limit that is due now."""
        rows = await self._ask(_FIRING, name)
        return int(rows[0]["many"]) if rows else 0

    async def slow_claims(self, application: str, *, slow: bool) -> None:
        """Make each partition's claim by this process take 0.2 s, or let it be quick again."""
        await self._ask(
            "INSERT INTO chaos.slow VALUES ($1)" if slow else "DELETE FROM chaos.slow WHERE application = $1",
            application,
        )

    async def claiming(self, application: str) -> bool:
        """Whether this process is in the middle of a claim that was made slow."""
        rows = await self._ask(
            "SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND wait_event = 'PgSleep'", application
        )
        return bool(rows)

    async def left(self) -> Mapping[str, int]:
        """All that is not applied, not published, not sent, and limits due within a minute: nothing is left at rest."""
        found: dict[str, int] = {}
        for service in READS:
            rows = await self._ask(f"SELECT topic, partition, next_offset FROM {service}.position")
            ends = await self._ends(READS[service])
            at = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
            found[f"{service} behind"] = sum(end - at.get(tp, 0) for tp, end in ends.items())
            found["broker away"] = found.get("broker away", 0) + (not ends)
            found[f"{service} unpublished"] = await self.unpublished(service)
        found["messages due"] = await self.due()
        rows = await self._ask(
            "SELECT count(*) AS many FROM escalation_state.state WHERE due_at < clock_timestamp() + interval '1 minute'"
        )
        found["limits due"] = int(rows[0]["many"]) if rows else 1
        return {what: many for what, many in found.items() if many}

    async def close(self) -> None:
        if self._database is not None:
            self._database.terminate()
        if self._broker is not None:
            await self._broker.stop()

    async def _ask(self, sql: str, *args: object) -> list[asyncpg.Record]:
        """Rows; none while the database is away."""
        async with self._lock:
            try:
                if self._database is None:
                    self._database = await asyncpg.connect(
                        self.servers.dsn(), timeout=_PATIENCE_S, command_timeout=_PATIENCE_S
                    )
                return await self._database.fetch(sql, *args)
            except _FAULTS:
                if self._database is not None:
                    self._database.terminate()
                self._database = None
                return []

    async def _ends(self, topics: Iterable[str]) -> dict[tuple[str, int], int]:
        """Where the topics end; empty while the broker is away."""
        tps = [TopicPartition(topic, lane) for topic in topics for lane in range(PARTITIONS)]
        try:
            async with asyncio.timeout(_PATIENCE_S):
                if self._broker is None:
                    self._broker = AIOKafkaConsumer(**self.servers.kafka(), enable_auto_commit=False)
                    await self._broker.start()
                ends = await self._broker.end_offsets(tps)
        except _FAULTS:
            if self._broker is not None:
                with contextlib.suppress(*_FAULTS):
                    await asyncio.wait_for(self._broker.stop(), 2)
            self._broker = None
            return {}
        return {(tp.topic, tp.partition): end for tp, end in ends.items()}
