"""`make docs`: writes docs/generated/ anew."""

from __future__ import annotations

from pathlib import Path

from docs.generate.documents import documents

GENERATED = Path(__file__).parent.parent / "generated"


def main() -> None:
    """Write every document, and remove what is none any more."""
    GENERATED.mkdir(exist_ok=True)
    made = documents()
    for path in GENERATED.iterdir():
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (GENERATED / name).write_text(text, encoding="utf-8")
        print(f"docs/generated/{name}")


if __name__ == "__main__":
    main()
