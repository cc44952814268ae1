"""What import contracts (pyproject.toml) can't see: SQL, clocks, what happens at import, words, addresses."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
SERVICES = sorted(path.parent.name for path in (REPOSITORY / "services").glob("*/__main__.py"))
PLACES = {"events", "core", "store", "doors"}
BESIDE = {"settings.py", "__main__.py", "__init__.py"}
PAGES = {"templates", "static", "text"}  # of the portal: what its doors fill in and hand out
PURE_KERNEL = ("core", "envelope", "fold", "holding", "marks", "reading")

_SQL = re.compile(
    r"(?is)\b(select\b.+\bfrom\b|insert\s+into\b|update\s+\S+\s+set\b|delete\s+from\b|create\s+(table|index|view|schema)\b)"
)
# Host names in pieces, so that this file is not itself a find.
REGISTRIES = (
    "pypi" + r"\.org",
    "python" + "hosted",
    r"npmjs\." + "(org|com)",
    "npm" + "mirror",
    "yarn" + r"pkg\.",
    "maven" + r"\.org",
    r"repo1?\.maven" + r"\.",
    "tuna" + r"\.tsinghua",
    "mirrors?" + r"\.[a-z]+\.(com|edu|cn)",
    "docker" + r"\.io",
    "gh" + r"cr\.io",
    "quay" + r"\.io",
    "registry" + r"\.[a-z]+\.[a-z]+",
)


def modules(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in sorted(folder.rglob("*.py"))]


def pure() -> list[Path]:
    files = [REPOSITORY / "services" / "kernel" / f"{name}.py" for name in PURE_KERNEL]
    files.append(REPOSITORY / "deploy" / "replay" / "replayer.py")
    return files + modules(*(REPOSITORY / "services" / s / place for s in SERVICES for place in ("core", "events")))


def named(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def test_every_service_has_its_import_contracts() -> None:
    contracts = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    by_type = {kind: [c for c in contracts if c["type"] == kind] for kind in ("forbidden", "protected", "layers")}
    kept_from = {c["source_modules"][0]: c["forbidden_modules"] for c in by_type["forbidden"]}
    layered = by_type["layers"][0]["containers"]
    protected = {module for c in by_type["protected"] for module in c["protected_modules"]}
    for service in SERVICES:
        assert f"services.{service}" in kept_from["services.kernel"]
        assert f"services.{service}" in kept_from["services.host"]
        assert f"services.{service}" in layered
        for place in PLACES & {path.name for path in (REPOSITORY / "services" / service).iterdir()} - {"events"}:
            assert f"services.{service}.{place}" in protected


@pytest.mark.parametrize("service", SERVICES)
def test_the_same_places_in_every_service(service: str) -> None:
    found = {path.name for path in (REPOSITORY / "services" / service).iterdir()} - {"__pycache__"}
    assert found <= PLACES | BESIDE | (PAGES if service == "portal" else set())
    assert (REPOSITORY / "services" / service / "__main__.py").is_file()


def sql_in(source: str) -> Iterator[str]:
    """Strings of a module that hold SQL, docstrings aside."""
    tree = ast.parse(source)
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
        if is_text and _SQL.search(node.value):  # type: ignore[attr-defined]
            yield node.value[:60]  # type: ignore[attr-defined]


def test_sql_is_found() -> None:
    assert list(sql_in('"""select this from that"""\nx = "DELETE FROM a.b"\ny = f"select {x} from b"')) == [
        "DELETE FROM a.b"
    ]
    assert list(sql_in('pool.fetch("SELECT id FROM intake.case WHERE id = $1")'))


@pytest.mark.parametrize("service", SERVICES)
def test_sql_stands_in_store_alone(service: str) -> None:
    root = REPOSITORY / "services" / service
    elsewhere = [path for path in modules(root) if path.relative_to(root).parts[0] != "store"]
    assert {named(path): said for path in elsewhere if (said := list(sql_in(path.read_text())))} == {}


def clocks_in(source: str) -> Iterator[str]:
    """Calls that ask what time it is, or that reach outside."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="datetime" | "date"), attr="now" | "utcnow" | "today")):
                yield f"line {node.lineno}"
            case ast.Call(func=ast.Name(id="open" | "print" | "input" | "exec" | "eval" as name)):
                yield f"line {node.lineno}: {name}"


def test_a_core_reads_no_clock_and_no_file() -> None:
    """`datetime` is a type to a core: what time it is, the edge asks."""
    assert list(clocks_in("from datetime import datetime\nx = datetime.now(UTC)\nopen('x')")) == [
        "line 2",
        "line 3: open",
    ]
    assert {named(path): said for path in pure() if (said := list(clocks_in(path.read_text())))} == {}


def test_the_kernel_has_no_word_of_the_domain() -> None:
    """It says subject. The keyword of `match` is not meant."""
    found = []
    for path in modules(REPOSITORY / "services" / "kernel"):
        for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
            is_name = token.type == tokenize.NAME and re.fullmatch(
                r"(.*_)?(cases?|whistles?|limit_set|dispute)(_.*)?", token.string
            )
            if is_name and not token.line.lstrip().startswith("case "):
                found.append(f"{named(path)}:{token.start[0]} {token.string}")
    assert found == []


def test_importing_does_nothing() -> None:
    """No connection, thread, file or event loop comes of importing a module; composition roots included."""
    names = [
        ".".join(path.with_suffix("").relative_to(REPOSITORY).parts).removesuffix(".__init__")
        for path in modules(REPOSITORY / "services")
    ]
    script = f"""
import asyncio, importlib, socket, threading
def refused(*_, **__): raise AssertionError("at import")
socket.socket.connect = socket.socket.bind = refused
threading.Thread.start = refused
asyncio.new_event_loop = asyncio.run = refused
for name in {names!r}:
    importlib.import_module(name)
print(threading.active_count())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "1"


def test_no_file_names_the_host_of_a_package_registry() -> None:
    """Where packages come from is the business of whoever installs: a lock names versions and hashes."""
    listed = subprocess.run(
        ["git", "grep", "-nIE", "|".join(REGISTRIES)], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert listed.returncode in (0, 1), listed.stderr
    assert listed.stdout == ""
