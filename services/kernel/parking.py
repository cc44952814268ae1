"""When bad records are too many to be parked one by one (decision 6)."""

from __future__ import annotations

from collections import deque


class StormError(Exception):
    """So many bad records that the fault is more likely ours, or the publisher's, than theirs: the worker stops."""


class StormLimit:
    """Stops at `most` bad records among the last `of`: bad code must not park a whole topic. The bound is ours."""

    def __init__(self, most: int = 50, of: int = 1_000) -> None:
        self._most, self._last = most, deque[bool](maxlen=of)
        self._bad = 0

    def saw(self, bad: bool) -> None:
        """Count one record.

        Raises: StormError, with what to do.
        """
        if len(self._last) == self._last.maxlen:
            self._bad -= self._last[0]
        self._last.append(bad)
        self._bad += bad
        if self._bad >= self._most:
            raise StormError(
                f"{self._bad} of the last {len(self._last)} records can't be read. Stopped before more are parked: "
                "look at `maodiao parked`, mend the publisher or this service, then start again and redrive."
            )
