"""The directory as files: `units.csv`, `places.csv`, `directory.yaml`, `routes.yaml`, `kinds.csv` (docs/data.md)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import yaml

from services.routing.core.changes import NOT_YET
from services.routing.core.directory import COMMUNITY, DISTRICT, STREET, Unit
from services.routing.core.kinds import Kind
from services.routing.core.routes import Route, RouteTable
from services.routing.events.directory import Mediator, Post

T = TypeVar("T")
_LEVELS: Final = {
    DISTRICT: DISTRICT,
    STREET: STREET,
    COMMUNITY: COMMUNITY,
    "quasi_community": COMMUNITY,
}
NONE_KNOWN: Final = "none known"


class FileFault(ValueError):  # noqa: N818 - what is at fault is the file
    """A file that can't be taken; the sentence names the file, the place in it, and what is wrong."""


@dataclass(frozen=True, slots=True)
class Files:
    """What the files say. units: drafts. invented: the offices are made up, for demonstration."""

    units: tuple[Unit, ...]
    zone: str
    table: RouteTable
    kinds: tuple[Kind, ...]
    invented: bool


class _Office(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One unit in `directory.yaml`."""

    unit: str
    name: str
    name_en: str
    kind: str
    level: str
    parent: str | None = None
    code: str | None = None
    street: str | None = None
    valid_from: date
    valid_to: date | None = None
    successor: str | None = None
    lon: float | None = None
    lat: float | None = None
    posts: tuple[Post, ...] = ()
    mediators: tuple[Mediator, ...] = ()


class _Offices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`directory.yaml`."""

    version: int
    zone: str
    units: tuple[_Office, ...]
    invented: bool = False
    notice: str = ""


class _Routes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`routes.yaml`."""

    version: int
    start: datetime = msgspec.field(name="from")
    routes: tuple[Route, ...]
    invented: bool = False
    notice: str = ""


def read_folder(data: Path, district: str, offices: str) -> Files:
    """Read all files of a district.

    Args:
        data: the folder with `kinds.csv` and the two folders below it. district: folder with the administrative
        units. offices: folder with the offices and the routes.

    Raises: FileFault.
    """
    made, zone, invented = read_offices(data / offices / "directory.yaml")
    return Files(
        units=(*read_places(data / district / "units.csv", data / district / "places.csv"), *made),
        zone=zone,
        table=read_routes(data / offices / "routes.yaml"),
        kinds=read_kinds(data / "kinds.csv"),
        invented=invented,
    )


def read_places(units: Path, places: Path) -> tuple[Unit, ...]:
    """District, streets and communities, a row per span of validity, with label points where one is known."""
    points = {row["unit"]: (_number(row, "lon", at), _number(row, "lat", at)) for at, row in _rows(places)}
    return tuple(_place(row, points, at) for at, row in _rows(units))


def read_offices(path: Path) -> tuple[tuple[Unit, ...], str, bool]:
    """The units that work. Returns: drafts, the district's zone, whether they are invented."""
    read = _yaml(path, _Offices)
    try:
        ZoneInfo(read.zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise FileFault(f"{path.name}: there is no time zone {read.zone!r}") from error
    drafts = (Unit(version=0, changed_at=NOT_YET, **_fields(office)) for office in read.units)  # type: ignore[arg-type]
    return tuple(drafts), read.zone, read.invented


def read_routes(path: Path) -> RouteTable:
    """The route table; its `from` needs an offset."""
    read = _yaml(path, _Routes)
    if read.start.tzinfo is None:
        raise FileFault(f"{path.name}: `from` has no offset; write it as 2026-01-01T00:00:00+08:00")
    try:
        return RouteTable(version=read.version, start=read.start, routes=read.routes)
    except ValueError as error:
        raise FileFault(f"{path.name}: {error}") from error


def read_kinds(path: Path) -> tuple[Kind, ...]:
    """Kinds of disputes and incidents; a code stands once in its family."""
    names = Kind.__struct_fields__
    found = [Kind(**{name: _text(row, name, at) for name in names}) for at, row in _rows(path)]
    passed: set[tuple[str, str]] = set()
    for kind in found:
        if (kind.family, kind.code) in passed:
            raise FileFault(f"{path.name}: {kind.family} {kind.code} stands twice")
        passed.add((kind.family, kind.code))
    return tuple(found)


def _place(row: Mapping[str, str], points: Mapping[str, tuple[float, float]], at: str) -> Unit:
    kind, unit, parent = _text(row, "kind", at), _text(row, "unit", at), row.get("parent") or None
    if kind not in _LEVELS:
        raise FileFault(f"{at}: kind {kind!r} is none of {', '.join(_LEVELS)}")
    level, successor = _LEVELS[kind], row.get("successor") or NONE_KNOWN
    lon, lat = points.get(unit, (None, None))
    return Unit(
        unit=unit,
        version=0,
        name=_text(row, "name", at),
        name_en=_text(row, "name_en", at),
        kind=kind,
        level=level,
        parent=parent,
        code=unit,
        street=unit if level == STREET else parent if level == COMMUNITY else None,
        valid_from=_date(_text(row, "valid_from", at), at),
        valid_to=_date(row["valid_to"], at) if row.get("valid_to") else None,
        # The same code under another name is the next version of the same unit, not somebody who took over.
        successor=None if successor in (NONE_KNOWN, unit) else successor,
        lon=lon,
        lat=lat,
        changed_at=NOT_YET,
    )


def _fields(office: _Office) -> dict[str, object]:
    return {name: getattr(office, name) for name in office.__struct_fields__}


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Rows of a table with a heading, each with its place for messages: `units.csv, line 7`."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            for row in reader:
                at = f"{path.name}, line {reader.line_num}"
                if None in row or None in row.values():
                    raise FileFault(f"{at}: it has not as many fields as the heading")
                yield at, row
    except OSError as error:
        raise FileFault(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileFault(f"{path.name} is not UTF-8 (byte {error.start})") from error


def _yaml(path: Path, type_: type[T]) -> T:
    try:
        return msgspec.convert(yaml.safe_load(path.read_text(encoding="utf-8")), type_)
    except OSError as error:
        raise FileFault(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileFault(f"{path.name} is not UTF-8 (byte {error.start})") from error
    except yaml.YAMLError as error:
        raise FileFault(f"{path.name} is not YAML: {str(error).splitlines()[0]}") from error
    except msgspec.ValidationError as error:
        raise FileFault(f"{path.name}: {error}") from error


def _text(row: Mapping[str, str], name: str, at: str) -> str:
    value = row.get(name, "").strip()
    if not value:
        raise FileFault(f"{at}: {name} is empty")
    return value


def _date(text: str, at: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise FileFault(f"{at}: {text!r} is not a date; write it as 2026-01-31") from error


def _number(row: Mapping[str, str], name: str, at: str) -> float:
    try:
        return float(_text(row, name, at))
    except ValueError as error:
        raise FileFault(f"{at}: {name} {row[name]!r} is not a number") from error
