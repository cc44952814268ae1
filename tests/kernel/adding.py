"""One step of the toy straight through a store, without a processor."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from services.kernel.core import Incoming, Record, Row
from services.kernel.fold import Folder, Work
from services.kernel.postgres import BatchStore
from services.kernel.store import TP, Position, Write
from tests.kernel.toy import LOG, NINE, Added, Given, Meter, ToyCore, partition_of

LANE = partition_of("m")
TOPIC = TP(LOG, LANE)


async def added(
    store: BatchStore[Meter, Given, None],
    n: int,
    at: Position | None,
    subject: str = "m",
    *,
    between: Callable[[], Awaitable[object]] | None = None,
    fault: Exception | None = None,
) -> int:
    """Add n to a subject, as a step through its topic or, without a position, as a fact from outside.

    between: awaited between reading and writing. fault: raised when it is written, before the batch is over.
    Returns: the total that the batch began with.
    """
    async with store.batch({subject: LANE}) as batch:
        row = batch.rows.get(subject) or Row()
        work = Work(subject, LANE, row)
        record, what = Record(LOG, LANE, 0, b"m", None), Given(NINE, Added(n=n))
        given = Incoming(record, subject, f"n{n}", None, NINE, 0, False, what)
        Folder("toy", ToyCore()).apply(work, given, None)
        if between is not None:
            await between()
        await batch.write(Write({TOPIC: at} if at else {}, works=[work]))
        if fault is not None:
            raise fault
    return row.state.total if row.state is not None else 0
