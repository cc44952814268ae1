"""Plays the stories side by side and says what came of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.demo.display import Display
from deploy.demo.expecting import Unexpected
from deploy.demo.stories.story import Story
from deploy.demo.town import Town
from deploy.demo.views import Logged


@dataclass(frozen=True, slots=True)
class Played:
    """A story that was played, as far as it came.

    case: empty where not even that came about. wrong: empty, or the sentence that says what was expected and what was
    seen.
    """

    story: Story
    case: str
    log: Sequence[Logged]
    wrong: str = ""


async def play(story: Story, town: Town, display: Display) -> Played:
    """Play one story to its end, or to where it went wrong."""
    say, case, log, wrong = display.track(story.name, story.title), "", list[Logged](), ""
    try:
        receipt = await story.begin(town, say)
        case = receipt.case
        await story.play(town, receipt, say)
    except Unexpected as unexpected:
        wrong = str(unexpected)
    if case:
        try:
            log = await town.cast.login("duty").events(case)
        except Unexpected as unexpected:
            wrong = wrong or str(unexpected)  # what went wrong first says more
    display.ended(story.name, f"went wrong: {wrong}" if wrong else "done")
    return Played(story, case, log, f"{story.name}: {wrong}" if wrong else "")


async def play_all(stories: Sequence[Story], town: Town, display: Display) -> list[Played]:
    """Play stories side by side."""
    return list(await asyncio.gather(*(play(story, town, display) for story in stories)))
