"""A golden history: one dispute over a lift, invented, as all topics recorded it once.

It was made by `play.py` under the rules of its time. The files do not change; every later release has to read them,
fold them, and decide again what was decided then (or raise `rules`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from services.escalation import events as escalation
from services.escalation.core.policy import PolicyBook
from services.escalation.store.policies import Stored, book_of
from services.intake import events as intake
from services.intake.core import places
from services.kernel.core import Record
from services.kernel.envelope import Envelope, decode
from services.notify import events as notify
from services.notify.core import roster
from services.notify.doors.directory import roster_unit
from services.routing import events as routing
from services.routing.core.directory import Directory
from services.routing.core.view import Edition, View
from services.routing.doors.files import read_routes
from services.routing.events.directory import UnitPublished

FOLDER = Path(__file__).parent / "histories" / "lift-dispute"
TOPICS = (intake.TOPIC, routing.TOPIC, escalation.TOPIC, notify.TOPIC)
CASE = "5e" * 16
ZONE = ZoneInfo("Asia/Shanghai")
END = datetime.fromisoformat("2026-01-09T09:00:00+08:00")  # the mark up to which limits had fired


def bodies(topic: str) -> list[bytes]:
    """The records' values of a topic, in order."""
    return (FOLDER / f"{topic}.jsonl").read_bytes().splitlines()


def messages(topic: str) -> list[Envelope]:
    return [decode(body) for body in bodies(topic)]


def records(*topics: str) -> list[Record]:
    return [as_record(topic, offset, body) for topic in topics for offset, body in enumerate(bodies(topic))]


def as_record(topic: str, offset: int, body: bytes) -> Record:
    return Record(topic, 0, offset, decode(body).subject.encode(), body)


def book() -> PolicyBook:
    """The policy and the calendar of the history, read as the running service reads what it stored."""
    since = datetime.fromisoformat("2026-01-01T00:00:00+08:00")
    versions = [("policy", "policy.yaml"), ("calendar", "calendar.yaml")]
    texts = [(kind, (FOLDER / name).read_text(encoding="utf-8")) for kind, name in versions]
    return book_of([Stored(kind, "example", 1, since, text, "", since) for kind, text in texts])


def units() -> list[UnitPublished]:
    found = [routing.DIRECTORY.read(decode(body)).event for body in bodies(routing.DIRECTORY_TOPIC)]
    return [event for event in found if isinstance(event, UnitPublished)]


class OneEdition:
    """The only edition that there was."""

    def __init__(self, published: Sequence[UnitPublished]) -> None:
        self._only = Edition(1, Directory(published, ZONE), (read_routes(FOLDER / "routes.yaml"),))

    def edition(self, version: int) -> Edition:
        if version != 1:
            raise LookupError(version)
        return self._only


def routing_view(published: Sequence[UnitPublished]) -> View:
    editions = OneEdition(published)
    return View(editions.edition(1), {}, editions)


def roster_view(published: Sequence[UnitPublished]) -> roster.Directory:
    return roster.directory_of(map(roster_unit, published))


def places_view(published: Sequence[UnitPublished]) -> places.Directory:
    return places.Directory(
        places.Unit(
            unit=u.unit, name=u.name, kind=u.kind, level=u.level, parent=u.parent, code=u.code, street=u.street,
            valid_from=u.valid_from, valid_to=u.valid_to, lon=u.lon, lat=u.lat,
            has_seat=any(post.post == "duty_seat" for post in u.posts),
        )
        for u in published
    )  # fmt: skip
