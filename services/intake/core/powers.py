"""Who may do what: by role, and by what their unit has to do with the case.

The whistle is a power of centres and streets (吹哨调度权); whoever is called answers it; a second pair of
eyes verifies.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.intake.core.cases import Case
from services.intake.core.inputs import Actor

ROLES = (
    "clerk", "seat", "grid", "mediator", "centre", "street", "department", "leader", "supervisor", "ops", "service",
    "system",
)  # fmt: skip

_CONTROL = frozenset({"seat", "centre", "street"})
_HANDS = frozenset({"grid", "mediator", "centre", "street", "department", "leader", "seat"})
_OVERSEE = _CONTROL | {"supervisor", "leader"}

POWERS: Mapping[str, frozenset[str]] = {
    "register": frozenset(
        {"clerk", "seat", "grid", "mediator", "centre", "street", "department", "service", "system", "supervisor"}
    ),
    "accept": _HANDS,
    "decline": _HANDS,
    "dispatch": _CONTROL,
    "attend": _HANDS,
    "dispose": _HANDS | {"system"},
    "verify": _OVERSEE | {"grid", "clerk"},
    "close": _OVERSEE | {"mediator"},
    "reopen": _OVERSEE | {"clerk"},
    "urge": _OVERSEE,
    "session": frozenset({"mediator", "centre"}),
    "agreement": frozenset({"mediator", "centre"}),
    "perform": frozenset({"mediator", "centre", "seat"}),
    "whistle": _CONTROL,
    "confirm": _CONTROL,
    "acknowledge": _HANDS,
    "answer": _HANDS,
    "settle": _HANDS,
    "withdraw": _CONTROL,
    "photo": frozenset(ROLES) - {"service", "system"},  # the door also asks whether they may read the case
    "revise": frozenset({"ops", "service"}),
    "erase": frozenset({"ops", "supervisor"}),
}

# Steps of the unit that has the case; the duty seat enters them for a unit that telephones.
_OF_THE_UNIT = frozenset({"accept", "decline", "attend", "dispose", "session", "agreement", "perform"})
_OF_THE_CALLED = frozenset({"attend", "acknowledge", "answer", "settle"})
# Streets blow for cases of their own street or that they have to do with; centres and the duty seat for any.
_OF_THE_STREET = frozenset({"whistle", "confirm", "withdraw", "dispatch"})


def may(case: Case | None, command: str, by: Actor) -> str | None:
    """Is this command in the actor's power?

    Returns: None, or why not: `unknown_command`, `role_may_not`, `not_your_unit`, `not_your_street`.
    """
    roles = POWERS.get(command)
    if roles is None:
        return "unknown_command"
    if by.role not in roles:
        return "role_may_not"
    if case is None or by.role in ("seat", "ops", "service", "supervisor"):
        return None
    if by.role == "system":
        return None if by.staff == f"system:{case.system}" else "not_your_unit"
    if command in _OF_THE_UNIT or command in _OF_THE_CALLED:
        own = command in _OF_THE_UNIT and (related(case, by) or (command == "attend" and by.role == "grid"))
        called = command in _OF_THE_CALLED and (by.unit in case.called or by.role in ("centre", "street"))
        return None if own or called else "not_your_unit"
    if command in _OF_THE_STREET and by.role == "street":
        return None if related(case, by) or of_street(case, by) else "not_your_street"
    return None


def related(case: Case, by: Actor) -> bool:
    """Has the actor the case: by their unit, or as one of the panel?"""
    units = {case.lead, case.centre, *case.assisting}
    return by.unit in units or (case.panel is not None and by.staff in case.panel)


def of_street(case: Case, by: Actor) -> bool:
    """Does the actor's unit serve the case's street?"""
    return case.street is not None and by.street == case.street


def may_read_text(case: Case, by: Actor) -> bool:
    """May the actor read what people said? Confidential cases: only who has it, the duty seat and the centre."""
    close = related(case, by) or by.role in ("seat", "centre") or by.staff == case.receiver
    if case.confidential:
        return close
    return close or by.role in ("supervisor", "leader", "clerk") or by.unit in case.called or of_street(case, by)
