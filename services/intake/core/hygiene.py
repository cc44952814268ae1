"""What people type, checked before it is kept: text, times, ID numbers, telephones. Codes say what is wrong."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta

# Marks that turn the order of what is read: a name or a reason could be shown as something else than what is stored.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_ALLOWED_CONTROLS = frozenset("\n\r\t")
_EARLIEST = datetime(1949, 10, 1, tzinfo=UTC)
AHEAD = timedelta(minutes=2)  # decision 4: a clock may be so far ahead, no more

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643, ISO 7064 MOD 11-2
_CHECKS = "10X98765432"
_TELEPHONE = re.compile(
    r"(?:\+?86[- ]?)?(?:1[3-9]\d{9}|0\d{2,3}[- ]?\d{7,8}(?:[- ]\d{1,6})?|\d{7,8}|1\d{4}|400[- ]?\d{3}[- ]?\d{4})"
)


def text(value: str) -> str | None:
    """Is this text fit to be kept and shown? Returns: None, or `nul`, `direction_marks`, `control_characters`."""
    if "\0" in value:
        return "nul"
    if not _BIDI.isdisjoint(value):
        return "direction_marks"
    # Cs: lone surrogates, which no UTF-8 can hold.
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in _ALLOWED_CONTROLS for c in value):
        return "control_characters"
    return None


def occurred(claimed: datetime, now: datetime) -> str | None:
    """Is this a time at which something can have happened? Returns: None, or `no_zone`, `in_future`, `too_early`."""
    if claimed.tzinfo is None:
        return "no_zone"
    if claimed > now + AHEAD:
        return "in_future"
    return "too_early" if claimed < _EARLIEST else None


def id_number(value: str) -> str | None:
    """A citizen's number (GB 11643). Returns: None, or `form`, `birth`, `check_digit`."""
    if not re.fullmatch(r"[1-9]\d{16}[\dX]", value):
        return "form"
    try:
        datetime.strptime(value[6:14], "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return "birth"
    total = sum(int(digit) * weight for digit, weight in zip(value[:17], _WEIGHTS, strict=True))
    return None if _CHECKS[total % 11] == value[17] else "check_digit"


def telephone(value: str) -> str | None:
    """A mobile, landline or service number of the mainland. Returns: None, or `form`."""
    return None if _TELEPHONE.fullmatch(value) else "form"
