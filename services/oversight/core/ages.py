"""When the record at an offset was written, found by asking the broker for offsets by time alone. Pure.

Reading the record itself would need READ on every topic, inbound ones with personal data included. `ListOffsets` by
time needs DESCRIBE: "the first record not older than t", of which the broker tells offset and time. Times on one
partition do not fall (one relay at a time writes it), so a bisection finds the record's own time.
"""

from __future__ import annotations

PRECISION_MS = 50


class AgeSearch:
    """The search for one record's time, all in ms since 1970. Ask the broker for `question`, answer with `heard`.

    Args:
        offset: the record whose time is wanted; it exists, or a later one does.
        now: a time not before the record's.
    """

    def __init__(self, offset: int, now: int) -> None:
        self.offset = offset
        self._low: int | None = None  # a record at or before ours was written then
        self._high = now + 1  # from then on there are only later records
        self._asked = 0
        self.written: int | None = None

    @property
    def question(self) -> int | None:
        """The time to ask about next; None once `written` says the answer."""
        return None if self.written is not None else self._asked

    def heard(self, offset: int | None, timestamp: int | None) -> None:
        """The first record not older than `question`: its offset and time; None where there is none."""
        if offset is None or timestamp is None:
            self._high = self._asked
        elif offset == self.offset:
            self.written = timestamp
            return
        elif offset < self.offset:
            self._low = timestamp
        else:
            if self._low is None:  # ours is gone: the oldest record left is the oldest that waits
                self.written = timestamp
                return
            self._high = self._asked
        low = self._asked if self._low is None else self._low
        if self._high - low <= PRECISION_MS:
            self.written = low
            return
        self._asked = low + (self._high - low + 1) // 2
