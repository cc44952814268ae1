"""One performance from beginning to end."""

from pathlib import Path

from rich.console import Console

from deploy.demo.display import Display
from deploy.demo.play import play_all
from deploy.demo.stage import stage
from deploy.demo.stories.lift import LIFT
from deploy.demo.stories.stall import STALL
from deploy.demo.stories.vendor import VENDOR
from deploy.demo.timeline import timeline


async def perform(data: Path, seed: int, console: Console) -> list[str]:
    with Display(console) as display:
        async with stage(data, display.said, display.progress) as on:
            played = await play_all([VENDOR, LIFT, STALL], on.town, display)
            display.said("stopping")
    for one in played:
        console.print(f"\n{one.story.title}: {one.wrong or 'done'}")
        for line in timeline(one.log, on.town.names):
            console.print(f"  {line.after_s:7.2f} s  {line.text}", markup=False)
    return [one.wrong for one in played if one.wrong]
