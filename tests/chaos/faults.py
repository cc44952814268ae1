"""Planted faults: a service's own process with one part of the kernel made wrong, to show that the ledger sees it.

`python -m tests.chaos.faults NAME SERVICE` runs the service so; nothing of this is reachable from services/.
Each fault is what a plausible mistake would be. Where it would need luck to show in a short run, the time between two
steps is stretched; that changes no order.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib import import_module

from services.host import runtime
from services.kernel import postgres, processor, relay, sql
from services.kernel.core import I, S, V
from services.kernel.store import TP, Write

STRETCH_S = 0.25


class MarksEarly(relay.Relay):
    """Takes rows out of the outbox before the broker has acknowledged them."""

    async def _publish(self, s: relay._Session) -> int | None:
        rows = await s.connection.fetch(self._sql["unpublished"], s.lanes, relay._ROUND)
        if not rows:
            return None
        batches = self._batches(s.producer, rows)
        done = [id_ for _, ids in batches.values() for id_ in ids]
        await s.connection.execute(self._sql["published"], done)
        await asyncio.sleep(STRETCH_S)
        sent = [await s.producer.send_batch(b, tp.topic, partition=tp.partition) for tp, (b, _) in batches.items()]
        await asyncio.gather(*sent)
        return None if len(done) == len(rows) else int(rows[0]["id"])


class PositionApart(postgres.BatchStore[S, I, V]):
    """Writes the position first, in a statement of its own, then states and events."""

    @asynccontextmanager
    async def batch(self, subjects: Mapping[str, int]) -> AsyncIterator[postgres.PostgresBatch[S, V]]:
        async with super().batch(subjects) as batch:
            whole = batch.write

            async def apart(write: Write[S]) -> set[TP]:
                done = await whole(Write(positions=write.positions))
                await asyncio.sleep(STRETCH_S)
                await whole(Write(works=write.works, also=write.also, unparked=write.unparked))
                return done

            batch.write = apart
            yield batch


class Stretched(postgres.BatchStore[S, I, V]):
    """Takes its time between reading and writing, so that a worker is frozen with a batch in its hands."""

    @asynccontextmanager
    async def batch(self, subjects: Mapping[str, int]) -> AsyncIterator[postgres.PostgresBatch[S, V]]:
        async with super().batch(subjects) as batch:
            await asyncio.sleep(STRETCH_S)
            yield batch


class ByTheWallClock(processor.Processor[S, I, V]):
    """Fires whatever is due by the machine's clock, wherever the log stands."""

    _ticking: asyncio.Task[None] | None = None

    async def assign(self, generation: int, bounds: Mapping[TP, processor.Bounds]) -> dict[TP, int]:
        if self._ticking is None:
            self._ticking = asyncio.create_task(self._tick())
        return await super().assign(generation, bounds)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            await self.fire()

    async def fire(self) -> bool:
        async with self._lock:
            if self._generation is None:
                return False
            lanes = {tp.partition for tp in self._claims if tp.topic == self._log_topic}
            now = datetime.now(UTC)
            return bool(lanes) and await self._patiently(lambda: self._fire(dict.fromkeys(lanes, now)), self._reread)


def _relay_marks_early() -> None:
    setattr(runtime, "Relay", MarksEarly)  # noqa: B010 - the name in the module that starts relays


def _worker_without_epoch() -> None:
    """The statement's condition on the epoch is gone."""
    condition, statements = " AND p.epoch = u.ep", sql.statements

    def without(schema: str) -> Mapping[str, str]:
        known = statements(schema)
        assert condition in known["batch"]
        return {**known, "batch": known["batch"].replace(condition, "")}

    setattr(sql, "statements", without)  # noqa: B010 - the name by which stores ask for their SQL
    setattr(postgres, "BatchStore", Stretched)  # noqa: B010 - the name that a composition root is about to import


def _position_apart(main: object) -> None:
    setattr(main, "BatchStore", PositionApart)  # noqa: B010 - the name in the service's composition root


def _by_the_wall_clock(main: object) -> None:
    setattr(main, "Processor", ByTheWallClock)  # noqa: B010


PLANTED: Mapping[str, str] = {
    "relay-marks-early": "a relay that marks events as published before the broker has acknowledged them",
    "no-epoch": "a worker that writes without the check of its epoch",
    "position-apart": "a worker that writes its position outside the transaction of its states",
    "wall-clock": "a worker that fires limits by the wall clock",
}
_IN_THE_KERNEL: Mapping[str, Callable[[], None]] = {
    "relay-marks-early": _relay_marks_early,
    "no-epoch": _worker_without_epoch,
}
_IN_THE_SERVICE: Mapping[str, Callable[[object], None]] = {
    "position-apart": _position_apart,
    "wall-clock": _by_the_wall_clock,
}


def main(arguments: Sequence[str]) -> None:
    """Plant the fault, then run the service as its own `__main__` would."""
    name, service = arguments
    if name in _IN_THE_KERNEL:
        _IN_THE_KERNEL[name]()
    wired = import_module(f"services.{service}.__main__")
    if name in _IN_THE_SERVICE:
        _IN_THE_SERVICE[name](wired)
    wired.main()


if __name__ == "__main__":
    main(sys.argv[1:])
