"""Recorded history is read, folded and decided again by every core: zero differences, unless `rules` was raised."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec
import pytest

from deploy.replay.replayer import Replayer, Report, Slice
from services.escalation import events as escalation
from services.escalation.core.cases import Escalation
from services.escalation.core.states import Case as EscalationCase
from services.escalation.doors import topics as of_escalation
from services.intake import events as intake
from services.intake.core import inputs
from services.intake.core.inputs import Actor
from services.intake.core.rules import Intake
from services.intake.doors import topics as of_intake
from services.kernel.core import Core, Incoming
from services.kernel.envelope import Contract, Envelope, Event, encode
from services.kernel.fold import Row
from services.kernel.reading import OwnReader
from services.notify import events as notify
from services.notify.core.calls import Case as NotifyCase
from services.notify.core.cases import Calls
from services.notify.doors import topics as of_notify
from services.oversight.core.cases import Case as OversightCase
from services.oversight.core.projection import Projection
from services.oversight.doors import topics as of_oversight
from services.routing import events as routing
from services.routing.core.cases import Case as RoutingCase
from services.routing.core.cases import Cases
from services.routing.doors import topics as of_routing
from tests.contracts import history, play

NOBODY = Actor(staff="", unit="", role="")


def routing_replayer() -> Replayer[Any, Any, Any]:
    view = history.routing_view(history.units())
    return Replayer("routing", Cases(), of_routing.reader(), routing.CONTRACT, RoutingCase, view)


def escalation_replayer() -> Replayer[Any, Any, Any]:
    return Replayer(
        "escalation", Escalation(), of_escalation.reader(), escalation.CONTRACT, EscalationCase, history.book()
    )


def notify_replayer() -> Replayer[Any, Any, Any]:
    view = history.roster_view(history.units())
    return Replayer("notify", Calls(), of_notify.reader(), notify.CONTRACT, NotifyCase, view)


def oversight_replayer() -> Replayer[Any, Any, Any]:
    return Replayer("oversight", Projection(), of_oversight.reader(), Contract(), OversightCase, None)


def piece(own: str, *topics: str, said: Sequence[bytes] | None = None) -> Slice:
    own_events = history.bodies(own) if own and said is None else said or []
    return Slice(0, history.records(*topics), own_events, upto=history.END)


def rebuilt(replayer: Replayer[Any, Any, Any], recorded: Slice) -> Any:
    (row,) = replayer.rebuild(recorded).values()
    assert isinstance(row, Row)
    return row.state


# Routing and escalation read the log alone, so the kernel's own verify runs them.


def test_routing_decides_again_as_it_did() -> None:
    recorded = piece(routing.TOPIC, intake.TOPIC)
    assert summary(routing_replayer().verify(recorded)) == ([], 44, 2)
    state = rebuilt(routing_replayer(), recorded)
    assert (state.open, state.lead, state.panel.mediator) == (False, "centre-s", "u-0019")


def test_escalation_decides_again_as_it_did() -> None:
    recorded = piece(escalation.TOPIC, intake.TOPIC)
    assert summary(escalation_replayer().verify(recorded)) == ([], 44, 21)
    assert escalation_replayer().rebuild(recorded)[history.CASE].own == 21


def test_an_edit_of_what_was_decided_is_found() -> None:
    """That the two above can fail."""
    said = history.bodies(escalation.TOPIC)
    said[9] = said[9].replace(b'"due_at":"2026-01-05T02:40:07Z"', b'"due_at":"2026-01-05T02:41:07Z"')
    found = escalation_replayer().verify(piece(escalation.TOPIC, intake.TOPIC, said=said)).differences
    assert [difference.what for difference in found] == ["event 10 escalation.limit_missed.v1: data"]


def summary(report: Report) -> tuple[list[str], int, int]:
    return [difference.what for difference in report.differences], report.records, report.own_events


# Intake and notify answer several topics, and people or channels too: what an event of a topic caused is decided again
# on the state that the record says was there.


def decided_again(
    core: Core[Any, Any, Any], reader: OwnReader[Any], contract: Contract, own: str, topics: Sequence[str], view: Any
) -> tuple[list[str], list[str], int]:
    """Returns: what differs, what differs but was said by older rules, and how many decisions were compared."""
    given = {read.id: read for r in history.records(*topics) if isinstance(read := reader.read(r), Incoming)}
    state, differing, older, compared = None, list[str](), list[str](), 0
    for cause, group in groupby(history.messages(own), key=lambda message: message.causationid):
        said = list(group)
        events = [event for message in said if (event := contract.read(message).event) is not None]
        incoming = given.pop(cause or "", None)
        if incoming is None:  # a press of a person, or an answer of a channel
            state = core.evolve(state, inputs.Command(at=said[0].time, by=NOBODY)) if own == intake.TOPIC else state
        else:
            now = core.decide(state, incoming.given, core.recall(events, view))
            compared += 1
            if list(map(body, now)) != list(map(body, events)):
                (differing if said[0].rules == core.rules else older).append(f"{said[0].sequence} {said[0].type}")
            state = core.evolve(state, incoming.given)
        for event in events:
            state = core.evolve(state, event)
    return differing, older, compared


def body(event: Event) -> tuple[str, bytes]:
    return event.TYPE, msgspec.json.encode(event)


def test_intake_applies_the_others_facts_as_it_did() -> None:
    view = history.places_view(history.units())
    topics = (routing.TOPIC, escalation.TOPIC, notify.TOPIC)
    again = decided_again(Intake(), of_intake.make_reader(), intake.CONTRACT, intake.TOPIC, topics, view)
    # Rules 2: an assignment also says who is informed (知会).
    assert again == ([], ["2 case.assigned.v1"], 29)


def test_notify_calls_the_same_people() -> None:
    """verify of notify: its recipients, each from the slice of the roster that stands in its own record."""
    topics = (intake.TOPIC, escalation.TOPIC)
    again = decided_again(
        Calls(), of_notify.reader(), notify.CONTRACT, notify.TOPIC, topics, history.roster_view(history.units())
    )
    assert again == ([], [], 5)
    state = rebuilt(notify_replayer(), piece(notify.TOPIC, *topics))
    told = {(call.purpose, call.obligation, call.rank): call.staff for call in state.calls.values()}
    assert told["whistle", "w1", 1] == "u-0040" and told["whistle", "w1", 2] == "u-0002"
    assert all(call.outcome is not None for call in state.calls.values())


def test_another_person_on_the_chain_is_found() -> None:
    """That it can fail: the roster in the record says somebody else than was called."""
    changed = [m for m in history.messages(notify.TOPIC) if m.type == "notify.called.v1"][1]
    wrong = encode(changed).replace(b'"staff":["u-0040"]', b'"staff":["u-0099"]')
    assert wrong != encode(changed)
    event = notify.CONTRACT.read(msgspec.json.decode(wrong, type=Envelope)).event
    assert event is not None
    (blown,) = [
        read
        for r in history.records(escalation.TOPIC)
        if isinstance(read := of_notify.reader().read(r), Incoming) and read.id == changed.causationid
    ]
    core = Calls()
    (now,) = core.decide(None, blown.given, core.recall([event], history.roster_view(history.units())))
    assert body(now) != body(event)


def test_oversight_shows_what_became_of_it() -> None:
    state = rebuilt(oversight_replayer(), piece("", *history.TOPICS))
    assert (state.state, state.outcome, state.whistles["w1"].status) == ("closed", "settled", "settled")


@pytest.mark.parametrize("topic", history.TOPICS)
def test_the_record_is_in_order(topic: str) -> None:
    found = history.messages(topic)
    assert [message.sequence for message in found] == list(range(1, len(found) + 1))
    assert {message.subject for message in found} == {history.CASE}
    assert [encode(message) for message in found] == history.bodies(topic), "an unknown attribute, or another order"


def test_the_services_still_play_the_story_to_its_end() -> None:
    """By the rules of today, whatever they are: closed as settled, nobody left untold, nothing left to wait for."""
    district = play.District()
    play.lift_dispute(district)
    case = district.intake.work.row.state
    assert (case.state, case.outcome, case.awaiting, case.held) == ("closed", "settled", (), ())
    assert Escalation().due(district.escalation.work.row.state) is None
