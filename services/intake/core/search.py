"""By which words a case is found again. Values are normalised here and hashed in the store; none is kept in clear."""

from __future__ import annotations

import re
import unicodedata

_LONGEST_TEXT = 400  # characters of a report whose pairs are indexed: the beginning says what it is about
_SHORTEST_PREFIX = 3
_LAST_DIGITS = 4


def normal(value: str) -> str:
    """Width, case and spaces do not matter (NFKC, case folded, without white space)."""
    return "".join(unicodedata.normalize("NFKC", value).casefold().split())


def digits(value: str) -> str:
    """A telephone number without country code and separators."""
    only = re.sub(r"\D", "", unicodedata.normalize("NFKC", value))
    return only.removeprefix("86") if len(only) > 11 else only


def of_name(name: str) -> set[str]:
    """Index terms of a person's or organisation's name."""
    plain = normal(name)
    return ({f"name:{plain}"} if plain else set()) | {f"pair:{pair}" for pair in _pairs(plain)}


def of_telephone(number: str) -> set[str]:
    """Index terms of a telephone number: whole, beginnings, and the last four digits."""
    only = digits(number)
    beginnings = {f"tel:{only[:length]}" for length in range(_SHORTEST_PREFIX, len(only) + 1)}
    return beginnings | ({f"last:{only[-_LAST_DIGITS:]}"} if len(only) >= _LAST_DIGITS else set())


def of_text(text: str) -> set[str]:
    """Index terms of free text: pairs of neighbouring characters."""
    return {f"pair:{pair}" for pair in _pairs(normal(text)[:_LONGEST_TEXT])}


def of_query(query: str) -> tuple[frozenset[str], ...]:
    """What is looked for: each set is one way to match, and all terms of a set must be there."""
    plain, only = normal(query), digits(query)
    ways = []
    if only and only == re.sub(r"[\s\-+()]", "", plain).removeprefix("86"):
        ways.append(frozenset({f"tel:{only}"}))
        if len(only) == _LAST_DIGITS:
            ways.append(frozenset({f"last:{only}"}))
    if pairs := _pairs(plain):
        ways.append(frozenset(f"pair:{pair}" for pair in pairs))
    elif plain:
        ways.append(frozenset({f"name:{plain}"}))
    return tuple(ways)


def _pairs(plain: str) -> set[str]:
    return {plain[at : at + 2] for at in range(len(plain) - 1)}
