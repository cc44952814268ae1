"""Writes what came of a delivery: the only way by which a channel's answer becomes a fact.

How it goes together with the worker. Both change the state of a case, so both use `kernel.postgres.GuardedStore`: what
either writes is written only if the case still is as it was read; the second one reads again what the first one wrote,
and decides again. The own number stands in the row, and one statement writes state, event, outbox and the rows of
deliveries. The sender holds no partition, so it states no position and no epoch: what it writes is not a step through a
topic but a fact from outside, and the worker that next owns the partition finds it in the row. A worker that was fenced
meanwhile loses its batch, never this. What the core makes of an answer does not depend on whether the worker has since
applied more of either topic (see `core/cases.py`), so neither has to know how far the other is.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from services.kernel.clock import Clock
from services.kernel.core import Incoming, Record, Row
from services.kernel.envelope import derived_id
from services.kernel.fold import Folder, Work
from services.kernel.store import Moved, Store, Unavailable, Write
from services.kernel.telemetry import Logger
from services.notify.core.calls import Case
from services.notify.core.inputs import Delivered, Given, Overtaken
from services.notify.core.inputs import Failed as StepGivenUp
from services.notify.core.roster import Directory
from services.notify.store.deliveries import Claim

_NO_RECORD = "notify.sender"  # stands where a topic's name stands for what came by topic


class Outcomes(Protocol):
    """Where the sender leaves what came of a delivery."""

    async def settle(self, claim: Claim, given: Given) -> None: ...


class StoredOutcomes:
    """See the module.

    Args:
        store: a `GuardedStore`. folder: as the worker's. clock: gives the times of facts.
    """

    def __init__(
        self, store: Store[Case, Directory], folder: Folder[Case, Given, Directory], clock: Clock, log: Logger
    ) -> None:
        self._store, self._folder, self._clock, self._log = store, folder, clock, log

    async def settle(self, claim: Claim, given: Given) -> None:
        """Decide on the answer and write what follows, until it is written: the message has left, and only this
        process knows. A repeat changes nothing."""
        wait = 0.05
        while True:
            try:
                await self._settle(claim, given)
            except Moved:
                await asyncio.sleep(0)
            except Unavailable as fault:
                self._log.warning("an answer waits for the database", fault=str(fault), wait_s=wait)
                await asyncio.sleep(wait)
                wait = min(2.0, wait * 2)
            else:
                return

    async def _settle(self, claim: Claim, given: Given) -> None:
        empty: Row[Case] = Row()
        async with self._store.batch({claim.subject: claim.partition}) as batch:
            row = batch.rows.get(claim.subject, empty)
            now = self._clock.now()
            at = max(now, row.at or now)
            work = Work(claim.subject, claim.partition, row, at)
            record = Record(_NO_RECORD, claim.partition, 0, None, None)
            call = row.state.call(claim.key) if row.state is not None else None
            # escalation may be ahead of what was read of case.intake: an answer never stands before its call.
            after = max(row.after, call.asked_after if call is not None else 0)
            cause = _cause(claim, given)
            incoming: Incoming[Given] = Incoming(record, claim.subject, cause, None, at, after, False, given)
            self._folder.apply(work, incoming, batch.view)
            if work.said:
                await batch.write(Write(works=[work]))
            else:
                self._log.warning("an answer changes nothing", delivery=claim.name, answer=type(given).__name__)


def _cause(claim: Claim, given: Given) -> str:
    """Id of the answer, made of the delivery's key, so that an event said twice would be the same event."""
    match given:
        case Delivered():
            return derived_id(claim.name, "delivered", 0)
        case StepGivenUp() | Overtaken():
            return derived_id(f"{claim.subject}/{claim.key}/{claim.staff}", type(given).__name__.lower(), 0)
        case _:
            raise TypeError(f"{type(given).__name__} is not an answer of a channel")
