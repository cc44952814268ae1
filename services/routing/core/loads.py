"""Loads: how many open cases a unit leads, and on how many panels of open cases a person sits.

They are counts over states, so a rebuild gives them in any order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from services.routing.core.cases import Case


def borne(case: Case | None) -> tuple[str, ...]:
    """Ids of the unit and the persons that bear this case: its lead, its mediator, its lawyer. None once closed.

    The judicial head is not counted: each street has one, so there is nothing to choose.
    """
    if case is None or not case.open:
        return ()
    panel = (case.panel.mediator, case.panel.lawyer) if case.panel is not None else ()
    return tuple(id_ for id_ in (case.lead, *panel) if id_ is not None)


def changes(before: Case | None, after: Case | None) -> dict[str, int]:
    """By how much loads change as a case goes from one state to another; without zeros."""
    counted = Counter(borne(after))
    counted.subtract(borne(before))
    return {id_: change for id_, change in counted.items() if change}


def loads(cases: Iterable[Case]) -> dict[str, int]:
    """All loads, out of the states alone."""
    return dict(Counter(id_ for case in cases for id_ in borne(case)))
