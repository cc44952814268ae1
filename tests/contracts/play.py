"""How the golden history was made: the four cores in one process, on a clock that is set by hand.

Nothing in it is real. Used once by `python -m tests.contracts.write`; also a test that the four still play together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from services.escalation.core.cases import Escalation
from services.escalation.doors import topics as of_escalation
from services.intake.core import inputs, steps
from services.intake.core.inputs import Actor, Command
from services.intake.core.rules import CaseFolder
from services.intake.doors import topics as of_intake
from services.kernel.core import Incoming, Row
from services.kernel.envelope import encode, envelope
from services.kernel.fold import Folder, Outcome, Work
from services.kernel.reading import OwnReader
from services.notify.core.calls import Case as Called
from services.notify.core.cases import Calls
from services.notify.core.inputs import Delivered
from services.notify.doors import topics as of_notify
from services.routing.core.cases import Cases
from services.routing.doors import topics as of_routing
from services.routing.events import DIRECTORY_TOPIC
from services.routing.events.directory import Mediator, Post, Shift, UnitPublished
from tests.contracts.history import CASE, END, FOLDER, as_record, book, places_view, roster_view, routing_view

NINE = datetime(2026, 1, 5, 1, tzinfo=UTC)  # a Monday, nine o'clock in Tianjin
CLERK = Actor(staff="u-0011", unit="centre-s", street="120106008", role="clerk")
SEAT = Actor(staff="u-0016", unit="centre-s", street="120106008", role="seat")
MEDIATOR = Actor(staff="u-0019", unit="centre-s", street="120106008", role="mediator")
HOUSING = Actor(staff="u-0040", unit="dept-housing", role="department")
LEADER = Actor(staff="u-0002", unit="leaders", role="leader")


def _unit(unit: str, kind: str, level: str, parent: str | None, *posts: Post, **more: Any) -> UnitPublished:
    given: dict[str, Any] = {"name": f"{unit}（示例）", "name_en": f"{unit} (example)", "changed_at": NINE, **more}
    return UnitPublished(
        unit=unit, version=1, kind=kind, level=level, parent=parent, posts=posts, valid_from=date(2016, 7, 31), **given
    )


def _post(post: str, staff: str, always: bool = True) -> Post:
    shift = Shift(staff=staff, weekdays=(1, 2, 3, 4, 5, 6, 7), start="00:00", end="24:00")
    return Post(post=post, staff=(staff,), shifts=(shift,) if always else ())


UNITS = (
    _unit("120106", "district", "district", None, code="120106"),
    _unit("120106008", "street", "street", "120106", code="120106008"),
    _unit("120106008003", "community", "community", "120106008", code="120106008003", street="120106008"),
    _unit("centre-d", "centre", "district", None, _post("duty_seat", "u-0009"), _post("head", "u-0008"), code="120106"),
    _unit(
        "centre-s", "centre", "street", "centre-d", _post("duty_seat", "u-0016"), _post("head", "u-0015"),
        _post("on_duty", "u-0017"), code="120106008", street="120106008",
        mediators=(
            Mediator(staff="u-0019", role="mediator", fields=("04",), level="gold"),
            Mediator(staff="u-0021", role="lawyer"),
        ),
    ),
    _unit("justice-s", "judicial_office", "street", "centre-s", _post("judicial_head", "u-0020", always=False),
          code="120106008", street="120106008"),
    _unit("dept-housing", "department", "district", "centre-d", _post("head", "u-0040"), _post("on_duty", "u-0041")),
    _unit("leaders", "leadership", "district", "centre-d", _post("district_head", "u-0002"),
          _post("party_secretary", "u-0001")),
)  # fmt: skip


@dataclass
class Worker:
    """One service's part in one case."""

    service: str
    topic: str
    folder: Folder[Any, Any, Any]
    reader: OwnReader[Any]
    view: Any
    work: Work[Any] = field(default_factory=lambda: Work(CASE, 0, Row()))
    read: dict[str, int] = field(default_factory=dict)
    published: list[bytes] = field(default_factory=list)

    def publish(self) -> None:
        self.published += [encode(said) for said in self.work.said[len(self.published) :]]


class District:
    """Services that hear each other at once, and a channel that takes every message."""

    def __init__(self, units: Sequence[UnitPublished] = UNITS) -> None:
        self.now = NINE
        self.intake = Worker("intake", "case.intake", CaseFolder(), of_intake.make_reader(), places_view(units))
        self.routing = _worker("routing", Cases(), of_routing.reader(), routing_view(units))
        self.escalation = _worker("escalation", Escalation(), of_escalation.reader(), book())
        self.notify = _worker("notify", Calls(), of_notify.reader(), roster_view(units))
        self.workers = (self.intake, self.routing, self.escalation, self.notify)
        self.presses = 0

    def press(self, minute: float, what: type[Command], by: Actor, **fields: Any) -> None:
        """A person's press, so many minutes after nine; then whatever follows from it, a second a step."""
        self.wait(minute)
        command = what(at=self.now, by=by, **fields)
        state = self.intake.work.row.state
        if state is not None and (why := steps.refusal(state, command)) is not None:
            raise AssertionError(f"{command.NAME} at {minute}: {why}")
        self.presses += 1
        self.intake.work.stamp = self.now
        assert isinstance(self.intake.folder, CaseFolder)
        self.intake.folder.press(self.intake.work, command, f"press-{self.presses}", self.intake.view)
        self.settle()

    def wait(self, minute: float) -> None:
        """Marks, each second in which something is due, until so many minutes after nine."""
        until = NINE + timedelta(minutes=minute)
        while (due := self._due()) is not None and due < until:
            self.now = max(self.now, due + timedelta(seconds=1))
            self.escalation.folder.fire(self.escalation.work, self.now, self.escalation.view)
            self.settle()
        self.now = max(self.now, until)

    def _due(self) -> datetime | None:
        state = self.escalation.work.row.state
        return Escalation().due(state) if state is not None else None

    def settle(self) -> None:
        """Until nobody has anything to read or to send."""
        moved = True
        while moved:
            for worker in self.workers:
                worker.publish()
            self.now += timedelta(seconds=1)
            heard = [self._reads(worker) for worker in self.workers]  # all of them, whether or not the first has
            moved = any(heard) or self._sends()

    def _reads(self, worker: Worker) -> bool:
        moved = False
        for other in self.workers:
            if other.topic not in worker.reader.topics:
                continue
            for offset in range(worker.read.get(other.topic, 0), len(other.published)):
                incoming = worker.reader.read(as_record(other.topic, offset, other.published[offset]))
                assert isinstance(incoming, Incoming), incoming
                worker.work.stamp = self.now if worker is self.intake else None
                assert worker.folder.apply(worker.work, incoming, worker.view) is Outcome.APPLIED
                worker.read[other.topic] = offset + 1
                moved = True
        return moved

    def _sends(self) -> bool:
        """notify's sender: an answer of a channel is a fact that comes by no topic."""
        work = self.notify.work
        case: Called | None = work.row.state
        trying = [call for call in case.calls.values() if call.trying is not None] if case is not None else []
        for call in trying:
            assert call.trying is not None and call.trying.staff is not None
            given = Delivered(call.key, call.trying.staff, "email", 1)
            record = as_record("case.notify", 0, self.notify.published[0])
            incoming = Incoming(record, CASE, f"{call.key}/{given.staff}", None, self.now, work.row.after, False, given)
            self.notify.folder.apply(work, incoming, self.notify.view)
        return bool(trying)


def _worker(service: str, core: Any, reader: OwnReader[Any], view: Any) -> Worker:
    return Worker(service, f"case.{service}", Folder(service, core), reader, view)


def lift_dispute(district: District) -> None:
    """A resident was hurt in a lift; property company and maintenance firm each point at the other.

    The housing office is called to look at the lift and does not come; the second whistle brings it.
    """
    press = district.press
    press(0, inputs.Register, CLERK, number="西于庄 调〔2026〕0001 号", family="dispute", kind="0402", channel="window",
          community="120106008003", street="120106008", parties=3)  # fmt: skip
    press(6, inputs.Accept, MEDIATOR)
    press(40, inputs.Session, MEDIATOR, mode="back_to_back", present=3)
    press(70, inputs.Blow, SEAT, unit="dept-housing", kind="joint_enforcement", reason="inspection")
    press(75, inputs.Acknowledge, HOUSING, obligation="w1", rank=1, answer="sending")
    press(103, inputs.Confirm, SEAT, obligation="w1", rank=2)
    press(106, inputs.Acknowledge, LEADER, obligation="w1", rank=2)
    press(120, inputs.Attend, HOUSING)
    press(130, inputs.Answer, HOUSING, obligation="w1", elements=("accepted_at", "contacted", "measures", "limit"))
    press(160, inputs.Settle, SEAT, obligation="w1")
    press(300, inputs.Session, MEDIATOR, mode="face_to_face", present=3, result="agreed")
    press(310, inputs.Agreement, MEDIATOR, form="written", instalments=2)
    press(320, inputs.Perform, MEDIATOR, complete=False)
    press(3000, inputs.Perform, MEDIATOR, complete=True)
    press(3010, inputs.Close, SEAT, outcome="settled")
    district.wait((END - NINE).total_seconds() / 60)


def files(played: Callable[[District], None] = lift_dispute) -> Iterator[tuple[Path, bytes]]:
    """The topics, a record a line."""
    district = District()
    played(district)
    for worker in district.workers:
        yield FOLDER / f"{worker.topic}.jsonl", b"".join(body + b"\n" for body in worker.published)
    yield FOLDER / f"{DIRECTORY_TOPIC}.jsonl", b"".join(_published(unit) for unit in UNITS)


def _published(unit: UnitPublished) -> bytes:
    message = envelope(unit, id=f"{unit.unit}/1", service="routing", subject=unit.unit, time=NINE, sequence=1)
    return encode(message) + b"\n"
