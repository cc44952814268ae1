"""When bad records are too many to be parked one by one (decision 6)."""

from __future__ import annotations

from collections import deque

from services.kernel.core import Record


class StormError(Exception):
    """So many bad records that the fault is more likely ours, or the publisher's, than theirs: the worker stops."""


class StormLimit:
    """Stops at `most` bad records among the last `of`: bad code must not park a whole topic. The bound is ours."""

    def __init__(self, most: int = 50, of: int = 1_000) -> None:
        self._most, self._last = most, deque[bool](maxlen=of)
        self._counted: dict[tuple[str, int], int] = {}

    def saw(self, record: Record, bad: bool) -> None:
        """Count one record, once however often its batch is tried: a database that is away makes no storm.

        Raises: StormError, with what to do.
        """
        place = record.topic, record.partition
        if record.offset <= self._counted.get(place, -1):
            return
        self._counted[place] = record.offset
        self._last.append(bad)
        if bad and (count := sum(self._last)) >= self._most:
            raise StormError(
                f"{count} of the last {len(self._last)} records can't be read. Stopped before more are parked: "
                "look at `maodiao parked`, mend the publisher or this service, then start again and redrive."
            )
