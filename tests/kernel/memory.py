"""The store in memory: the reference of the conformance suite, and what cores run on in simulation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Generic

import msgspec

from services.kernel.core import Core, I, Row, S, Said, V
from services.kernel.store import TP, Batch, Parked, Position, Write


class MemoryStore(Generic[S, I, V]):
    """Keeps what a PostgreSQL store keeps, with the same fencing. Rows are kept as bytes, so nothing is shared."""

    reads_ahead = True

    def __init__(
        self, topic: str, state: type[S], core: Core[S, I, V], view: Callable[[], V], *, most_subjects: int = 1_000
    ) -> None:
        self.topic, self._core, self._view, self.most_subjects = topic, core, view, most_subjects
        self._decoder: msgspec.json.Decoder[Row[S]] = msgspec.json.Decoder(Row[state])  # type: ignore[valid-type]
        self.docs: dict[str, tuple[int, bytes]] = {}
        self.claims: dict[TP, Position] = {}
        self.said: list[Said] = []
        self.parked: list[Parked] = []
        self.redrive: set[str] = set()

    async def claim(self, begins: Mapping[TP, int]) -> dict[TP, Position]:
        claims = {}
        for tp, begin in begins.items():
            old = self.claims.get(tp)
            now = Position(begin, 1) if old is None else replace(old, epoch=old.epoch + 1)
            self.claims[tp] = now
            claims[tp] = now
        return claims

    async def orphaned(self) -> bool:
        return not self.claims and any(said.topic == self.topic for said in self.said)

    async def positions(self, partitions: Sequence[TP]) -> dict[TP, Position]:
        return {tp: self.claims[tp] for tp in partitions if tp in self.claims}

    @asynccontextmanager
    async def batch(self, subjects: Mapping[str, int]) -> AsyncIterator[Batch[S, V]]:
        rows = {s: self._decoder.decode(self.docs[s][1]) for s in subjects if s in self.docs}

        async def write(write: Write[S]) -> set[TP]:
            return self.write(write)

        yield Batch(rows=rows, view=self._view(), write=write)

    def write(self, write: Write[S]) -> set[TP]:
        """The batch's one statement."""
        live = {tp for tp, advance in write.positions.items() if self.claims[tp].epoch == advance.epoch}
        # Without positions it is a press of a person on rows under lock: no partition guards it.
        lanes = {tp.partition for tp in live} if write.positions else {work.partition for work in write.works}
        for tp in live:
            advance = write.positions[tp]
            self.claims[tp] = replace(
                self.claims[tp], next_offset=advance.next_offset, upto=advance.upto or self.claims[tp].upto
            )
        for work in write.works:
            if work.partition not in lanes:
                continue
            if work.changed:
                self.docs[work.subject] = (work.partition, msgspec.json.encode(work.row))
            self.said += [Said(self.topic, work.subject, message) for message in work.said]
            self.parked += [Parked(record, work.subject, reason) for record, reason in work.parked]
        self.said += [said for said in write.also if said.lane is None or said.lane in lanes]
        gone = {(r.topic, r.partition, r.offset) for r in write.unparked if r.partition in lanes}
        self.parked = [p for p in self.parked if (p.record.topic, p.record.partition, p.record.offset) not in gone]
        return live

    async def due(self, before: Mapping[int, datetime], most: int) -> list[tuple[str, int]]:
        found = []
        for subject, (partition, doc) in self.docs.items():
            state = self._decoder.decode(doc).state
            due = self._core.due(state) if state is not None else None
            if due is not None and partition in before and due < before[partition]:
                found.append((due, subject, partition))
        return [(subject, partition) for _, subject, partition in sorted(found)[:most]]

    async def redrivable(self, partitions: Sequence[int], most: int) -> list[Parked]:
        wanted = [p for p in self.parked if p.subject in self.redrive and p.record.partition in partitions]
        return sorted(wanted, key=lambda p: (p.subject, p.record.topic, p.record.offset))
