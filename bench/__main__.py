"""`make bench`: every figure beside its baseline, measured in the same run.

Examples:  python -m bench    python -m bench throughput    python -m bench chain limits --write
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.rig import Figure

PARTS = ("throughput", "chain", "limits")
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
_BEGIN, _END = "<!-- {part}: begin -->", "<!-- {part}: end -->"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help=f"which of {', '.join(PARTS)}; all if left out")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/benchmarks.md")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    console = Console(highlight=False, soft_wrap=True)
    everything: list[Figure] = []
    for part in chosen.parts or PARTS:
        console.print(f"[bold]{part}[/]")
        figures: list[Figure] = asyncio.run(importlib.import_module(f"bench.{part}").measure(console))
        if chosen.write:
            _write(part, figures)
        everything += figures
    console.print(_table(everything))
    return 0 if all(figure.holds for figure in everything) else 1


def _table(figures: list[Figure]) -> Table:
    table = Table("figure", "measured", "baseline in the same run", "bound", "holds", box=None, pad_edge=False)
    for f in figures:
        table.add_row(f.name, f.measured, f.baseline, f.bound, "yes" if f.holds else "[red]NO[/]")
    return table


def _write(part: str, figures: list[Figure]) -> None:
    text = PAGE.read_text()
    begin, end = _BEGIN.format(part=part), _END.format(part=part)
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    when = datetime.now(UTC).date().isoformat()
    head = f"Measured {when}, Python {platform.python_version()}, 2 shared cores.\n\n"
    rows = "| figure | measured | baseline in the same run | bound | holds |\n|---|---|---|---|---|\n"
    rows += "".join(
        f"| {f.name} | {f.measured} | {f.baseline} | {f.bound} | {'yes' if f.holds else '**no**'} |\n" for f in figures
    )
    PAGE.write_text(f"{before}{begin}\n{head}{rows}{end}{after}")


if __name__ == "__main__":
    sys.exit(main())
