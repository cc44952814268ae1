"""What a story is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from deploy.demo.town import Say, Town
from deploy.demo.views import Receipt


@dataclass(frozen=True, slots=True)
class Story:
    """A story with its title. begin: registers its case. play: plays it from there to its end.

    Both raise `Unexpected` where something else happens than they tell. They are apart so that a case is known, and its
    log can be shown, however its story goes on.
    """

    name: str
    title: str
    begin: Callable[[Town, Say], Awaitable[Receipt]]
    play: Callable[[Town, Receipt, Say], Awaitable[None]]
