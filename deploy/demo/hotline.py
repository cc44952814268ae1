"""The 1,000 requests: sent by the outside system through its day, dealt with by players as each unit's people would.

Players learn what changes from the portal's live stream, as the open pages do; the district's duty seat dispatches
what no unit leads.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import httpx

from deploy.demo.expecting import Unexpected, until
from deploy.demo.outside import OutsideSystem
from deploy.demo.players import Player
from deploy.demo.schedule import DAY_S, Planned
from deploy.demo.town import Say, Town
from deploy.kafka_admin import KafkaLogin

AT_ONCE: Final = 12
"""Presses on their way at a time."""

TAKES_OVER: Final = "dept-urban-management"
"""To whom the duty seat dispatches what no unit leads."""

SETTLED_S: Final = 120.0
"""After the last was sent, all have their receipts within this."""

LIMIT_S: Final = 40.0
"""demo.yaml: the longest limit of disposing."""


@dataclass(slots=True)
class Watched:
    """What the live stream told of a case."""

    sequence: int = 0
    lead: str | None = None
    unroutable: bool = False
    known: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Tally:
    """How far it has come."""

    planned: int = 0
    disposed: int = 0
    dispatched: int = 0
    closed: int = 0
    mails: int = 0


class Hotline:
    """One day of the outside system.

    Args:
        town: where it plays. login: of the outside system. day: what is planned. over_s: seconds that the day takes.
    """

    def __init__(self, town: Town, login: KafkaLogin, day: Sequence[Planned], over_s: float) -> None:
        self._town, self._day, self._over_s = town, day, over_s
        self._planned = {one.request.ref: one for one in day}
        self._seat = town.cast.login("duty")
        self._last_registered = 0.0
        self._cases: dict[str, Watched] = {}
        self._presses = asyncio.Semaphore(AT_ONCE)
        self._dealing: asyncio.TaskGroup | None = None
        self.outside = OutsideSystem(login, self._accepted)
        self.tally = Tally(planned=len(day))

    @property
    def cases(self) -> Mapping[str, str]:
        """The case of each request."""
        return self.outside.heard.cases

    @property
    def sent(self) -> frozenset[str]:
        """The refs of all requests of the day."""
        return frozenset(self._planned)

    def missing_out(self) -> frozenset[str]:
        """The cases that nobody was to deal with."""
        return frozenset(
            self.cases[ref] for ref, one in self._planned.items() if one.dispose_s is None and ref in self.cases
        )

    def unroutable(self) -> Mapping[str, str]:
        """The cases that nobody can lead by the table, each with the reason that it names."""
        reasons = {ref: one.request.unroutable for ref, one in self._planned.items() if one.request.unroutable}
        return {self.cases[ref]: reason for ref, reason in reasons.items() if ref in self.cases}

    async def play(self, say: Say) -> None:
        """Send all, deal with what was dealt with, wait until the rest has met its limits. Raises: Unexpected."""
        watching = asyncio.create_task(self._watch())
        try:
            async with self.outside.open():
                say(f"外部系统发来一天的 {len(self._day)} 件，压缩到 {self._over_s:.0f} 秒 · a day of requests")
                await self._through_the_day()
                say(f"全部收到回执 · {len(self.cases)} receipts, {self.tally.closed} closed by players")
                await asyncio.sleep(self._rest_s())
        except* Unexpected as wrong:
            raise _first(wrong) from None
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
        left = len(self.missing_out())
        say(f"{left} 件没有人处置，已到时限 · {left} were left to their limits")

    async def _through_the_day(self) -> None:
        async with asyncio.TaskGroup() as dealing:
            self._dealing = dealing
            begun, day_began = time.monotonic(), datetime.now().astimezone() - timedelta(seconds=DAY_S)
            sending = set()
            for one in self._day:
                await asyncio.sleep(max(0.0, begun + one.send_s - time.monotonic()))
                at = day_began + timedelta(seconds=one.request.offset_s)
                task = dealing.create_task(self.outside.send(one.request, at))
                sending.add(task)
                task.add_done_callback(sending.discard)
            await until(self._answered, lambda n: n == len(self._day), f"{len(self._day)} receipts", SETTLED_S)
            self._last_registered = time.monotonic()

    async def _answered(self) -> int:
        heard = self.outside.heard
        if heard.refused:
            raise Unexpected(
                f"expected no refusal; saw {len(heard.refused)}, the first {next(iter(heard.refused.items()))}"
            )
        return len(heard.cases)

    def _rest_s(self) -> float:
        """Until the last limit has passed, with a little for the log to say so."""
        return max(0.0, self._last_registered + LIMIT_S + 2.0 - time.monotonic())

    def _accepted(self, ref: str, case: str) -> None:
        one = self._planned[ref]
        if one.dispose_s is not None and self._dealing is not None:
            self._dealing.create_task(self._deal(case, one.dispose_s))

    async def _watch(self) -> None:
        """Follow the live stream; where it breaks off, again."""
        while True:
            with contextlib.suppress(Unexpected, httpx.TransportError):
                async with self._seat.live() as moves:
                    async for move in moves:
                        watched = self._cases.setdefault(move.case, Watched())
                        watched.sequence = max(watched.sequence, move.sequence)
                        watched.lead = move.lead
                        watched.unroutable |= move.type.startswith("case.unroutable")
                        if move.lead is not None or watched.unroutable:
                            watched.known.set()
            await asyncio.sleep(0.5)

    async def _deal(self, case: str, after_s: float) -> None:
        """One case from registered to closed."""
        due = time.monotonic() + after_s
        watched = self._cases.setdefault(case, Watched())
        lead = await self._led(case, watched)
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        player = self._town.cast.of(lead)
        if player is None:
            raise Unexpected(f"expected somebody of {lead} with an account; saw nobody")
        sequence = await self._press(player, case, "dispose", watched.sequence)
        self.tally.disposed += 1
        sequence = await self._press(self._seat, case, "verify", sequence, passed=True)
        await self._press(self._seat, case, "close", sequence, outcome="disposed")
        self.tally.closed += 1

    async def _led(self, case: str, watched: Watched) -> str:
        """The lead unit; where there is none, the duty seat dispatches."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(watched.known.wait(), 5.0)
        if watched.lead is not None:
            return watched.lead
        found = await self._town.sees(
            self._seat, case, lambda one: one.lead is not None or one.state == "unroutable", "a lead unit or a reason"
        )
        if found.lead is not None:
            watched.sequence = found.sequence
            return found.lead
        watched.sequence = await self._press(
            self._seat, case, "dispatch", found.sequence, unit=TAKES_OVER, reason="演示：无处可派，由区城管接手。"
        )
        self.tally.dispatched += 1
        return TAKES_OVER

    async def _press(self, player: Player, case: str, command: str, seen: int, **fields: str | int | bool) -> int:
        async with self._presses:
            return await player.press(case, command, seen, **fields)


def _first(group: BaseExceptionGroup[BaseException]) -> Unexpected:
    """One of several faults, with the number of the others."""
    found: list[BaseException] = [group]
    while isinstance(found[0], BaseExceptionGroup):
        found = [*found[0].exceptions, *found[1:]]
    assert isinstance(found[0], Unexpected), "only these were caught"
    return Unexpected(f"{found[0]}{f' (and {len(found) - 1} more)' if len(found) > 1 else ''}")
