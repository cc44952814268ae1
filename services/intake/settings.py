"""Settings of intake."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from services.host.settings import ServiceSettings


class IntakeSettings(ServiceSettings):
    """systems: outside systems, each with topics `inbound.<system>` and `outbound.<system>`."""

    systems: Annotated[tuple[str, ...], NoDecode] = ("demo311",)
    kinds_file: Path = Path("deploy/data/kinds.csv")
    outline_file: Path | None = Field(default=Path("deploy/data/hongqiao/outline.geojson"))

    @field_validator("systems", mode="before")
    @classmethod
    def _split_systems(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def read_kinds(path: Path) -> Mapping[str, str]:
    """Family of each kind, by code.

    Raises:
        SystemExit: the table can't be read; the sentence says which.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {row["code"]: row["family"] for row in csv.DictReader(file)}
    except (OSError, KeyError) as error:
        raise SystemExit(f"The table of kinds, {path}, can't be read: {error!r}") from error
