"""Progress marks as a worker keeps them (decision 4). Pure.

A mark says: at this next offset of the partition, every event with a time before `upto` lies behind. So limits due
before `upto` may fire once the worker's own position has reached that offset, and not before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime

import msgspec


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the topic `progress`: by one relay, for the partitions that it holds."""

    relay: str
    upto: datetime
    offsets: dict[int, int]


class Marks:
    """The marks that a worker has read and not yet passed, per partition of the log."""

    def __init__(self) -> None:
        self._ahead: dict[int, deque[tuple[int, datetime]]] = {}
        self._reached: dict[int, datetime] = {}
        self._fired: dict[int, datetime | None] = {}

    def assign(self, upto: Mapping[int, datetime | None]) -> None:
        """These partitions are ours now; limits before the times given have fired."""
        self._fired = dict(upto)
        self._ahead = {partition: deque() for partition in upto}
        self._reached = {}

    def add(self, mark: Mark) -> None:
        """A mark was read. Offsets and times never fall; a mark at the same offset replaces the one before."""
        for partition, offset in mark.offsets.items():
            ahead = self._ahead.get(partition)
            if ahead is None:
                continue
            if ahead and ahead[-1][0] >= offset:
                ahead[-1] = (ahead[-1][0], max(ahead[-1][1], mark.upto)) if ahead[-1][0] == offset else ahead[-1]
                continue
            ahead.append((offset, mark.upto))

    def passed(self, positions: Mapping[int, int]) -> dict[int, datetime]:
        """Per partition the time before which limits may fire, where it is later than what has been fired."""
        for partition, ahead in self._ahead.items():
            while ahead and ahead[0][0] <= positions.get(partition, -1):
                _, upto = ahead[0]
                self._reached[partition] = max(upto, self._reached.get(partition, upto))
                if len(ahead) == 1:
                    break  # kept: the next mark at this offset replaces it
                ahead.popleft()
        fired = self._fired
        return {p: upto for p, upto in self._reached.items() if (last := fired.get(p)) is None or last < upto}

    def fired(self, before: Mapping[int, datetime]) -> None:
        """All limits due before these times have fired."""
        self._fired.update(before)
