"""Makes the one screen, at most once a second however many look at it, and hands it to those who watch live."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg

from services.host.http import Problem
from services.kernel.clock import Clock
from services.kernel.database import FAULTS
from services.oversight.core.screen import screen
from services.oversight.doors.answers import ScreenAnswer, screen_answer
from services.oversight.doors.streets import Streets
from services.oversight.store.questions import Questions

_WHISTLES, _DUE = 50, 50
_HEARTBEAT_S = 10.0


class Screens:
    """See the module."""

    def __init__(
        self, questions: Questions, streets: Streets, clock: Clock, *, every: timedelta, offset: timedelta
    ) -> None:
        self._questions, self._streets, self._clock, self._every, self._offset = (
            questions,
            streets,
            clock,
            every,
            offset,
        )
        self._making = asyncio.Lock()
        self._last: ScreenAnswer | None = None

    async def now(self) -> ScreenAnswer:
        """The screen, no older than `every`. Raises: Problem 503, where the database does not answer."""
        async with self._making:
            at = self._clock.now()
            if self._last is None or at - self._last.as_of >= self._every:
                try:
                    self._last = await self._make(at)
                except (asyncpg.PostgresError, *FAULTS) as error:
                    raise Problem(503, "no_database", "数据库没有应答 No answer", "请稍后再看。Try again.") from error
            return self._last

    async def _make(self, at: datetime) -> ScreenAnswer:
        asked = self._questions
        streets = await asked.streets(at)
        counts = await asked.counts(at, streets)
        made = screen(at, counts, streets, await asked.whistles(_WHISTLES), await asked.next_due(_DUE))
        return screen_answer(made, self._streets.by_code, (at + self._offset).date())

    async def live(self) -> AsyncIterator[str]:
        """Server-sent events for one viewer: `screen` when it changed, else `as_of`, so that the clock stays true."""
        shown: ScreenAnswer | None = None
        sent = self._clock.now()
        while True:
            try:
                made = await self.now()
            except Problem:  # the viewer's clock stands still meanwhile, and its page turns amber
                await asyncio.sleep(self._every.total_seconds())
                continue
            if shown is None or made.model_copy(update={"as_of": shown.as_of}) != shown:
                shown, sent = made, made.as_of
                yield f"event: screen\nid: {made.as_of.isoformat()}\ndata: {made.model_dump_json()}\n\n"
            elif (made.as_of - sent).total_seconds() >= _HEARTBEAT_S:
                sent = made.as_of
                yield f'event: as_of\ndata: {{"as_of": "{made.as_of.isoformat()}"}}\n\n'
            await asyncio.sleep(self._every.total_seconds())
