"""One seed, one run."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from tests.simulation.chaos import Chaos
from tests.simulation.checks import check
from tests.simulation.script import Press, script
from tests.simulation.world import NINE, World

END = NINE + timedelta(hours=20)  # every ladder has been climbed by then


async def disturbed(seed: int, *, time_passes: bool = True) -> World:
    """Run the script of this seed, with all that goes wrong; then let it come to rest."""
    world = await World(Random(f"chaos {seed}")).begin()
    chaos = Chaos(world, time_passes=time_passes)
    for press in script(Random(seed)):
        if time_passes:
            await chaos.until(press.at)
        else:
            await world.calm_until(press.at)
        await _press(world, press, seed)
        await chaos.until(world.now)
    await world.calm_until(END)
    return world


async def calm(seed: int) -> World:
    """The same script when nothing goes wrong."""
    world = await World(Random(0)).begin()
    for press in script(Random(seed)):
        await world.calm_until(press.at)
        await _press(world, press, seed)
    await world.calm_until(END)
    return world


async def _press(world: World, press: Press, seed: int) -> None:
    state = world.case(press.case)
    chance = Random(f"{seed} {press.at}")
    command = press.make(state, world.now, chance)  # type: ignore[arg-type]
    if command is not None and (state is not None or command.NAME == "register"):
        await world.press(press.case, command)


async def run(seed: int) -> World:
    """A disturbed run, checked."""
    world = await disturbed(seed)
    await check(world)
    return world
