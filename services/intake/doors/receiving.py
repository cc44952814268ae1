"""What an outside system published becomes a case, or a step of one: each event is answered by exactly one receipt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import asyncpg
from prometheus_client import Counter

from services.intake.core import hygiene, numbers, outside, places, search, steps
from services.intake.core.inputs import Actor, Dispose, Register
from services.intake.core.places import Directory, Found, Place
from services.intake.doors import cloudevents
from services.intake.doors.cloudevents import Sent, Unfit, unfit
from services.intake.events import outbound
from services.intake.events.inbound import CaseDisposed, CaseReported
from services.intake.events.reception import Family
from services.intake.store import systems
from services.intake.store.cases import CaseStore, Draft, Opened
from services.intake.store.people import NewParty, Person
from services.intake.store.rows import status_said
from services.intake.store.systems import Raw
from services.intake.store.vault import digest
from services.kernel.core import Record, Said
from services.kernel.database import Db
from services.kernel.envelope import Event, derived_id, envelope
from services.kernel.store import Write

RECEIVED = Counter("maodiao_inbound", "Events of outside systems by outcome", ["system", "outcome"])
UNKNOWN = Counter("maodiao_inbound_unknown_fields", "Fields of outside events that were passed over", ["system"])


class Receiver:
    """See the module.

    Args:
        system: whose events. cases: where they go. directory, kinds: what places and kinds there are.
    """

    def __init__(
        self, system: str, cases: CaseStore, directory: Callable[[], Directory], kinds: Mapping[str, str]
    ) -> None:
        self.system, self._cases, self._directory, self._kinds = system, cases, directory, kinds
        self._by = Actor(staff=outside.actor_of(system), unit="", role="system")
        self._topic = f"outbound.{system}"

    @property
    def pool(self) -> asyncpg.Pool:
        return self._cases.pool

    async def handle(self, record: Record) -> bool:
        """One record in one transaction: the case, the raw event and the receipt.

        Returns: was it bad? That counts towards a quarantine.
        Raises: Moved, Unavailable: nothing was stored, or it was; handle it again.
        """
        sent = cloudevents.read(record, self.system)
        content = record.value or b""
        headers = [part for name, value in sorted(record.headers) for part in (name.encode(), value)]
        raw = Raw(self.system, sent.event_id, digest(content, *headers), content)
        if isinstance(sent, Unfit):
            await self._unfit(raw, sent)
            return sent.bad
        case = self._cases.vault.case_of(self.system, sent.event.reference)
        async with self._cases.opened(case, statuses=False) as opened:
            if await systems.keep(opened.connection, self._cases.vault, raw, case):
                await self._first(opened, raw, sent)
                UNKNOWN.labels(self.system).inc(sent.unknown_fields)
                return False
            if await systems.answered(opened.connection, raw):
                RECEIVED.labels(self.system, "repeated").inc()
                return False
        await self._unfit(raw, unfit(sent.event_id, "duplicate_id"))
        return False

    async def _first(self, opened: Opened, raw: Raw, sent: Sent) -> None:
        before = opened.state.outside if opened.state is not None else ()
        if (refused := await self._apply(opened, sent)) is not None:
            said = await self._refused(opened.connection, raw, refused, opened.at)
            await opened.batch.write(Write(also=[said]))
            await self._noted(opened.connection, raw, said)
            return
        said_all = [self._told(opened, raw, word, number) for number, word in _new(before, opened)]
        await opened.batch.write(Write(works=[opened.work], also=said_all))
        receipt = next(said for said in said_all if said.message.type == outbound.ReceiptAccepted.TYPE)
        await self._noted(opened.connection, raw, receipt)
        RECEIVED.labels(self.system, "accepted").inc()

    def _told(self, opened: Opened, raw: Raw, word: str, number: int) -> Said:
        state, case = opened.state, opened.work.subject
        assert state is not None
        if word != outside.RECEIPT:
            return status_said(self.system, case, word, number, opened.at)
        return self._said(outbound.ReceiptAccepted(event_id=raw.event_id, case=case, number=state.number), raw, case,
                          number, opened.at)  # fmt: skip

    def _said(self, event: Event, raw: Raw, key: str, number: int, at: datetime) -> Said:
        id_ = derived_id(f"{self.system}/{raw.event_id}/{raw.digest.hex()}", event.TYPE, 0)
        return Said(self._topic, key, envelope(event, id=id_, service="intake", subject=key, time=at, sequence=number))

    async def _apply(self, opened: Opened, sent: Sent) -> Unfit | None:
        """Change the case in memory. Returns: why not, if it can't be."""
        claimed = sent.event.occurred_at
        if claimed is not None and (wrong := hygiene.occurred(claimed, opened.at)) is not None:
            return unfit(sent.event_id, wrong)
        if isinstance(sent.event, CaseReported):
            return await self._report(opened, sent.event_id, sent.event)
        return self._dispose(opened, sent.event_id, sent.event)

    def _dispose(self, opened: Opened, event_id: str, event: CaseDisposed) -> Unfit | None:
        if opened.state is None or opened.state.registered_at is None:
            return unfit(event_id, "unknown_reference")
        command = Dispose(at=opened.at, by=self._by, occurred_at=event.occurred_at)
        if (why := steps.refusal(opened.state, command)) is not None:
            return unfit(event_id, why)
        self._cases.folder.press(opened.work, command, self._cause(event_id), opened.batch.view)
        return None

    async def _report(self, opened: Opened, event_id: str, event: CaseReported) -> Unfit | None:
        if opened.state is not None and opened.state.registered_at is not None:
            return unfit(event_id, "duplicate_reference")
        if self._kinds.get(event.kind) != event.family:
            return unfit(event_id, "unknown_kind")
        directory, day = self._directory(), opened.at.astimezone(numbers.ZONE).date()
        try:
            found = directory.resolve(Place(event.community, event.lon, event.lat, event.address), day)
        except KeyError:
            return unfit(event_id, "unknown_community")
        await self._cases.begin(opened, self._draft(event, found, directory), self._cause(event_id))
        return None

    def _draft(self, event: CaseReported, found: Found, directory: Directory) -> Draft:
        family: Family = "incident" if event.family == "incident" else "dispute"
        contact = event.contact
        parties = []
        if contact is not None and (contact.name or contact.telephone):
            parties = [NewParty("reporter", "person", Person(name=contact.name, telephone=contact.telephone))]
        point = (event.lon, event.lat) if family == "incident" else (None, None)

        def make(number: str, at: datetime) -> Register:
            return Register(
                at=at, by=self._by, number=number, family=family, kind=event.kind, channel="system",
                community=found.community, street=found.street, approximate=found.approximate,
                lon=places.rounded(point[0]) if point[0] is not None else None,
                lat=places.rounded(point[1]) if point[1] is not None else None,
                system=self.system, parties=len(parties), occurred_at=event.occurred_at,
            )  # fmt: skip

        return Draft(
            family=family,
            series=numbers.series_of(directory.series_of(found.street), family),
            make=make,
            parties=parties,
            words={"report": event.text, "address": event.address},
            terms=frozenset(search.of_text(event.text)),
        )

    def _cause(self, event_id: str) -> str:
        """Id of the cause on the case's log: made from the system's own id, which may say anything and stays out."""
        return derived_id(self.system, event_id, 0)

    async def _unfit(self, raw: Raw, refused: Unfit) -> None:
        async with self._cases.beside() as (batch, at):
            if await systems.answered(batch.connection, raw):
                RECEIVED.labels(self.system, "repeated").inc()
                return
            if refused.reason != "duplicate_id":
                await systems.keep(batch.connection, self._cases.vault, raw, None)
            said = await self._refused(batch.connection, raw, refused, at)
            await batch.write(Write(also=[said]))
            await self._noted(batch.connection, raw, said)

    async def _refused(self, connection: Db, raw: Raw, refused: Unfit, at: datetime) -> Said:
        """Refusals bear the event's own id as key: they belong to no case."""
        RECEIVED.labels(self.system, refused.reason).inc()
        number = await systems.refusals(connection, self.system, raw.event_id) + 1
        event = outbound.ReceiptRefused(event_id=raw.event_id, reason=refused.reason, detail=refused.detail)
        return self._said(event, raw, raw.event_id, number, at)

    async def _noted(self, connection: Db, raw: Raw, said: Said) -> None:
        await systems.note_receipt(connection, raw, said.topic, said.key, said.message.sequence)


def _new(before: tuple[str, ...], opened: Opened) -> list[tuple[int, str]]:
    """What the system has not been told yet, with its numbers."""
    assert opened.state is not None
    return list(enumerate(opened.state.outside[len(before) :], len(before) + 1))
