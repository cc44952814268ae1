"""What people do with a whistle (吹哨报到). What the ladder itself does stands in facts.py."""

from __future__ import annotations

from typing import ClassVar

from services.kernel.envelope import Event


class WhistleRequested(Event, frozen=True, kw_only=True):
    """吹哨: a centre or a street calls the head of a unit.

    obligation: names this whistle within the case: `w1`, `w2` …; a whistle that the timer began bears its limit's name.
    unit: the unit called. kind: outcry, joint_enforcement, emergency (open string).
    """

    TYPE: ClassVar[str] = "case.whistle_requested.v1"
    obligation: str
    unit: str
    by: str
    by_unit: str
    kind: str
    reason: str = ""


class WhistleConfirmed(Event, frozen=True, kw_only=True):
    """The whistle-holder pressed: the proposed rank is to be blown."""

    TYPE: ClassVar[str] = "case.whistle_confirmed.v1"
    obligation: str
    rank: int
    by: str


class WhistleAcknowledged(Event, frozen=True, kw_only=True):
    """收到: the person called says that the call was read. Opening the link says nothing."""

    TYPE: ClassVar[str] = "case.whistle_acknowledged.v1"
    obligation: str
    rank: int
    by: str
    answer: str = "coming"


class WhistleAnswered(Event, frozen=True, kw_only=True):
    """四要素: accepted when, whom contacted, measures, limit. The words stay in intake; here, which were given."""

    TYPE: ClassVar[str] = "case.whistle_answered.v1"
    obligation: str
    by: str
    elements: tuple[str, ...]


class WhistleSettled(Event, frozen=True, kw_only=True):
    """The matter behind the whistle is settled: its ladder ends."""

    TYPE: ClassVar[str] = "case.whistle_settled.v1"
    obligation: str
    by: str


class WhistleWithdrawn(Event, frozen=True, kw_only=True):
    """撤哨: whoever blew takes it back."""

    TYPE: ClassVar[str] = "case.whistle_withdrawn.v1"
    obligation: str
    by: str
    reason: str
