"""What is shown while it plays: a live table in a terminal, one line per happening elsewhere."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.demo.town import Say

_REFRESH_PER_S = 4


@dataclass(slots=True)
class Track:
    """One story on the display."""

    title: str
    begun: float
    state: str = "plays"
    lines: list[str] = field(default_factory=list)


def lines_each(height: int, tracks: int) -> int:
    """How many lines each story may show in a terminal of that height: a frame takes two, what else is shown five."""
    return max(1, min(8, (height - 5) // max(tracks, 1) - 2))


class Display:
    """`with Display(console) as display`. Where the console is no terminal, lines are printed as they come."""

    def __init__(self, console: Console) -> None:
        """Nothing is shown yet."""
        self._console = console
        self._tracks: dict[str, Track] = {}
        self._counts: Callable[[], str] = lambda: ""
        self._stage: list[str] = []
        self._headline = ""
        self._live: Live | None = None
        self._begun = time.monotonic()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(get_renderable=self._render, console=self._console, refresh_per_second=_REFRESH_PER_S)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def said(self, text: str) -> None:
        """The stage says something: what starts, what ends."""
        self._stage.append(text)
        self._line(text)

    def headline(self, text: str) -> None:
        """What stands above all as long as it plays."""
        self._headline = text
        self._line(text)

    def progress(self, done: int, total: int) -> None:
        """The first download, in bytes."""
        text = f"Kafka, first download: {done >> 20} of {total >> 20} MiB"
        if self._stage and self._stage[-1].startswith("Kafka, first download"):
            self._stage[-1] = text
        else:
            self._stage.append(text)

    def track(self, name: str, title: str) -> Say:
        """Begin a story. Returns: what it tells its happenings to."""
        track = self._tracks[name] = Track(title, time.monotonic())

        def say(text: str) -> None:
            track.lines.append(f"{time.monotonic() - track.begun:5.1f} s  {text}")
            self._line(f"[{name}] {text}")

        return say

    def ended(self, name: str, state: str) -> None:
        """A story ended: `done`, or what went wrong."""
        self._tracks[name].state = state
        self._line(f"[{name}] {state}")

    def counts(self, counts: Callable[[], str]) -> None:
        """What the last line says, asked anew at each refresh."""
        self._counts = counts

    def _line(self, text: str) -> None:
        if self._live is None:
            self._console.print(f"{datetime.now().astimezone():%H:%M:%S} {text}", markup=False, highlight=False)

    def _render(self) -> Group:
        elapsed = time.monotonic() - self._begun
        parts: list[Panel | Text] = [Text(f"{elapsed:5.1f} s  {self._stage[-1] if self._stage else ''}", style="dim")]
        lines = lines_each(self._console.height, len(self._tracks))
        if self._headline:
            parts.insert(0, Text(self._headline, style="bold"))
        for track in self._tracks.values():
            table = Table.grid()
            for line in track.lines[-lines:]:
                table.add_row(Text(line, overflow="ellipsis", no_wrap=True))
            style = {"plays": "cyan", "done": "green"}.get(track.state, "red")
            parts.append(
                Panel(table, title=f"{track.title} · {track.state}"[:100], title_align="left", border_style=style)
            )
        parts.append(Text(self._counts()))
        return Group(*parts)
