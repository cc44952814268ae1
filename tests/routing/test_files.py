"""The shipped files are taken; a broken one is refused with its name, the place in it and the fault."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.commands.directory import FILES
from services.routing.core.changes import new_versions
from services.routing.core.checks import directory_faults, route_faults
from services.routing.core.directory import Directory
from services.routing.core.leads import Matter, lead
from services.routing.core.panels import compose
from services.routing.core.places import locate
from services.routing.core.view import Edition, View
from services.routing.doors.files import FileFault, read_folder
from services.routing.events.assignments import Assigned, Unroutable
from tests.routing.town import ZONE, Shelf

NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def read():
    return read_folder(FILES, "hongqiao", "demo")


@pytest.fixture(scope="module")
def shipped(read):
    directory = Directory(new_versions([], read.units, NOW), ZONE)
    edition = Edition(1, directory, (read.table,))
    return View(edition, {}, Shelf(edition))


def test_what_is_shipped_is_sound(read, shipped):
    directory, day = shipped.edition.directory, shipped.edition.directory.day(NOW)
    assert read.invented
    assert directory_faults(directory, directory.all(day), day) == []
    assert route_faults(read.table, directory, [(kind.family, kind.code) for kind in read.kinds], day) == []


def test_the_district_of_today(shipped):
    directory = shipped.edition.directory
    day = directory.day(NOW)
    kinds = [unit.kind for unit in directory.all(day)]
    assert (kinds.count("district"), kinds.count("street"), kinds.count("community")) == (1, 9, 114)
    assert directory.unit("120106002", day) is None
    assert directory.successor("120106002", day) is None, "it went to another district"
    assert directory.successor("120106011", day).unit == "120106006"
    assert directory.unit("120106012", day).name == "和苑街道"


def test_every_kind_in_every_community_gets_a_lead_or_the_reason_that_the_table_means(read, shipped):
    """Exhaustive: 133 kinds in 114 communities; only the extensions (21-00) have no route, on purpose."""
    directory = shipped.edition.directory
    day = directory.day(NOW)
    for community in (unit for unit in directory.all(day) if unit.kind == "community"):
        where = locate(directory, community.unit, None, day)
        for kind in read.kinds:
            said = lead(Matter(kind.family, kind.code, where, (), 0), shipped, NOW)
            if kind.code == "21-00":
                assert isinstance(said, Unroutable)
                assert said.reason == "no_route"
            else:
                assert isinstance(said, Assigned)
                assert directory.unit(said.unit, day) is not None


def test_every_panel_can_be_filled_but_where_the_district_has_no_mediator_of_the_field(read, shipped):
    directory = shipped.edition.directory
    day, unfilled = directory.day(NOW), set()
    for street in (unit for unit in directory.all(day) if unit.kind == "street"):
        where = locate(directory, None, street.unit, day)
        for route in (route for route in read.table.routes if route.panel):
            panel = compose(route, route.kind, where, (), shipped, day)
            seats = {seat.seat for seat in route.panel}
            unfilled |= set() if panel.mediator else {route.id}
            assert bool(panel.judicial_head) == ("judicial_head" in seats)
            assert bool(panel.lawyer) == ("lawyer" in seats)
    # Its generalist is on leave: these go to the duty seat as routing.panel_unfilled.
    assert unfilled <= {"dispute/16/district", "dispute/99/district"}


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("hongqiao/units.csv", ",district,", ",province,", "units.csv, line 2: kind 'province' is none of"),
        ("hongqiao/units.csv", "2016-07-31", "31.07.2016", "units.csv, line 2: '31.07.2016' is not a date"),
        ("hongqiao/units.csv", ",红桥区,", ",,", "units.csv, line 2: name is empty"),
        ("hongqiao/places.csv", "117.145126", "east", "places.csv, line 2: lon 'east' is not a number"),
        ("hongqiao/places.csv", ",39.166190", "", "places.csv, line 2: it has not as many fields"),
        ("demo/directory.yaml", "Asia/Shanghai", "Asia/Tianjin", "there is no time zone 'Asia/Tianjin'"),
        ("demo/directory.yaml", "kind: centre", "sort: centre", "directory.yaml: Object"),
        ("demo/routes.yaml", "level: street", "level: village", "routes.yaml: Invalid enum value"),
        ("demo/routes.yaml", "+08:00", "", "routes.yaml: `from` has no offset"),
        ("demo/routes.yaml", 'kind: "0402"', 'kind: "04"', "routes.yaml: the route table has twice"),
        ("demo/routes.yaml", "routes:\n", "routes: [\n", "routes.yaml is not YAML"),
        ("kinds.csv", "0102,", "0101,", "kinds.csv: dispute 0101 stands twice"),
    ],
)
def test_a_broken_file_is_refused_by_name_place_and_fault(tmp_path: Path, file, old, new, fault):
    shutil.copytree(FILES, tmp_path / "data")
    broken = tmp_path / "data" / file
    text = broken.read_text()
    assert old in text
    broken.write_text(text.replace(old, new, 1))
    with pytest.raises(FileFault) as caught:
        read_folder(tmp_path / "data", "hongqiao", "demo")
    assert fault in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(FileFault, match=r"directory\.yaml can't be read"):
        read_folder(tmp_path, "hongqiao", "demo")


def test_bytes_that_are_not_text_are_named(tmp_path: Path):
    shutil.copytree(FILES, tmp_path / "data")
    (tmp_path / "data" / "kinds.csv").write_bytes(b"code,family\n\xff,x\n")
    with pytest.raises(FileFault, match=r"kinds\.csv is not UTF-8"):
        read_folder(tmp_path / "data", "hongqiao", "demo")
