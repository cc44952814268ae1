"""What is printed at the end: timelines, counts, latency, lag, and what was wrong."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from deploy.demo.checks import Finding
from deploy.demo.latency import Latency
from deploy.demo.play import Played
from deploy.demo.timeline import timeline
from services.portal.core.catalogue import Catalogue


def stories(console: Console, played: Sequence[Played], names: Catalogue) -> None:
    """Each story's timeline in words."""
    for one in played:
        console.print(f"\n[bold]{one.story.title}[/]" + (f": [red]{one.wrong}[/]" if one.wrong else ""))
        for line in timeline(one.log, names):
            console.print(f"  {line.after_s:6.2f} s  {line.text}", markup=False)


def counts(console: Console, findings: Sequence[Finding]) -> None:
    """Counts in = counts out."""
    table = Table(
        "", "compared", "seen", box=None, pad_edge=False, title="进出核对 Counts in = counts out", title_justify="left"
    )
    for one in findings:
        table.add_row("[green]ok[/]" if one.holds else "[red]WRONG[/]", one.what, one.seen)
    console.print()
    console.print(table)


def figures(console: Console, latencies: Sequence[Latency], lag: Mapping[str, int]) -> None:
    """Chain latency, and the lag of every group."""
    table = Table("chain latency", "cases", "median ms", "p99 ms", box=None, pad_edge=False)
    for one in latencies:
        table.add_row(one.what, str(one.count), f"{one.median_ms:.0f}", f"{one.p99_ms:.0f}")
    console.print()
    console.print(table)
    console.print("\nlag: " + ", ".join(f"{group} {behind}" for group, behind in lag.items()))
