"""Presses of people on a case: one transaction that locks the case, draws time and number, and writes everything."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

import asyncpg

from services.intake.core import numbers, stale, steps
from services.intake.core.cases import Case
from services.intake.core.inputs import Command, Given, Register
from services.intake.core.places import Directory
from services.intake.core.rules import CaseFolder
from services.intake.events import TOPIC
from services.intake.events.reception import Family
from services.intake.store import lists, people, presses
from services.intake.store.lists import Happened
from services.intake.store.people import NewParty
from services.intake.store.photos import TooManyError
from services.intake.store.presses import Answer, Press
from services.intake.store.rows import CaseRows
from services.intake.store.vault import Vault
from services.kernel.core import Row
from services.kernel.database import Db
from services.kernel.fold import Work
from services.kernel.partitioning import partition_of
from services.kernel.postgres import LockingStore, PostgresBatch
from services.kernel.store import Moved, Write
from services.kernel.waking import Waker

_TRIES = 5
MOST_SUBJECTS = 100  # cases that one batch of the applier locks


class UnknownCaseError(Exception):
    """There is no such case."""


class StaleError(Exception):
    """Something that matters for this press happened since the page was shown."""

    def __init__(self, changed: Sequence[Happened]) -> None:
        super().__init__("stale")
        self.changed = changed


class RefusedError(Exception):
    """The step is not possible; `because` is a code."""

    def __init__(self, because: str) -> None:
        super().__init__(because)
        self.because = because


@dataclass(slots=True)
class Opened:
    """A case under lock, in an open transaction."""

    batch: PostgresBatch[Case, Directory]
    work: Work[Case]

    @property
    def connection(self) -> Db:
        return self.batch.connection

    @property
    def at(self) -> datetime:
        """The log's time for what is written now."""
        assert self.work.stamp is not None
        return self.work.stamp

    @property
    def state(self) -> Case | None:
        return self.work.row.state


@dataclass(frozen=True, slots=True)
class Draft:
    """A case to be registered. make: gives the command from number and time. text, address: for the vault."""

    family: Family
    series: str
    make: Callable[[str, datetime], Register]
    parties: Sequence[NewParty] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    terms: frozenset[str] = frozenset()
    code: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """A press on a case. make: gives the command from the case and the time. seen: what the page showed, or None."""

    case: str
    name: str
    make: Callable[[Case, datetime], Command]
    seen: int | None
    words: Mapping[str, str] = field(default_factory=dict)
    also: Callable[[Db], Awaitable[None]] | None = None


class CaseStore:
    """Writes cases. The applier of topics uses `locking` with the same rows."""

    def __init__(
        self, pool: asyncpg.Pool, vault: Vault, directory: Callable[[], Directory], waker: Waker | None = None
    ) -> None:
        self.pool, self.vault, self.folder = pool, vault, CaseFolder()
        rows = CaseRows(directory)
        self.locking = _locking(pool, rows, self.folder, waker)
        self._quiet = _locking(pool, CaseRows(directory, statuses=False), self.folder, waker)

    @asynccontextmanager
    async def opened(self, case: str, *, statuses: bool = True) -> AsyncIterator[Opened]:
        """Lock a case. statuses: False where the caller itself writes what outside systems hear.

        Raises: kernel's Moved and Unavailable.
        """
        lane = partition_of(case)
        store = self.locking if statuses else self._quiet
        async with store.batch({case: lane}) as batch:
            row: Row[Case] = batch.rows.get(case) or Row()
            yield Opened(batch, Work(case, lane, row, batch.stamps[case]))

    @asynccontextmanager
    async def beside(self) -> AsyncIterator[tuple[PostgresBatch[Case, Directory], datetime]]:
        """A transaction that concerns no case: what an outside system is answered without one. Gives its time too."""
        async with self._quiet.batch({}) as batch:
            yield batch, await batch.connection.fetchval("SELECT greatest(clock_timestamp(), now())")

    async def register(self, draft: Draft, press: Press, answer: Callable[[Opened], Answer]) -> Answer:
        """Begin a case. answer: makes what is answered, from the case as it was registered."""

        async def once() -> Answer:
            async with self.opened(uuid4().hex) as opened:
                await self.begin(opened, draft, uuid4().hex)
                return await self._kept(opened, press, answer(opened))

        return await self._once(once, press)

    async def begin(self, opened: Opened, draft: Draft, cause: str) -> None:
        """Draw a number, register, and keep people and words; the caller writes the batch. cause: id of the press."""
        connection, case = opened.connection, opened.work.subject
        year = numbers.year_of(opened.at)
        drawn: int = await connection.fetchval(
            """INSERT INTO intake.number AS n (series, year, last) VALUES ($1, $2, 1)
            ON CONFLICT (series, year) DO UPDATE SET last = n.last + 1 RETURNING last""",
            draft.series,
            year,
        )
        command = draft.make(numbers.number(draft.series, year, drawn), opened.at)
        self.folder.press(opened.work, command, cause, opened.batch.view)
        terms: dict[str, set[str] | frozenset[str]] = {"": draft.terms}
        terms |= await people.add_parties(connection, self.vault, case, draft.parties)
        await people.add_words(connection, self.vault, case, 1, draft.words)
        await people.add_terms(connection, self.vault, case, terms)
        if draft.code:
            await connection.execute(
                "INSERT INTO intake.code (code_hash, case_id) VALUES ($1, $2)", self.vault.code_hash(draft.code), case
            )

    async def press(self, step: Step, press: Press, answer: Callable[[Opened], Answer]) -> Answer:
        """A step on a case.

        Raises: UnknownCaseError, StaleError, RefusedError, KeyReusedError, and what the step's `also` raises.
        """

        async def once() -> Answer:
            async with self.opened(step.case) as opened:
                await self._step(opened, step)
                return await self._kept(opened, press, answer(opened))

        return await self._once(once, press)

    async def _kept(self, opened: Opened, press: Press, answer: Answer) -> Answer:
        """Write the case, and the answer under the press's key."""
        opened.batch.parts = presses.kept(press, self.vault, answer)
        await opened.batch.write(Write(works=[opened.work]))
        return answer

    async def _once(self, once: Callable[[], Awaitable[Answer]], press: Press) -> Answer:
        """A repeat gets the first answer, whatever the case has become since: it may refuse what it once took."""
        try:
            return await _again(once)
        except (Moved, UnknownCaseError, StaleError, RefusedError, TooManyError):
            async with self.pool.acquire() as connection:
                first = await presses.first(connection, press, self.vault)
            if first is None:
                raise
            return first

    async def _step(self, opened: Opened, step: Step) -> None:
        state = opened.state
        if state is None or state.registered_at is None:
            raise UnknownCaseError
        if step.seen is not None and step.seen > state.sequence:
            raise RefusedError("seen_ahead")
        if step.seen is not None and (changed := stale.changed(state, step.name, step.seen)):
            raise StaleError(await lists.happened(opened.connection, step.case, [one.sequence for one in changed]))
        command = step.make(state, opened.at)
        if (why := steps.refusal(state, command)) is not None:
            raise RefusedError(why)
        self.folder.press(opened.work, command, uuid4().hex, opened.batch.view)
        said = opened.state.sequence if opened.state is not None else None
        await people.add_words(opened.connection, self.vault, step.case, said, step.words)
        if step.also is not None:
            await step.also(opened.connection)


def _locking(
    pool: asyncpg.Pool, rows: CaseRows, folder: CaseFolder, waker: Waker | None
) -> LockingStore[Case, Given, Directory]:
    return LockingStore(pool, "intake", TOPIC, Case, folder.core, rows, most_subjects=MOST_SUBJECTS, waker=waker)


async def _again(once: Callable[[], Awaitable[Answer]]) -> Answer:
    """Another writer was first with a row that both make: read again and decide again."""
    for _ in range(_TRIES):
        try:
            return await once()
        except Moved as moved:
            if str(moved) == presses.TAKEN:
                raise
    return await once()
