"""One performance from beginning to end."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console

from deploy.demo import ledger, report, schedule
from deploy.demo.checks import Finding, Performance, by_group, check
from deploy.demo.display import Display
from deploy.demo.expecting import Unexpected, until
from deploy.demo.hotline import Hotline
from deploy.demo.latency import Latency, latencies
from deploy.demo.play import Played, play_all
from deploy.demo.players import Player
from deploy.demo.stage import Stage, stage
from deploy.demo.stories.lift import LIFT
from deploy.demo.stories.stall import STALL
from deploy.demo.stories.vendor import VENDOR
from deploy.init import REPOSITORY

STORIES: Final = (VENDOR, LIFT, STALL)
REQUESTS: Final = REPOSITORY / "deploy" / "data" / "demo" / "requests311.csv"
DAY_S: Final = 60.0
"""Seconds that the outside system's day of 24 hours takes."""

QUIET_S: Final = 45.0
WATCHER: Final = "supervisor"
LOOK_S: Final = 2.0


@dataclass(slots=True)
class Outcome:
    """What came of it. wrong: a sentence for each thing that was wrong."""

    played: Sequence[Played] = ()
    findings: Sequence[Finding] = ()
    latencies: Sequence[Latency] = ()
    lag: Mapping[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


async def perform(data: Path, seed: int, console: Console) -> list[str]:
    """Start everything in a data folder, play, check, stop, and print what came of it.

    Args:
        data: the data folder. seed: chooses the requests that nobody deals with.

    Returns:
        A sentence for each thing that was wrong; empty if all is well.

    Raises:
        DeployError: something cannot run.
    """
    return await perform_on(lambda display: stage(data, display.said, display.progress), seed, console)


async def perform_on(
    staged: Callable[[Display], AbstractAsyncContextManager[Stage]], seed: int, console: Console
) -> list[str]:
    """As `perform`, on a stage that somebody else sets: `staged` is entered for the performance."""
    _end_on_signals()
    with Display(console) as display:
        async with staged(display) as on:
            display.headline(f"the portal is at {on.portal} while it plays: {_invitation(on)}")
            outcome = await _play(on, seed, display)
            names = on.town.names
            display.said("stopping")
    report.stories(console, outcome.played, names)
    report.counts(console, outcome.findings)
    report.figures(console, outcome.latencies, outcome.lag)
    return outcome.wrong


def _invitation(on: Stage) -> str:
    """With whom to look in: one who sees the screen, the queue and the lag and can spoil nothing."""
    watcher = on.town.cast.login(WATCHER)
    return f"sign in as {watcher.login}, password {watcher.password}"


def _end_on_signals() -> None:
    """The first signal breaks the performance off, and what runs is stopped on the way out; later ones change nothing:
    a stop that is broken off would leave servers behind."""
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert task is not None, "called from a coroutine"
    ending = asyncio.Event()

    def end() -> None:
        if not ending.is_set():
            ending.set()
            task.cancel()

    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(signum, end)


async def _play(on: Stage, seed: int, display: Display) -> Outcome:
    hotline = Hotline(on.town, on.outside, schedule.plan(schedule.read(REQUESTS), seed, DAY_S), DAY_S)
    outcome = Outcome()
    display.counts(lambda: f"{_counts(hotline, on)}\n{report.in_words(outcome.lag)}")
    looking = asyncio.create_task(_look_at_lag(on.town.cast.login(WATCHER), outcome))
    try:
        outcome.played, wrong = await asyncio.gather(play_all(STORIES, on.town, display), _hotline(hotline, display))
    finally:
        looking.cancel()
        await asyncio.wait([looking])
    outcome.wrong += [one.wrong for one in outcome.played if one.wrong] + wrong
    try:
        display.said("waiting until every group has read everything")
        outcome.lag = await _quiet(on.town.cast.login(WATCHER))
        display.said("comparing Kafka and PostgreSQL with what was played")
        books = await ledger.read(on.backstage.kafka, on.backstage.dsn)
    except Unexpected as unexpected:
        outcome.wrong.append(str(unexpected))
        return outcome
    outcome.findings = check(books, _performance(hotline, outcome.played, on))
    outcome.latencies = latencies(books.records["case.intake"], on.town.mailbox.first())
    outcome.wrong += [f"{one.what}: {one.seen}" for one in outcome.findings if not one.holds]
    return outcome


async def _hotline(hotline: Hotline, display: Display) -> list[str]:
    say = display.track("hotline", "外部系统一天 · a day of another system's requests")
    try:
        await hotline.play(say)
    except Unexpected as wrong:
        display.ended("hotline", f"went wrong: {wrong}")
        return [f"hotline: {wrong}"]
    display.ended("hotline", "done")
    return []


async def _look_at_lag(watcher: Player, outcome: Outcome) -> None:
    """For the display alone: what it can't see now, it sees the next time."""
    while True:
        with contextlib.suppress(Unexpected):
            outcome.lag = by_group((await watcher.lag()).groups)
        await asyncio.sleep(LOOK_S)


async def _quiet(watcher: Player) -> dict[str, int]:
    """Until the lag page shows 0 for every group."""
    lag = await until(
        watcher.lag,
        lambda seen: bool(seen.groups) and not any(group.lag for group in seen.groups),
        "lag 0 of every group",
        QUIET_S,
        lambda seen: by_group(seen.groups),
    )
    return by_group(lag.groups)


def _performance(hotline: Hotline, played: Sequence[Played], on: Stage) -> Performance:
    return Performance(
        run=hotline.outside.run,
        sent=hotline.sent,
        cases=hotline.cases,
        unroutable=hotline.unroutable(),
        stories=tuple(one.case for one in played if not one.wrong),
        left=hotline.missing_out(),
        closed=hotline.tally.closed,
        mails=on.town.mailbox.counts(),
    )


def _counts(hotline: Hotline, on: Stage) -> str:
    tally = hotline.tally
    return (
        f"sent {hotline.outside.sent}/{tally.planned}  receipts {len(hotline.cases)}  dispatched by the duty seat "
        f"{tally.dispatched}  disposed {tally.disposed}  closed {tally.closed}  mails {on.town.mailbox.total}"
    )
