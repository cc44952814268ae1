"""How often a channel is tried, and how long to pause between. Pure: the chance in it is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Patience:
    """attempts: of one channel, the first included. first, most: shortest and longest pause between two.

    With the defaults a dead channel is given up after about 8 s: escalation's own patience for `told` is 2 min, and
    the chain may have several people with two channels each.
    """

    attempts: int = 4
    first: timedelta = timedelta(seconds=1)
    most: timedelta = timedelta(seconds=15)

    def pause(self, attempt: int, chance: float, asked: timedelta | None = None) -> timedelta | None:
        """How long to wait after attempt number `attempt` failed.

        Args:
            attempt: 1, 2, 3 …
            chance: 0 … 1, drawn by the caller; spreads what failed together over half a pause more.
            asked: what the channel itself asked for (`Retry-After`); no shorter than that, no longer than `most`.

        Returns: the pause, or None to give the channel up.
        """
        if attempt >= self.attempts:
            return None
        doubled = min(self.most, self.first * (1 << min(attempt - 1, 20)))
        own: timedelta = doubled * (1 + chance / 2)
        return min(self.most, max(own, asked)) if asked is not None else min(self.most, own)
