"""`python -m tests.chaos`: the whole run, a short one, or one with planted faults that the ledger has to find.

python -m tests.chaos                the whole run, about 10 minutes; exit 0 if nothing was lost
python -m tests.chaos --short        a few strikes, for development
python -m tests.chaos --plant NAME   a worker or relay with a planted fault; ends with `found: …`; exit 0 if found
python -m tests.chaos --plant all    the four of them, one after the other
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from rich.console import Console

from tests.chaos import planted, scenario
from tests.chaos.faults import PLANTED


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Chaos under load, and its ledger.")
    parser.add_argument("--short", action="store_true", help="a few strikes, for development")
    parser.add_argument("--plant", choices=[*PLANTED, "all"], help="run with a planted fault that must be found")
    parser.add_argument("--keep", type=Path, help="data folder to use and to keep (logs, notebooks)")
    parser.add_argument("--cases", type=float, default=scenario.CASES_A_SECOND, help="new cases a second")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # that a broker is away is what we do to it
    console = Console(highlight=False, soft_wrap=True)
    if given.plant is None:
        return asyncio.run(scenario.run(console, short=given.short, cases_a_second=given.cases, keep=given.keep))
    names = list(PLANTED) if given.plant == "all" else [given.plant]
    results = [asyncio.run(planted.run(console, name, given.keep)) for name in names]
    if len(names) > 1:
        console.print(f"planted faults found: {results.count(True)} of {len(names)}")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
