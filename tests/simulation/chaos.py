"""What goes wrong between two presses, drawn by chance: delays, repeats, other orders, kills, freezes, outages."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.simulation.world import SERVICES, Killed, Service, World

_WAITS = (0, 0, 1, 5, 30, 120, 600, 1800)


class Chaos:
    """Moves the world on, badly. Every outage ends: `World.calm_until` is what comes after."""

    def __init__(self, world: World, *, time_passes: bool = True) -> None:
        self.world, self.chance, self._time_passes = world, world.chance, time_passes
        self.down: dict[str, datetime] = {}

    async def until(self, until: datetime) -> None:
        world = self.world
        while True:
            for _ in range(self.chance.randrange(1, 6)):
                await self.something()
            if not self._time_passes or world.now >= until:
                world.now = max(world.now, until)
                return
            world.now = min(until, world.now + timedelta(seconds=self.chance.choice(_WAITS)))
            if self.chance.random() < 0.1:  # a worker or a relay is away for a while
                what = self.chance.choice(
                    [*SERVICES, "relay intake", "relay escalation", "relay notify", "sender", "sender"]
                )
                self.down[what] = world.now + timedelta(seconds=self.chance.choice((60, 600, 3600)))

    def _up(self, what: str) -> bool:
        return what not in self.down or self.down[what] <= self.world.now

    async def something(self) -> None:
        """One thing happens, or fails to."""
        what = self.chance.choices(
            ("hear", "publish", "mark", "fire", "send", "kill relay", "freeze", "wake", "restart"),
            (40, 20, 12, 10, 12, 2, 1.5, 1.5, 1),
        )[0]
        service = self.world.services[self.chance.choice(SERVICES)]
        match what:
            case "hear" if self._up(service.name):
                await self._killed_perhaps(service, self._hears(service))
            case "publish" if self._up(f"relay {service.name}"):
                service.publish(self.chance.choice((1, 2, 5, 100)))
            case "mark" if self._up("relay intake"):
                self.world.mark()
            case "fire" if self._up("escalation"):
                await self._killed_perhaps(self.world.services["escalation"], self.world.fire())
            case "send" if self._up("sender"):
                await self.world.send(fails=0.15, dies=0.1)
            case "kill relay" if self._up(f"relay {service.name}"):
                service.publish_and_die(self.chance.choice((1, 3, 10)))
            case "freeze":
                await service.freeze()
            case "wake" if service.zombies:
                await service.wake()
            case "restart":
                await service.start()

    async def _hears(self, service: Service) -> bool:
        return await service.hear(self.chance.choice(service.topics), self.chance.choice((1, 1, 2, 7, 50)))

    async def _killed_perhaps(self, service: Service, work) -> None:  # type: ignore[no-untyped-def]
        if self.chance.random() < 0.08:
            service.store.kill = self.chance.choice(("before", "after"))
        try:
            await work
        except Killed:
            await service.start()
        finally:
            service.store.kill = ""
