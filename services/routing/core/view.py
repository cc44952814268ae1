"""What a decision may look at beyond its case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.routing.core.directory import Directory
from services.routing.core.routes import RouteTable, in_force


@dataclass(frozen=True, slots=True)
class Edition:
    """Directory and route tables as they stood after change number `version`, for both together."""

    version: int
    directory: Directory
    tables: tuple[RouteTable, ...]

    def table(self, at: datetime) -> RouteTable | None:
        """The route table in force at a time of the log."""
        return in_force(self.tables, at)


class Editions(Protocol):
    """All editions that ever were: verify decides again in the one that was recorded."""

    def edition(self, version: int) -> Edition:
        """Raises: LookupError, if there never was such an edition."""
        ...


@dataclass(frozen=True, slots=True)
class View:
    """loads: open cases per unit or staff id; who is not listed has none."""

    edition: Edition
    loads: Mapping[str, int]
    editions: Editions

    def load(self, id_: str) -> int:
        return self.loads.get(id_, 0)
