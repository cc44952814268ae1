"""Prints the ledger."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from tests.chaos.evidence import Evidence
from tests.chaos.findings import Finding
from tests.chaos.ledger import examine, volume

_MOST_LINES = 6


def show(console: Console, evidence: Evidence) -> bool:
    """Faults, then the ledger. Returns: whether all of it holds."""
    faults = Table("fault", "on", "at", "s", "pending", title="faults", box=None, title_justify="left")
    for fault in evidence.faults:
        at = datetime.fromtimestamp(fault.at, UTC).strftime("%H:%M:%S")
        faults.add_row(fault.what, fault.target, at, f"{fault.until - fault.at:.1f}", fault.pending)
    console.print(faults)
    much, findings = volume(evidence), examine(evidence)
    console.print(
        f"{much.presses} acknowledged presses, {len(evidence.sent)} outside records; "
        f"{much.log} events on case.intake, {much.all_topics} records on all topics"
    )
    table = Table("must be none", "found", "looked at", box=None, title="ledger", title_justify="left")
    for finding in findings:
        found = str(len(finding.wrong)) if finding.holds else f"[bold red]{len(finding.wrong)}[/]"
        table.add_row(finding.what, found, f"{finding.looked_at}")
    console.print(table)
    for finding in findings:
        _details(console, finding)
    return all(finding.holds for finding in findings)


def _details(console: Console, finding: Finding) -> None:
    if finding.note:
        console.print(f"  {finding.note}", markup=False)
    for line in finding.wrong[:_MOST_LINES]:
        console.print(f"  {finding.what}: {line}", markup=False)
    if len(finding.wrong) > _MOST_LINES:
        console.print(f"  … and {len(finding.wrong) - _MOST_LINES} more")


def replayed(console: Console, said: str) -> bool:
    """A line of what rebuild or verify compared. Returns: whether it found no difference."""
    lines = [" ".join(line.split()) for line in said.splitlines() if line.strip() and "took" not in line]
    console.print("; ".join(lines[:12]), markup=False)
    return "differences 0" in lines
