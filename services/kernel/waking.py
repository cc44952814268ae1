"""Wakes whoever waits for rows in the same process, and leaves NOTIFY for the others.

A commit that notifies holds a lock of the whole server until it is flushed, so that all services' commits go one after
another, and it wakes every listener of the database. Most rows are published by the process that wrote them.
"""

from __future__ import annotations

import asyncio


class Waker:
    """One per process. lanes: the partitions that this process's relay publishes now."""

    def __init__(self) -> None:
        self.lanes: frozenset[int] = frozenset()
        self._waiting: list[asyncio.Event] = []

    def listener(self) -> asyncio.Event:
        """An event that is set whenever rows were committed here; whoever waits for it clears it."""
        event = asyncio.Event()
        self._waiting.append(event)
        return event

    def wake(self) -> None:
        """Rows were committed."""
        for event in self._waiting:
            event.set()
