"""A decision in the making: what was said so far, and the case as it then stands."""

from __future__ import annotations

from services.escalation.core import inputs
from services.escalation.core.evolution import evolve
from services.escalation.core.policy import PolicyBook
from services.escalation.core.states import Case
from services.kernel.envelope import Event


class Draft:
    """Own events of one decision, each applied as soon as it is said, so that the next rule sees it.

    before: the case without the input; `case`: with the input and all that was said. at: the log's time.
    """

    __slots__ = ("at", "before", "case", "said", "view")

    def __init__(self, before: Case, given: inputs.Given, view: PolicyBook) -> None:
        self.before, self.view, self.at = before, view, given.at
        self.case = evolve(before, given) or before
        self.said: list[Event] = []

    def say(self, event: Event) -> None:
        """Add one own event."""
        self.said.append(event)
        self.case = evolve(self.case, event) or self.case
