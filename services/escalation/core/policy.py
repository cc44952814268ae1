"""Policies: which steps have which limits, and the ladder of a whistle. Frozen; versions are kept for ever.

A limit or a whistle copies what governs it at its beginning (decision 8), so what stands here decides beginnings only.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from services.escalation.core.calendar import Calendar, Within
from services.escalation.events.whistles import Ladder


@dataclass(frozen=True, slots=True)
class StepRule:
    """The limit of one step: from a fact of the case's log to the first of others.

    whistle: what a miss does: `propose` or `blow` rank 1, or nothing.
    from_occurred: count from the claimed time of the fact, if that lies in the 24 h before it was told.
    """

    step: str
    starts: str
    met_by: tuple[str, ...]
    within: Within
    whistle: str = ""
    from_occurred: bool = False


@dataclass(frozen=True, slots=True)
class Override:
    """Another period for a step of the kinds with this prefix; the longest prefix wins."""

    family: str
    kind: str
    step: str
    within: Within


@dataclass(frozen=True)
class Policy:
    """One version. since: in force from then on. near_share: 临期 begins at this share of a limit."""

    name: str
    version: int
    since: datetime
    calendar: str
    near_share: float
    steps: dict[str, tuple[StepRule, ...]]
    overrides: tuple[Override, ...]
    ladder: Ladder
    _begun: dict[tuple[str, str, str], tuple[StepRule, ...]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def begun_by(self, fact: str, family: str, kind: str) -> tuple[StepRule, ...]:
        """The steps that this fact begins, for this kind of case."""
        asked = fact, family, kind
        known = self._begun.get(asked)
        if known is None:
            steps = self.steps.get(family, ())
            known = tuple(self._fit(rule, family, kind) for rule in steps if rule.starts == fact)
            self._begun[asked] = known  # a memo: the answer never changes, and facts and kinds are few
        return known

    def rule(self, step: str, family: str, kind: str) -> StepRule | None:
        """The rule of one step, for this kind of case."""
        return next((self._fit(rule, family, kind) for rule in self.steps.get(family, ()) if rule.step == step), None)

    def _fit(self, rule: StepRule, family: str, kind: str) -> StepRule:
        fits = [
            o for o in self.overrides if o.step == rule.step and o.family == family and kind.startswith(o.kind)
        ]  # few: a policy has a dozen
        return replace(rule, within=max(fits, key=lambda o: len(o.kind)).within) if fits else rule


@dataclass(frozen=True, slots=True)
class DatedCalendar:
    """A version of a calendar, and since when it is in force."""

    since: datetime
    calendar: Calendar


@dataclass(frozen=True)
class PolicyBook:
    """Every version of every policy and calendar that this service has ever had: the view of its decisions."""

    policies: Sequence[Policy] = ()
    calendars: Sequence[DatedCalendar] = ()

    @cached_property
    def _in_order(self) -> tuple[list[datetime], list[Policy]]:
        policies = sorted(self.policies, key=lambda p: (p.since, p.version))
        return [p.since for p in policies], policies

    @cached_property
    def _dated(self) -> dict[str, list[DatedCalendar]]:
        """By name, the newest first."""
        dated: dict[str, list[DatedCalendar]] = {}
        for version in sorted(self.calendars, key=lambda c: c.since, reverse=True):
            dated.setdefault(version.calendar.name, []).append(version)
        return dated

    def at(self, time: datetime) -> Policy | None:
        """The policy in force at this time of the log; None before the first."""
        since, policies = self._in_order
        place = bisect_right(since, time)
        return policies[place - 1] if place else None

    def numbered(self, name: str, version: int) -> Policy | None:
        """One version of one policy."""
        return next((p for p in self.policies if p.name == name and p.version == version), None)

    def calendar(self, name: str, time: datetime) -> Calendar:
        """The version of this calendar in force at `time`, or before all of them the first.

        Raises: LookupError. Storing a policy checks that its calendar is there, so this is a fault.
        """
        dated = self._dated.get(name)
        if dated is None:
            raise LookupError(f"no calendar {name} is stored")
        return next((c.calendar for c in dated if c.since <= time), dated[-1].calendar)

    def calendar_numbered(self, name: str, version: int) -> Calendar | None:
        """One version of one calendar."""
        return next(
            (c.calendar for c in self.calendars if c.calendar.name == name and c.calendar.version == version), None
        )
