"""Generated documents say what the code says; hand-written ones point at things that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.generate.documents import documents
from tests.contracts.examples import PUBLISHED

REPOSITORY = Path(__file__).parent.parent
GENERATED = REPOSITORY / "docs" / "generated"
HAND_WRITTEN = sorted(
    path for path in (*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")) if path.parent != GENERATED
)
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")


def test_generated_documents_are_current() -> None:
    made = documents()
    kept = {path.name: path.read_text(encoding="utf-8") for path in GENERATED.iterdir()}
    stale = sorted(name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name))
    assert stale == [], "run `make docs` and commit docs/generated/"


def test_every_type_on_a_topic_is_in_asyncapi() -> None:
    text = documents()["asyncapi.yaml"]
    for published in PUBLISHED:
        for type_ in published.contract.events:
            assert f"const: {type_}" in text


@pytest.mark.parametrize("path", HAND_WRITTEN, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in _LINK.findall(path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_every_decision_is_in_the_index() -> None:
    folder = REPOSITORY / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for path in folder.glob("[0-9]*.md"):
        assert path.name in index
        text = path.read_text(encoding="utf-8")
        for part in ("## Context", "## Decision", "## Why: what was measured", "## Consequences"):
            assert part in text, f"{path.name}: {part}"
