"""How numbers are written: thousands apart, rates with what they are made of, the unknown in words."""

from __future__ import annotations

from services.portal.core.overview import Figure

NO_DATA = "没有数据"
FEWEST = 20
"""Below this many cases a percentage says more than is known: then only the numbers are shown."""


def count(number: int | None) -> str:
    """`1,284`; None is 没有数据, never 0."""
    return NO_DATA if number is None else f"{number:,}"


def yuan(fen: int) -> str:
    """Hundredths of a yuan as `1,860.00 元`."""
    return f"{fen // 100:,}.{fen % 100:02d} 元"


def rate(figure: Figure) -> str:
    """`91.4%`, or `3 ÷ 7` below twenty cases, or 没有数据."""
    if figure.numerator is None or not figure.denominator:
        return NO_DATA
    if figure.denominator < FEWEST:
        return f"{figure.numerator:,} ÷ {figure.denominator:,}"
    return f"{100 * figure.numerator / figure.denominator:.1f}%"


def made_of(figure: Figure) -> str:
    """`1,204 ÷ 1,317`, what stands under a rate."""
    if figure.numerator is None or figure.denominator is None:
        return NO_DATA
    return f"{figure.numerator:,} ÷ {figure.denominator:,}"


def fen(text: str) -> int | None:
    """Read an amount typed in yuan (`1,860`, `1860.5`, `1860.00 元`); None where it is not one.

    Returns: hundredths of a yuan.
    """
    kept = text.replace(",", "").replace("，", "").replace("元", "").strip()
    whole, dot, rest = kept.partition(".")
    if (
        not whole.isascii()
        or not whole.isdigit()
        or (dot and (not rest.isascii() or not rest.isdigit() or len(rest) > 2))
    ):
        return None
    return int(whole) * 100 + int((rest + "00")[:2])
