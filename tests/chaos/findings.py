"""What a check of the ledger says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """what: what must not be. looked_at: how many things were compared. wrong: each thing that is not as it must be."""

    what: str
    looked_at: int
    wrong: Sequence[str]
    note: str = ""

    @property
    def holds(self) -> bool:
        return not self.wrong
