"""The compressed day of the outside system: when each request is sent, and when somebody deals with it."""

import csv
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

DAY_S: Final = 86_400
SOONEST_S: Final = 2.0
LATEST_S: Final = 9.0
"""Between registered and disposed. The shortest limit of demo.yaml, accepting what is urgent, is 10 s."""

LONGEST_MIN: Final = 2_880.0
"""A request that took two days or more is dealt with at LATEST_S."""


@dataclass(frozen=True, slots=True)
class Request:
    """A row of requests311.csv. offset_s: seconds into the day. minutes_to_close: None where it was never closed."""

    ref: str
    offset_s: float
    kind: str
    lon: float | None
    lat: float | None
    minutes_to_close: float | None
    unroutable: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A request with its times. send_s: seconds after the beginning. dispose_s: seconds after it was registered;
    None: it is left to its limits."""

    request: Request
    send_s: float
    dispose_s: float | None


def read(path: Path) -> list[Request]:
    """The requests of a file, in its order."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Request(
                ref=row["ref"],
                offset_s=float(row["offset_s"]),
                kind=row["kind"],
                lon=float(row["lon"]) if row["lon"] else None,
                lat=float(row["lat"]) if row["lat"] else None,
                minutes_to_close=float(row["minutes_to_close"]) if row["minutes_to_close"] else None,
                unroutable=row["unroutable"],
            )
            for row in csv.DictReader(file)
        ]


def compressed(minutes: float) -> float:
    """Seconds of the demo for minutes of the city: longer stays longer, by the logarithm, within our limits."""
    share = math.log1p(min(minutes, LONGEST_MIN)) / math.log1p(LONGEST_MIN)
    return SOONEST_S + share * (LATEST_S - SOONEST_S)


def left_alone(requests: Sequence[Request], seed: int, count: int) -> frozenset[str]:
    """The refs of requests that the data call closed and that nobody deals with, chosen by seed among the routable."""
    closed = sorted(one.ref for one in requests if one.minutes_to_close is not None and not one.unroutable)
    return frozenset(random.Random(seed).sample(closed, min(count, len(closed))))  # noqa: S311 - a choice to repeat


def plan(requests: Sequence[Request], seed: int, over_s: float, left: int = 20) -> list[Planned]:
    """Spread the day over `over_s` seconds.

    Args:
        requests: of one day. seed: chooses those left alone. over_s: seconds that the day takes.
        left: how many of those that the data call closed are left to their limits.
    """
    alone = left_alone(requests, seed, left)
    return [
        Planned(
            request=one,
            send_s=one.offset_s / DAY_S * over_s,
            dispose_s=None if one.ref in alone or one.minutes_to_close is None else compressed(one.minutes_to_close),
        )
        for one in sorted(requests, key=lambda one: (one.offset_s, one.ref))
    ]
