"""How big things may be. Lines of code are lines with a token other than comments and docstrings.

Run with `-s` to read the figures; `python -m tests.test_sizes` prints them by file.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
MOST = {"kernel": 1_500, "host": 400}  # of what every service carries (docs/adr/0014-host-beside-kernel.md)
MOST_FILE = 300
MOST_FUNCTION = 40
ROUTERS = {"router"}  # a function that holds a door's handlers: each of them is measured by itself
_NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
}  # fmt: skip


def code_lines(source: str) -> set[int]:
    """Numbers of the lines that hold code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def counted(package: str) -> dict[str, int]:
    """Lines of code of each file of a package of `services`."""
    root = REPOSITORY / "services" / package
    return {str(path.relative_to(root)): len(code_lines(path.read_text())) for path in sorted(root.rglob("*.py"))}


def sources() -> list[Path]:
    return [path for root in ("services", "deploy") for path in sorted((REPOSITORY / root).rglob("*.py"))]


def test_the_counter_counts_code_alone() -> None:
    source = '"""Doc."""\n\n# comment\nx = """a\nb"""  # two lines\n\n\ndef f():\n    "doc"\n    return (\n        1)\n'
    assert code_lines(source) == {4, 5, 8, 10, 11}


def test_faust_stays_in_one_small_file() -> None:
    assert len((REPOSITORY / "services/kernel/transports/faust.py").read_text().splitlines()) < 200


@pytest.mark.parametrize("package", MOST)
def test_what_every_service_carries_stays_small(package: str) -> None:
    """The kernel's bound is a promise of the design, not a habit; what stands around it has a bound of its own."""
    total, most = sum(counted(package).values()), MOST[package]
    print(f"\n{package}: {total} lines of code, {most} allowed")
    assert total < most, f"{total} lines of code in services/{package}; below {most} allowed"


def too_long(source: str) -> Iterator[str]:
    """What of a module is longer than one reads at once."""
    lines = code_lines(source)
    if len(lines) > MOST_FILE:
        yield f"{len(lines)} lines of code"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name not in ROUTERS:
            body = lines & set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
            if len(body) > MOST_FUNCTION:
                yield f"{node.name}: {len(body)} lines of code"


def test_files_and_functions_can_be_read_at_once() -> None:
    assert list(too_long("def f():\n" + "    x = 1\n" * 40)) == ["f: 41 lines of code"]
    found = {str(p.relative_to(REPOSITORY)): said for p in sources() if (said := list(too_long(p.read_text())))}
    assert found == {}


if __name__ == "__main__":
    for package, most in MOST.items():
        for name, count in counted(package).items():
            print(f"{count:5} {name}")
        print(f"{sum(counted(package).values()):5} services/{package}, below {most} allowed")
