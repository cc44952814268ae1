"""`python -m tests.simulation --seeds 5000 --from 0`: more runs than the tests make; the first failure ends it."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from tests.simulation.runs import run


def main() -> int:
    """Returns: the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--from", type=int, default=0, dest="first")
    asked = parser.parse_args()
    began = time.monotonic()
    for seed in range(asked.first, asked.first + asked.seeds):
        try:
            asyncio.run(run(seed))
        except BaseException:
            print(f"seed {seed} failed", file=sys.stderr)
            raise
    print(f"{asked.seeds} seeds from {asked.first}: all hold, {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
