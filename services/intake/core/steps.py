"""Which steps a case allows now, and why another is not possible yet (结案还不行：…)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.intake.core import powers
from services.intake.core.cases import Case, Whistle
from services.intake.core.inputs import (  # fmt: skip
    Acknowledge,
    Actor,
    Answer,
    Attend,
    Blow,
    Close,
    Command,
    Confirm,
    Decline,
    Dispatch,
    Settle,
    Withdraw,
)

OUTCOMES = ("settled", "disposed", "not_settled", "refused", "withdrawn")
ANSWERS = ("coming", "sending", "returned")
ELEMENTS = ("accepted_at", "contacted", "measures", "limit")


def _accept(case: Case) -> str | None:
    if case.lead is None:
        return "no_lead"
    return None if case.state == "assigned" else "already_accepted"


def _decline(case: Case) -> str | None:
    if case.lead is None:
        return "no_lead"
    return None if case.state in ("assigned", "accepted") else "under_way"


def _dispose(case: Case) -> str | None:
    if case.state in ("disposed", "verified", "performed"):
        return "already_disposed"
    return None


def _verify(case: Case) -> str | None:
    return None if case.state == "disposed" else "not_disposed"


def _urge(case: Case) -> str | None:
    return None if case.lead is not None else "no_lead"


def _session(case: Case) -> str | None:
    if case.family != "dispute":
        return "not_a_dispute"
    if case.state in ("agreed", "performed"):
        return "already_agreed"
    return None if case.state in ("assigned", "accepted", "mediating") else "no_lead"


def _agreement(case: Case) -> str | None:
    if case.family != "dispute":
        return "not_a_dispute"
    if case.state in ("agreed", "performed"):
        return "already_agreed"
    return None if case.sessions else "no_session"


def _perform(case: Case) -> str | None:
    if case.state == "performed":
        return "already_performed"
    return None if case.state == "agreed" else "no_agreement"


def _whistle(case: Case) -> str | None:
    return "already_whistling" if any(_from_people(one) for one in case.whistling) else None


def _from_people(whistle: Whistle) -> bool:
    return bool(whistle.by_unit)


def _confirm(case: Case) -> str | None:
    proposed = (rank for one in case.whistling for rank in one.ranks.values() if rank.waits_for_press)
    return None if any(proposed) else "nothing_proposed"


def _called(case: Case) -> str | None:
    return None if case.whistling else "no_whistle"


def _nothing(_: Case) -> str | None:
    return None


_STEPS: Mapping[str, Callable[[Case], str | None]] = {
    "accept": _accept,
    "decline": _decline,
    "dispatch": _nothing,
    "attend": _nothing,
    "dispose": _dispose,
    "verify": _verify,
    "close": _nothing,
    "urge": _urge,
    "session": _session,
    "agreement": _agreement,
    "perform": _perform,
    "whistle": _whistle,
    "confirm": _confirm,
    "acknowledge": _called,
    "answer": _called,
    "settle": _called,
    "withdraw": _called,
}
# A link was sent to whoever was called: what they answer is recorded also when the case has moved on.
_ALSO_CLOSED = frozenset({"acknowledge", "erase", "photo", "reopen"})
# The seat and the log offer these by machine or elsewhere, not as a step on the case's page.
_NOT_ON_THE_PAGE = frozenset({"register", "revise", "erase", "photo"})


def outcome(case: Case, wanted: str) -> str | None:
    """Can the case be closed with this outcome?

    Returns: None, or why not: `unknown_outcome`, `not_verified`, `not_performed`.
    """
    if wanted not in OUTCOMES:
        return "unknown_outcome"
    if wanted == "disposed":
        return None if case.state == "verified" else "not_verified"
    if wanted == "settled":
        settled = case.state in ("performed", "verified") or any(w.ended == "settled" for w in case.whistles.values())
        return None if settled else "not_performed"
    return None


def possible(case: Case, command: str) -> str | None:
    """Does the case's state allow this step, whoever asks? Returns: None, or why not yet."""
    if command == "reopen":
        return "not_closed" if case.open else None
    if command in ("revise", "register", "erase", "photo"):
        return None
    if not case.open and command not in _ALSO_CLOSED:
        return "closed"
    return _STEPS[command](case)


def refusal(case: Case, command: Command) -> str | None:
    """Why this press is not possible, by power, by state, or by what it says; None if it is."""
    linked = isinstance(command, Acknowledge) and command.linked
    if linked:
        return None
    why = powers.may(case, command.NAME, command.by) or possible(case, command.NAME)
    return why or _details(case, command)


def _details(case: Case, command: Command) -> str | None:
    match command:
        case Close():
            return outcome(case, command.outcome)
        case Decline() if command.by.role != "seat" and command.by.unit != case.lead:
            return "not_your_unit"
        case Dispatch() if command.unit == case.lead and case.state == "assigned":
            return "already_there"
        case Blow() if command.unit is None and case.lead is None:
            return "no_lead"
        case Attend() if command.obligation is not None:
            return _open_whistle(case, command.obligation)
        case Confirm():
            return _proposed(case, command.obligation, command.rank)
        case Acknowledge() | Answer() | Settle() | Withdraw():
            return _open_whistle(case, command.obligation)
        case _:
            return None


def _open_whistle(case: Case, obligation: str) -> str | None:
    whistle = case.whistles.get(obligation)
    if whistle is None:
        return "no_whistle"
    return None if whistle.ended is None else "whistle_ended"


def _proposed(case: Case, obligation: str, number: int) -> str | None:
    if (why := _open_whistle(case, obligation)) is not None:
        return why
    rank = case.whistles[obligation].ranks.get(number)
    return None if rank is not None and rank.waits_for_press else "nothing_proposed"


def allowed(case: Case, by: Actor) -> tuple[str, ...]:
    """The steps that this person may take now."""
    return tuple(name for name in _offered(case, by) if possible(case, name) is None)


def not_yet(case: Case, by: Actor) -> tuple[tuple[str, str], ...]:
    """The steps in this person's power that the case does not allow yet: (command, why)."""
    steps = [(name, why) for name in _offered(case, by) if (why := possible(case, name)) is not None]
    if case.open and "close" in _offered(case, by):
        usual = "settled" if case.family == "dispute" else "disposed"
        if (why := outcome(case, usual)) is not None:
            steps.append(("close", why))
    return tuple(steps)


def _offered(case: Case, by: Actor) -> list[str]:
    return [name for name in powers.POWERS if name not in _NOT_ON_THE_PAGE and powers.may(case, name, by) is None]
