"""What a story expects, and the sentence that says what it saw instead."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")
LOOK_AGAIN_S: Final = 0.25


class Unexpected(Exception):  # noqa: N818 - an outcome of the play, not a fault of the program
    """Something else happened than a story expects. The text says what was expected and what was seen."""


def expect(holds: bool, expected: str, seen: object) -> None:
    """Raises: Unexpected, where it does not hold."""
    if not holds:
        raise Unexpected(f"expected {expected}; saw {seen}")


async def until(
    read: Callable[[], Awaitable[T]],
    holds: Callable[[T], bool],
    expected: str,
    within_s: float,
    say: Callable[[T], object] = lambda seen: seen,
) -> T:
    """Look again and again until something holds.

    Args:
        read: how to look. holds: what is waited for. expected: the same in words.
        within_s: how long to wait, in seconds. say: what was seen, in words.

    Raises:
        Unexpected: it did not hold in time.
    """
    deadline = time.monotonic() + within_s
    while True:
        seen = await read()
        if holds(seen):
            return seen
        if time.monotonic() > deadline:
            raise Unexpected(f"expected {expected} within {within_s:.0f} s; saw {say(seen)}")
        await asyncio.sleep(LOOK_AGAIN_S)
