"""Runs a processor on Faust."""

from __future__ import annotations

from services.kernel.core import I, S, V
from services.kernel.processor import Processor
from services.kernel.transports.port import GroupPlan


class FaustTransport:
    """See `port.Transport`."""

    def __init__(self, plan: GroupPlan, processor: Processor[S, I, V]) -> None:
        self._plan, self._processor = plan, processor

    async def run(self) -> None:
        raise NotImplementedError
