"""What a story is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from deploy.demo.town import Say, Town


@dataclass(frozen=True, slots=True)
class Story:
    """A story with its title. play: plays it to its end and returns the case that it was about.

    play raises `Unexpected` where something else happens than it tells.
    """

    name: str
    title: str
    play: Callable[[Town, Say], Awaitable[str]]
