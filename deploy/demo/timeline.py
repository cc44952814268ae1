"""A case's log in words, each line with the seconds since it was registered. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from deploy.demo.views import Logged
from services.intake.events import CONTRACT
from services.kernel.envelope import Event
from services.portal.core import telling
from services.portal.core.catalogue import Catalogue


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a timeline. after_s: seconds since the first event. english: the event's name in English."""

    after_s: float
    text: str
    english: str


def timeline(log: Sequence[Logged], names: Catalogue) -> list[Line]:
    """Tell a log by the time of each fact, in the words of the portal's case page.

    Args:
        log: the case's events. names: what codes are called.
    """
    if not log:
        return []
    begin = min(event.time for event in log)
    told = sorted(log, key=lambda event: (event.fact_at, event.sequence))
    return [Line((event.fact_at - begin).total_seconds(), _words(event, names), _english(event.type)) for event in told]


def _english(type_: str) -> str:
    """`case.limit_met.v1`: limit met."""
    return type_.split(".")[1].replace("_", " ")


def _words(event: Logged, names: Catalogue) -> str:
    typed = _typed(event)
    said = telling.tell(typed, names) if typed is not None else telling.unknown(event.type)
    by = f"  （{said.by}）" if said.by and said.by not in said.strong else ""
    return f"{said.strong}{said.rest}{by}"


def _typed(event: Logged) -> Event | None:
    type_ = CONTRACT.events.get(event.type)
    return None if type_ is None else msgspec.json.decode(event.data, type=type_)
