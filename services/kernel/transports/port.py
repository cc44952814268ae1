"""What a transport is: it takes part in a consumer group and hands records to a processor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from services.kernel.broker import KafkaLogin


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """group: consumer group, beginning with the service's name. instance: name of this process.

    fetch_records: how many records at most are taken at once. linger_s: pause after a batch, so that the next is
    larger, where nobody waits for a single record. gather_ms: as of `broker.gathering`; Faust has its own.
    """

    login: KafkaLogin
    group: str
    topics: tuple[str, ...]
    instance: str
    session_timeout_s: float = 6.0
    fetch_records: int = 500
    commit_every_s: float = 1.0
    linger_s: float = 0.0
    gather_ms: int = 0

    @property
    def heartbeat_s(self) -> float:
        """Between heartbeats. The living hear of the dead with their next one, so it is a part of every take-over."""
        return self.session_timeout_s / 6


class Transport(Protocol):
    async def run(self) -> None:
        """Take part in the group until cancelled.

        Raises: FencedError, PositionError, StormError, UnreadableError: the process must end.
        """
