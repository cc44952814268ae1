"""The store of notify's cases: what a batch opens is in the hands of this process's sender once it is committed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg

from services.kernel.core import Core
from services.kernel.postgres import GuardedStore, PostgresBatch
from services.kernel.waking import Waker
from services.notify.core.calls import Case
from services.notify.core.inputs import Given
from services.notify.core.roster import Directory
from services.notify.events import TOPIC
from services.notify.store.deliveries import Claim, claimed
from services.notify.store.extension import DeliveryRows

_MOST_SUBJECTS = 100  # cases of one batch: the fewer, the less often an answer of a channel makes it decide again


class CaseStore(GuardedStore[Case, Given, Directory]):
    """See the module.

    Args:
        pool: connections as notify's role. core: notify's rules. rows: its deliveries.
        take: called with the deliveries that a batch opened and claimed; with none where it opened some and claimed
            none. waker: of this process.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        core: Core[Case, Given, Directory],
        rows: DeliveryRows,
        take: Callable[[Sequence[Claim]], None],
        waker: Waker | None = None,
    ) -> None:
        super().__init__(pool, "notify", TOPIC, Case, core, rows, most_subjects=_MOST_SUBJECTS, waker=waker)
        self._take = take

    @asynccontextmanager
    async def batch(self, subjects: Mapping[str, int]) -> AsyncIterator[PostgresBatch[Case, Directory]]:
        async with super().batch(subjects) as batch:
            yield batch
        if isinstance(batch.answer, str):
            self._take(claimed(batch.answer, batch.docs))
