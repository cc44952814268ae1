"""Runs the audit each minute and keeps its alarms; listens to the progress marks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg

from services.kernel.broker import KafkaLogin
from services.kernel.clock import Clock
from services.kernel.database import FAULTS
from services.kernel.marks import Mark
from services.kernel.progress import follow_marks
from services.kernel.telemetry import Logger
from services.oversight.core.audit import Alarm, Patience, Snapshot, audit
from services.oversight.core.lag import GroupLag
from services.oversight.doors.lagwatch import LagReport, LagWatch
from services.oversight.store.questions import Questions

GROUP = "oversight"
_FIRST_S = 10.0  # not at once: at a start all services come up together
_RELAY_GONE = timedelta(hours=1)  # a relay that was scaled away is forgotten


class MarkEar:
    """The newest mark of each relay."""

    def __init__(self, login: KafkaLogin, client_id: str, log: Logger) -> None:
        self._login, self._client_id, self._log = login, client_id, log
        self.newest: dict[str, datetime] = {}

    async def run(self) -> None:
        """Listen until cancelled."""
        await follow_marks(self._login, self._client_id, self.heard, self._log)

    def heard(self, mark: Mark) -> None:
        """A mark was read; `upto` never falls."""
        self.newest[mark.relay] = max(mark.upto, self.newest.get(mark.relay, mark.upto))
        newest = max(self.newest.values())
        self.newest = {relay: upto for relay, upto in self.newest.items() if newest - upto < _RELAY_GONE}


class Auditor:
    """See the module. `as_of` and `alarms` are those of the last audit.

    groups: consumer groups whose silence is an alarm; an outside system may stop its own as it likes.
    """

    def __init__(
        self,
        questions: Questions,
        marks: MarkEar,
        watch: LagWatch,
        patience: Patience,
        clock: Clock,
        log: Logger,
        *,
        groups: Sequence[str],
        every_s: float,
    ) -> None:
        self._questions, self._marks, self._watch = questions, marks, watch
        self._patience, self._clock, self._log, self._every_s = patience, clock, log, every_s
        self._paged = frozenset(groups)
        self._started_at = clock.now()
        self.as_of: datetime | None = None
        self.alarms: tuple[Alarm, ...] = ()

    async def run(self) -> None:
        """Audit until cancelled. A database that does not answer leaves the last alarms, with their time."""
        wait = min(self._every_s, _FIRST_S)
        while True:
            await asyncio.sleep(wait)
            wait = self._every_s
            try:
                await self.audit()
            except (asyncpg.PostgresError, *FAULTS) as error:
                self._log.warning("the audit could not be made", error=type(error).__name__)

    async def audit(self) -> tuple[Alarm, ...]:
        """One audit. Each kind of alarm is logged when it comes and when it goes."""
        seen = await self._snapshot()
        before, self.alarms, self.as_of = {alarm.reason for alarm in self.alarms}, audit(seen, self._patience), seen.now
        now = {alarm.reason for alarm in self.alarms}
        for alarm in self.alarms:
            if alarm.reason not in before:
                self._log.error("alarm", reason=alarm.reason.value, since=alarm.since.isoformat(), count=alarm.count)
        for reason in before - now:
            self._log.info("alarm over", reason=reason.value)
        return self.alarms

    async def _snapshot(self) -> Snapshot:
        now, report, asked = self._clock.now(), self._watch.report, self._questions
        return Snapshot(
            now=now,
            started_at=self._started_at,
            marks=dict(self._marks.newest),
            known_until=known_until(report),
            running=await asked.running(now),
            unlimited=await asked.unlimited(now),
            asked=await asked.asked(now),
            untold=await asked.untold(now),
            unreached=await asked.unreached(now),
            held=await asked.held(now),
            groups=[group for group in _groups(report) if group.group.partition("-")[0] in self._paged],
        )


def known_until(report: LagReport | None) -> datetime | None:
    """Up to when the projection is complete: the time of the look, less the age of what oversight has not applied."""
    own = next((group for group in _groups(report) if group.group == GROUP), None)
    if report is None or own is None or own.seconds is None:
        return None
    return report.as_of - timedelta(seconds=own.seconds)


def _groups(report: LagReport | None) -> Sequence[GroupLag]:
    return report.groups if report is not None else ()
