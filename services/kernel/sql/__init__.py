"""The kernel's SQL, as files: `kernel.sql` makes the tables, `statements.sql` has what is said to them, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
_NAMED = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


def kernel(schema: str) -> str:
    """What makes the kernel's tables in a service's schemas."""
    return (_FOLDER / "kernel.sql").read_text().replace("{schema}", schema)


@cache
def statements(schema: str) -> Mapping[str, str]:
    """The statements by name, for a service's schemas."""
    return dict(_NAMED.findall((_FOLDER / "statements.sql").read_text().replace("{schema}", schema)))
