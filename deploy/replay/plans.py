"""How each service is replayed: the same core, reader and contract that its worker runs with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.replay.replayer import Difference, Replayer
from services.escalation import events as escalation_events
from services.escalation.core.cases import Escalation
from services.escalation.core.states import Case as EscalationCase
from services.escalation.doors import topics as escalation_topics
from services.escalation.store.policies import book_of
from services.escalation.store.policies import stored as stored_policies
from services.intake import events as intake_events
from services.kernel.database import Db
from services.kernel.envelope import Contract
from services.kernel.tables import Extension, NoExtension
from services.notify import events as notify_events
from services.notify.core.calls import Case as NotifyCase
from services.notify.core.cases import Calls
from services.notify.core.roster import Directory
from services.notify.doors import topics as notify_topics
from services.oversight.core.cases import Case as OversightCase
from services.oversight.core.projection import Projection
from services.oversight.doors import topics as oversight_topics
from services.oversight.store.rows import ProjectionRows
from services.routing import events as routing_events
from services.routing.core.cases import Case as RoutingCase
from services.routing.core.cases import Cases as Routing
from services.routing.doors import topics as routing_topics
from services.routing.store import loads
from services.routing.store.editions import Shelf

AnyReplayer = Replayer[Any, Any, Any]  # five services, five states: the commands look at none of them
Check = Callable[[Db], Awaitable[list[Difference]]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a command needs to replay a service.

    topics: what its worker reads. own: where its own events go, or "" where it says nothing.
    replayer: made on a connection to its schemas (policies and directories are read there).
    derived: its own rows that stand beside the states in the state schema, made anew by a cut-over.
    check: what else follows from the states, held against them. restore: makes that anew after a cut-over.
    verifies: its decisions can be made again from the log.
    """

    service: str
    topics: tuple[str, ...]
    own: str
    replayer: Callable[[Db], Awaitable[AnyReplayer]]
    core: Any
    state: type[Any]
    derived: Extension[Any, Any]
    check: Check
    restore: Callable[[Db], Awaitable[None]]
    verifies: bool = False


async def _routing(connection: Db) -> AnyReplayer:
    view = await loads.LoadExtension(Shelf()).view(connection)
    return Replayer("routing", Routing(), routing_topics.reader(), routing_events.CONTRACT, RoutingCase, view)


async def _escalation(connection: Db) -> AnyReplayer:
    book = book_of(await stored_policies(connection))
    return Replayer(
        "escalation", Escalation(), escalation_topics.reader(), escalation_events.CONTRACT, EscalationCase, book
    )


async def _notify(_: Db) -> AnyReplayer:
    # A replaying notify has no sender, and evolve asks no directory: an empty one will do.
    return Replayer("notify", Calls(), notify_topics.reader(), notify_events.CONTRACT, NotifyCase, Directory())


async def _oversight(_: Db) -> AnyReplayer:
    return Replayer("oversight", Projection(), oversight_topics.reader(), Contract(), OversightCase, None)


async def _nothing_more(_: Db) -> list[Difference]:
    return []


async def _nothing_to_restore(_: Db) -> None:
    return None


async def _loads_agree(connection: Db) -> list[Difference]:
    kept, counted = await loads.kept(connection), await loads.recount(connection)
    return [
        Difference(unit, f"load kept {kept.get(unit, 0)}, counted {counted.get(unit, 0)}")
        for unit in sorted(kept.keys() | counted.keys())
        if kept.get(unit, 0) != counted.get(unit, 0)
    ]


_CASE_TOPICS = (intake_events.TOPIC, routing_events.TOPIC, escalation_events.TOPIC, notify_events.TOPIC)

PLANS: Mapping[str, Plan] = {
    plan.service: plan
    for plan in (
        Plan(
            "routing", (intake_events.TOPIC,), routing_events.TOPIC, _routing, Routing(), RoutingCase,
            NoExtension(), _loads_agree, loads.restore, verifies=True,
        ),
        Plan(
            "escalation", (intake_events.TOPIC,), escalation_events.TOPIC, _escalation, Escalation(), EscalationCase,
            NoExtension(), _nothing_more, _nothing_to_restore, verifies=True,
        ),
        Plan(
            "notify", (intake_events.TOPIC, escalation_events.TOPIC), notify_events.TOPIC, _notify, Calls(),
            NotifyCase, NoExtension(), _nothing_more, _nothing_to_restore,
        ),
        Plan(
            "oversight", _CASE_TOPICS, "", _oversight, Projection(), OversightCase,
            ProjectionRows(), _nothing_more, _nothing_to_restore,
        ),
    )
}  # fmt: skip
