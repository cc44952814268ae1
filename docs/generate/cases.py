"""What may happen to a case, asked of intake's core itself: each press is tried in each state that can be reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from services.intake.core import inputs, powers, stale
from services.intake.core.cases import Case
from services.intake.core.inputs import Actor, Given, Proposal
from services.intake.core.places import Directory
from services.intake.core.rules import Intake
from services.intake.doors import words
from services.intake.events import facts
from services.intake.events.reception import Family

_AT = datetime(2026, 1, 5, 1, tzinfo=UTC)
_CORE, _NOWHERE = Intake(), Directory()
_SEAT = Actor(staff="seat", unit="centre", role="seat")
_MEDIATOR = Actor(staff="mediator", unit="centre", role="mediator")
_LEAD = Actor(staff="lead", unit="unit", role="department")
_PRESSES: Sequence[tuple[str, type[inputs.Command], Actor, dict[str, Any]]] = (
    ("accept", inputs.Accept, _LEAD, {}),
    ("decline", inputs.Decline, _LEAD, {"reason": "not_ours"}),
    ("dispatch", inputs.Dispatch, _SEAT, {"unit": "other"}),
    ("dispose", inputs.Dispose, _SEAT, {}),
    ("verify (passed)", inputs.Verify, _SEAT, {"passed": True}),
    ("verify (failed)", inputs.Verify, _SEAT, {"passed": False}),
    ("session", inputs.Session, _MEDIATOR, {"mode": "face_to_face", "present": 2}),
    ("agreement", inputs.Agreement, _MEDIATOR, {}),
    ("perform", inputs.Perform, _MEDIATOR, {}),
    ("close (settled)", inputs.Close, _SEAT, {"outcome": "settled"}),
    ("close (disposed)", inputs.Close, _SEAT, {"outcome": "disposed"}),
    ("close (otherwise)", inputs.Close, _SEAT, {"outcome": "withdrawn"}),
    ("reopen", inputs.Reopen, _SEAT, {"reason": "again"}),
)

_INTRODUCTION = """# What may happen to a case

Asked of the rules of intake (`services/intake/core/`): every press was tried in every state that can be reached. What
stands in brackets is a proposal of routing. Whistles, urging and attendance move no state and are left out of the
diagrams.
"""


def case_document() -> str:
    """Markdown: a diagram per family, and the table of commands."""
    parts = [_INTRODUCTION]
    families: Sequence[tuple[Family, str]] = (("dispute", "矛盾纠纷 dispute"), ("incident", "城市事件 incident"))
    for family, title in families:
        lines = sorted(f"    {before} --> {after}: {press}" for before, press, after in moves(family))
        parts.append(
            f"## {title}\n\n```mermaid\nstateDiagram-v2\n    [*] --> registered\n" + "\n".join(lines) + "\n```\n"
        )
    parts.append("## Commands\n\n" + "\n".join(_table()) + "\n")
    return "\n".join(parts)


def moves(family: Family) -> set[tuple[str, str, str]]:
    """State, press, next state, for all that can be reached."""
    first = _registered(family)
    seen, todo, found = {_key(first)}, [first], set[tuple[str, str, str]]()
    while todo:
        case = todo.pop()
        for press, given in _givens(case):
            after = _given(case, given)
            if after is None:
                continue
            if after.state != case.state:
                found.add((case.state, press, after.state))
            if _key(after) not in seen:
                seen.add(_key(after))
                todo.append(after)
    return found


def _key(case: Case) -> tuple[object, ...]:
    """What the rules of the steps look at; more would never end."""
    return case.state, case.lead, case.sessions > 0, len(case.declined) > 0


def _registered(family: Family) -> Case:
    command = inputs.Register(
        at=_AT, by=_SEAT, number="1", family=family, kind="01", channel="window", community="c", street="s"
    )
    case = _given(None, command)
    assert case is not None
    return case


def _givens(case: Case) -> Iterator[tuple[str, Given]]:
    for press, command, by, fields in _PRESSES:
        yield press, command(at=_AT, by=by, **fields)
    rest: dict[str, Any] = {"id": "proposal", "afterseq": case.sequence, "fact_at": _AT}
    assigned = facts.Assigned(fact_at=_AT, unit="unit", centre="centre", level="street")
    yield "[assigned]", Proposal(event=assigned, **rest)
    yield "[unroutable]", Proposal(event=facts.Unroutable(fact_at=_AT, reason="no_route", seat="centre"), **rest)


def _given(case: Case | None, given: Given) -> Case | None:
    """The case after it; None if it was refused or superseded."""
    own = _CORE.decide(case, given, _NOWHERE)
    if not own or any(isinstance(event, facts.Superseded) for event in own):
        return None
    after = _CORE.evolve(case, given)
    for event in own:
        after = _CORE.evolve(after, event)
    return after


def _table() -> Iterator[str]:
    yield "| command | 名称 | roles that may | stale if one of these came meanwhile |"
    yield "|---|---|---|---|"
    for command in stale.STALE:
        roles = powers.POWERS[command]
        chinese = words.step(command).partition(" ")[0]
        types = sorted(type_.removesuffix(".v1") for type_ in stale.STALE[command])
        shown = ", ".join(f"`{type_}`" for type_ in types) or "never"
        yield f"| `{command}` | {chinese} | {', '.join(sorted(roles))} | {shown} |"
