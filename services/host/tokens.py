"""Signed tokens: who acts (between the portal and the services), and the link that a person called receives.

JSON Web Tokens, HMAC-SHA256, with keys of the installation. They carry references only: no name, no telephone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TypeVar

import jwt
import msgspec
from jwt.types import Options

T = TypeVar("T")
_ALGORITHM = "HS256"
_ISSUER = "maodiao"


class TokenError(Exception):
    """The token is not ours, or its time is over. `expired` tells which."""

    def __init__(self, expired: bool) -> None:
        super().__init__("expired" if expired else "not valid")
        self.expired = expired


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts: a person of the centres, or (role `service`) another service of ours."""

    staff: str
    unit: str
    post: str
    role: str


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """What a signed link lets its bearer do: answer this rank of this obligation, as this person."""

    case: str
    obligation: str
    rank: int
    staff: str
    unit: str


def mint(identity: Identity, key: bytes, now: datetime, lasts: timedelta = timedelta(minutes=5)) -> str:
    """A short token for calls between services.

    Args:
        identity: who acts. key: `token_key`. now: the caller's clock, UTC. lasts: from now.
    """
    return _sign(msgspec.to_builtins(identity), "call", key, now, lasts)


def check(token: str, key: bytes, now: datetime) -> Identity:
    """Who acts. Raises: TokenError."""
    return _open(token, "call", key, now, Identity)


def mint_link(link: Link, key: bytes, now: datetime, lasts: timedelta = timedelta(days=3)) -> str:
    """The token of a link in a message. It opens a page; only a press on that page acknowledges."""
    return _sign(msgspec.to_builtins(link), "link", key, now, lasts)


def check_link(token: str, key: bytes, now: datetime) -> Link:
    """What the bearer may do. Raises: TokenError."""
    return _open(token, "link", key, now, Link)


def _sign(claims: dict[str, object], audience: str, key: bytes, now: datetime, lasts: timedelta) -> str:
    times = {"iat": int(now.timestamp()), "exp": int((now + lasts).timestamp())}
    return jwt.encode({**claims, **times, "iss": _ISSUER, "aud": audience}, key, algorithm=_ALGORITHM)


def _open(token: str, audience: str, key: bytes, now: datetime, type_: type[T]) -> T:
    # The library would ask the machine's clock; ours comes from outside.
    options: Options = {"verify_exp": False, "verify_iat": False, "require": ["exp", "iss", "aud"]}
    try:
        claims = jwt.decode(token, key, [_ALGORITHM], options=options, audience=audience, issuer=_ISSUER)
        opened = msgspec.convert(claims, type_)
    except (jwt.InvalidTokenError, msgspec.ValidationError) as error:
        raise TokenError(expired=False) from error
    if claims["exp"] <= now.timestamp():
        raise TokenError(expired=True)
    return opened
