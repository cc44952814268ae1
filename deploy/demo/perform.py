"""One performance from beginning to end."""

import asyncio
from pathlib import Path
from typing import Final

from rich.console import Console

from deploy.demo import schedule
from deploy.demo.display import Display
from deploy.demo.expecting import Unexpected
from deploy.demo.hotline import Hotline
from deploy.demo.play import play_all
from deploy.demo.stage import Stage, stage
from deploy.demo.stories.lift import LIFT
from deploy.demo.stories.stall import STALL
from deploy.demo.stories.vendor import VENDOR
from deploy.demo.timeline import timeline
from deploy.init import REPOSITORY

STORIES: Final = (VENDOR, LIFT, STALL)
REQUESTS: Final = REPOSITORY / "deploy" / "data" / "demo" / "requests311.csv"
DAY_S: Final = 60.0


async def perform(data: Path, seed: int, console: Console) -> list[str]:
    with Display(console) as display:
        async with stage(data, display.said, display.progress) as on:
            hotline = Hotline(on.town, on.outside, schedule.plan(schedule.read(REQUESTS), seed, DAY_S), DAY_S)
            display.counts(lambda: _counts(hotline, on))
            played, wrong = await asyncio.gather(play_all(STORIES, on.town, display), _hotline(hotline, display))
            console.print(_counts(hotline, on))
            display.said("stopping")
    for one in played:
        console.print(f"\n{one.story.title}: {one.wrong or 'done'}")
        for line in timeline(one.log, on.town.names):
            console.print(f"  {line.after_s:7.2f} s  {line.text}", markup=False)
    return [one.wrong for one in played if one.wrong] + wrong


async def _hotline(hotline: Hotline, display: Display) -> list[str]:
    say = display.track("hotline", "外部系统一天 · a day of another system's requests")
    try:
        await hotline.play(say)
    except Unexpected as wrong:
        display.ended("hotline", f"went wrong: {wrong}")
        return [f"hotline: {wrong}"]
    display.ended("hotline", "done")
    return []


def _counts(hotline: Hotline, on: Stage) -> str:
    tally = hotline.tally
    return (
        f"sent {hotline.outside.sent}/{tally.planned}  receipts {len(hotline.cases)}  dispatched {tally.dispatched}  "
        f"disposed {tally.disposed}  closed {tally.closed}  mails {on.town.mailbox.total}"
    )
