"""Wakes the relay of the process that committed rows, and leaves NOTIFY for the others.

A commit that notifies holds a lock of the whole server until it is flushed, so that all services' commits go one after
another, and it wakes every listener of the database. Most rows are published by the process that wrote them.
"""

from __future__ import annotations

import asyncio


class Waker:
    """One per process. lanes: the partitions that its relay publishes now. rows: set whenever rows were committed."""

    def __init__(self) -> None:
        self.lanes: frozenset[int] = frozenset()
        self.rows = asyncio.Event()
