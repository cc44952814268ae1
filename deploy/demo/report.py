"""What is printed at the end: timelines, counts, latency, lag, and what was wrong."""

from collections.abc import Mapping, Sequence

from rich.console import Console

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
            console.print(f"  {line.after_s:6.2f} s  {line.english:<20}  {line.text}", markup=False)


def counts(console: Console, findings: Sequence[Finding]) -> None:
    """Counts in = counts out, a line each."""
    if not findings:
        return
    console.print("\n[bold]进出核对 Counts in = counts out[/]")
    wide = max(len(one.what) for one in findings)
    for one in findings:
        console.print(f"  {'[green]ok   [/]' if one.holds else '[red]WRONG[/]'} {one.what:<{wide}}  {one.seen}")


def figures(console: Console, latencies: Sequence[Latency], lag: Mapping[str, int]) -> None:
    """Chain latency, and the lag of every group."""
    if latencies:
        console.print("\n[bold]链路时延 Chain latency[/]")
    for one in latencies:
        console.print(
            f"  {one.what:<34} median {one.median_ms:6.0f} ms   p99 {one.p99_ms:6.0f} ms   ({one.count} cases)"
        )
    if lag:
        console.print("\n[bold]积压 Lag[/] of each group, in records")
        console.print("  " + in_words(lag))


def in_words(lag: Mapping[str, int]) -> str:
    """Records that each group has still to read."""
    return "lag  " + ", ".join(f"{group} {behind}" for group, behind in lag.items()) if lag else ""
