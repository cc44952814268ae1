"""Takes deliveries one by one: claim with a lease, attempt committed, send, write what came of it.

Most are claimed for it by the statement that opens them; the others it looks for: those that found no room, whose pause
is over, or whose sender died.

Killed after sending and before writing, it leaves a delivery that another sender takes when the lease is over: one
repeat, with the same Message-ID. A rebuild or a verify has no object of this class.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from services.kernel.store import Unavailable
from services.kernel.telemetry import Logger
from services.notify.core.calls import Call, Case, why_not
from services.notify.core.inputs import Delivered, Overtaken
from services.notify.core.inputs import Failed as StepGivenUp
from services.notify.core.patience import Patience
from services.notify.doors.channels.port import Channel, Failed, Message, Result, Retry, Sent
from services.notify.doors.metrics import SenderMetrics
from services.notify.doors.outcomes import Outcomes
from services.notify.store.deliveries import Claim

NO_CONTACT = "no_contact"
# Attempts whose senders died count too. So many, and it is rather the message that ends them: on to the next person.
_TIMES_PATIENCE = 3
_OVER = ("case_ended", "obligation_ended")


class Queue(Protocol):
    """The deliveries, as `store.deliveries.Deliveries` keeps them."""

    async def claim(self, most: int, lease: timedelta) -> list[Claim]: ...

    async def postpone(self, claim: Claim, after: timedelta, reason: str) -> None: ...

    async def next_channel(self, claim: Claim, reason: str) -> None: ...

    async def drop(self, claim: Claim, reason: str) -> None: ...


class Compose(Protocol):
    def message(self, claim: Claim, case: Case, call: Call) -> Message: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """lease: longer than a channel's own time limit and the writing of its answer. most: deliveries at once.

    poll_s: longest wait when nothing wakes it. chance: draws 0 … 1 for the spread of pauses.
    """

    patience: Patience
    chance: Callable[[], float]
    lease: timedelta = timedelta(seconds=30)
    most: int = 16
    poll_s: float = 0.5
    grace_s: float = 6.0


@dataclass(slots=True)
class Sender:
    """See the module. `wake` is set when there is something to be looked for."""

    queue: Queue
    outcomes: Outcomes
    channels: Mapping[str, Channel]
    compose: Compose
    pace: Pace
    metrics: SenderMetrics
    log: Logger
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    _running: set[asyncio.Task[None]] = field(default_factory=set)
    _failed: asyncio.Task[None] | None = None
    _stopping: bool = False

    async def run(self) -> None:
        """Send until cancelled; then finish what is on its way, or the next sender would repeat it.

        Raises: whatever a delivery raised that is no fault of a net or a database: a fault of the program.
        """
        try:
            while True:
                self.wake.clear()
                if self._failed is not None:
                    self._failed.result()
                if not await self._round():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(self.pace.poll_s):
                            await self.wake.wait()
        finally:
            self._stopping = True
            if self._running:
                await asyncio.wait(self._running, timeout=self.pace.grace_s)

    @property
    def room(self) -> int:
        """How many deliveries more may be on their way at once."""
        return 0 if self._stopping else max(0, self.pace.most - len(self._running))

    def take(self, claims: Sequence[Claim]) -> None:
        """Deliveries were opened, and these of them are claimed for this sender; if none, it looks for them."""
        if self._stopping:  # who takes what comes now, when its lease is over, repeats nothing
            return
        for claim in claims:
            self._begin(claim)
        if not claims:
            self.wake.set()

    async def once(self) -> int:
        """Claim what is due and see each through. Returns: how many there were."""
        claims = await self.queue.claim(self.pace.most, self.pace.lease)
        await asyncio.gather(*(self.deliver(claim) for claim in claims))
        return len(claims)

    async def _round(self) -> bool:
        """Fill up to `most`. Returns: True if there may be more at once."""
        room = self.room
        if room == 0:
            return False
        try:
            claims = await self.queue.claim(room, self.pace.lease)
        except Unavailable as fault:
            self.log.warning("deliveries can't be read", fault=str(fault))
            return False
        for claim in claims:
            self._begin(claim)
        return len(claims) == room

    def _begin(self, claim: Claim) -> None:
        task = asyncio.create_task(self.deliver(claim), name=f"delivery {claim.key}")
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Look again at once where there was no room; else there is nothing new to be claimed."""
        if not self.room:
            self.wake.set()
        self._running.discard(task)
        if task.cancelled() or task.exception() is not None:
            self._failed = task
            self.wake.set()

    async def deliver(self, claim: Claim) -> None:
        """See one claimed delivery through to what came of it."""
        try:
            case = claim.case
            reason = why_not(case, claim.key, claim.staff)
            if reason in _OVER:
                self.metrics.count(claim, "called_off")
                await self.outcomes.settle(claim, Overtaken(claim.key))
            elif reason is not None or case is None:
                self.log.warning("a delivery that nobody waits for", reason=reason, case=claim.subject)
                await self.queue.drop(claim, reason or "unknown")
            else:
                await self._settle(claim, await self._send(claim, case))
        except Unavailable as fault:  # before the message left, or after an answer that changes nothing yet
            self.log.warning("a delivery waits for its lease to end", fault=str(fault), case=claim.subject)

    async def _send(self, claim: Claim, case: Case) -> Result:
        if claim.attempts > _TIMES_PATIENCE * self.pace.patience.attempts:
            return Failed("unfinished")
        channel, call = self.channels.get(claim.channel), case.call(claim.key)
        if channel is None or call is None or claim.address is None:
            return Failed(NO_CONTACT)
        return await channel.send(claim.address, self.compose.message(claim, case, call))

    async def _settle(self, claim: Claim, result: Result) -> None:
        match result:
            case Sent():
                self.metrics.told(claim)
                await self.outcomes.settle(claim, Delivered(claim.key, claim.staff, claim.channel, claim.attempts))
            case Retry():
                pause = self.pace.patience.pause(claim.attempts, self.pace.chance(), result.after)
                if pause is None:
                    await self._give_up(claim, "unanswered", result.reason)
                else:
                    self.metrics.count(claim, "retry")
                    await self.queue.postpone(claim, pause, result.reason)
            case Failed():
                await self._give_up(claim, NO_CONTACT if result.reason == NO_CONTACT else "refused", result.reason)

    async def _give_up(self, claim: Claim, kind: str, reason: str) -> None:
        """On to the person's next channel, or, without one, to the next person."""
        self.metrics.count(claim, kind)
        self.log.warning(
            "a channel is given up", case=claim.subject, call=str(claim.key), channel=claim.channel, reason=reason
        )
        if claim.more:
            await self.queue.next_channel(claim, reason)
            self.wake.set()
        else:
            await self.outcomes.settle(claim, StepGivenUp(claim.key, claim.staff, kind))
