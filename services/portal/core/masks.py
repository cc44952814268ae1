"""Masks for what is personal. Masking what is masked already changes nothing, so intake's masks pass through."""

from __future__ import annotations

_STARS = "**"
_SHOWN = 7
"""Digits of a telephone that a mask leaves: what shows no more is masked already."""


def name(full: str) -> str:
    """王** for a person: the first character, whatever the length."""
    full = full.strip()
    return full[:1] + _STARS if full else ""


def telephone(number: str) -> str:
    """138****1234; shorter numbers keep the last two digits alone."""
    digits = "".join(sign for sign in number if sign in "0123456789")
    if "****" in number and len(digits) <= _SHOWN:
        return "".join(sign for sign in number if sign in "0123456789*")
    if len(digits) >= 10:
        return f"{digits[:3]}****{digits[-4:]}"
    return "****" + digits[-2:] if digits else ""


def id_number(number: str) -> str:
    """1201**********402X: the place of issue and the last four."""
    kept = number.strip().upper()
    if len(kept) <= 8:
        return "*" * len(kept)
    return kept[:4] + "*" * (len(kept) - 8) + kept[-4:]


def address(text: str) -> str:
    """The first six characters, which name street or community, and no door."""
    kept = text.strip()
    return kept if len(kept) <= 6 else kept[:6] + "……"
