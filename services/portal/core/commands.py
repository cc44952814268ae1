"""What a step's form becomes as a command for intake: only the fields that the command has, in their types."""

from __future__ import annotations

from collections.abc import Mapping

_TEXT = {
    "decline": ("reason",),
    "dispatch": ("unit", "reason"),
    "attend": ("obligation",),
    "close": ("outcome",),
    "reopen": ("reason",),
    "session": ("mode", "result", "note"),
    "agreement": ("form", "text"),
    "whistle": ("unit", "kind", "reason"),
    "confirm": ("obligation",),
    "answer": ("obligation", "accepted_at", "contacted", "measures", "limit"),
    "settle": ("obligation",),
    "withdraw": ("obligation", "reason"),
    "acknowledge": ("obligation", "answer"),
}
_NUMBERS = {
    "attend": ("rank",),
    "session": ("present",),
    "agreement": ("instalments",),
    "confirm": ("rank",),
    "acknowledge": ("rank",),
}
_FLAGS = {"verify": ("passed",)}


def fields(command: str, typed: Mapping[str, str]) -> Mapping[str, object]:
    """The command's fields; what was left empty is left out.

    Raises:
        ValueError: a number is not one; the sentence is for the person at the page.
    """
    made: dict[str, object] = {"seen": _number("seen", typed.get("seen", ""))}
    for name in _TEXT.get(command, ()):
        if value := typed.get(name, "").strip():
            made[name] = value
    for name in _NUMBERS.get(command, ()):
        if typed.get(name, "").strip() not in ("", "0") or name in ("present", "instalments"):
            made[name] = _number(name, typed.get(name, ""))
    for name in _FLAGS.get(command, ()):
        made[name] = typed.get(name) == "true"
    if command == "perform":
        made["complete"] = typed.get("complete", "true") != "false"
    return made


def _number(name: str, text: str) -> int:
    kept = text.strip() or "0"
    if not kept.isascii() or not kept.isdigit() or len(kept) > 9:
        raise ValueError(f"{_NAMES.get(name, name)}要写数字")
    return int(kept)


_NAMES = {"seen": "页面的序号", "present": "到场当事人", "instalments": "期数", "rank": "哨级"}
