"""Writes the golden files that are missing: `python -m tests.contracts.write`. Changes none that is there.

What was published once is read for ever, so a golden file that no longer agrees with its example is not out of date:
the code is wrong, or the example should have been a further one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from tests.contracts import history, play
from tests.contracts.examples import goldens


def write(files: Iterable[tuple[Path, bytes]]) -> tuple[list[Path], list[Path]]:
    """Write what is missing.

    Returns: the files written, and those that are there with another content and were left alone.
    """
    written, refused = [], []
    for path, content in files:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            written.append(path)
        elif path.read_bytes() != content:
            refused.append(path)
    return written, refused


def main() -> int:
    """Returns: the exit code."""
    files = [(golden.path, golden.value + b"\n") for golden in goldens()]
    if not any(history.FOLDER.glob("*.jsonl")):  # played once: later rules may say otherwise, the record stands
        files += play.files()
    written, refused = write(files)
    for path in written:
        print(f"written  {path.relative_to(Path.cwd())}")
    for path in refused:
        print(
            f"refused  {path.relative_to(Path.cwd())}: it is there and says something else. Golden files never change: "
            "add a further example of the type, or a new version of it."
        )
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
