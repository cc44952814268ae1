"""`maodiao staff import`: what a file may hold, and how a bad one is refused without repeating what stands in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.commands.staff import read
from deploy.errors import DeployError
from services.notify.store.contacts import Contact

DEMO = Path(__file__).parents[2] / "deploy/data/demo/staff.yaml"


def test_the_demos_own_file_is_read():
    contacts = read(DEMO)
    assert len(contacts) > 100 and all(c.email and c.email.endswith("@demo.invalid") for c in contacts)


def test_csv_with_empty_cells(tmp_path: Path):
    file = tmp_path / "staff.csv"
    file.write_text(
        "staff,name,email,telephone,webhook,first\n"
        "u-0001,甲一,a@x.invalid,022 2627 0000,,\n"
        "u-0002,,,,https://hooks.invalid/2,webhook\n"
    )
    assert read(file) == [
        Contact("u-0001", "a@x.invalid", "022 2627 0000"),
        Contact("u-0002", webhook="https://hooks.invalid/2", first="webhook"),
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("staff: [{staff: u-0001, email: 'secret name'}]", "entry 1, email"),
        ("staff: [{staff: u-0001}, {staff: secret}]", "entry 2, staff"),
        ("staff: [{staff: u-0001, mobile: secret}]", "entry 1, mobile"),
        ("staff: [{staff: u-0001, webhook: 'javascript:secret'}]", "entry 1, webhook"),
        ('staff: [{staff: u-0001, email: "a@b.invalid\\r\\nBcc: secret@x.invalid"}]', "entry 1, email"),
        ("staff: [{staff: u-0001}, {staff: u-0001}]", "named more than once: u-0001"),
        ("people: []", "nothing was imported"),
        ("[", "not YAML"),
    ],
)
def test_a_bad_file_is_refused_whole(tmp_path: Path, text: str, says: str):
    file = tmp_path / "staff.yaml"
    file.write_text(text)
    with pytest.raises(DeployError) as refused:
        read(file)
    assert says in str(refused.value) and "secret" not in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(DeployError, match="can't be read"):
        read(tmp_path / "none.yaml")
