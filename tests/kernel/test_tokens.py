"""Who may read a token, for how long, and for what."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest

from services.host.tokens import Identity, Link, TokenError, check, check_link, mint, mint_link
from tests.kernel.toy import NINE

KEY, OTHER = b"k" * 32, b"o" * 32
SEAT = Identity(staff="u-0016", unit="centre-1", post="seat", role="seat")
LINK = Link(case="c" * 32, obligation="w1", rank=2, staff="u-0040", unit="dept-water")
MINUTE = timedelta(minutes=1)


def test_a_token_says_who_acts_until_its_time_is_over() -> None:
    token = mint(SEAT, KEY, NINE, 5 * MINUTE)
    assert check(token, KEY, NINE) == check(token, KEY, NINE + 5 * MINUTE - timedelta(seconds=1)) == SEAT
    with pytest.raises(TokenError) as caught:
        check(token, KEY, NINE + 5 * MINUTE)
    assert caught.value.expired


def test_a_link_says_what_may_be_answered_and_opens_nothing_else() -> None:
    token = mint_link(LINK, KEY, NINE)
    assert check_link(token, KEY, NINE + timedelta(days=2)) == LINK
    with pytest.raises(TokenError):
        check(token, KEY, NINE)
    with pytest.raises(TokenError):
        check_link(mint(SEAT, KEY, NINE), KEY, NINE)


def forged(**changes: object) -> str:
    claims = {"staff": "u", "unit": "x", "post": "", "role": "seat", "iss": "maodiao", "aud": "call",
              "iat": 1, "exp": 9_999_999_999, **changes}  # fmt: skip
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, KEY, "HS256")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a.b.c",
        mint(SEAT, OTHER, NINE),
        mint(SEAT, KEY, NINE)[:-2] + "AA",
        jwt.encode({"staff": "u", "unit": "x", "post": "", "role": "seat", "exp": 9_999_999_999}, None, "none"),
        forged(iss="somebody"),
        forged(exp=None),
        forged(staff=None),
        forged(staff=7),
    ],
)
def test_what_is_not_ours_is_refused(token: str) -> None:
    with pytest.raises(TokenError) as caught:
        check(token, KEY, NINE)
    assert not caught.value.expired
    assert str(caught.value) == "not valid", "nothing of the token is told"


def test_the_machines_clock_plays_no_part() -> None:
    """Minted for 2026 and checked then, whatever the year in which this test runs."""
    assert check(forged(exp=int((NINE + MINUTE).timestamp())), KEY, NINE).role == "seat"
