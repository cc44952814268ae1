"""Settings come from MAODIAO_…, secrets from files, and neither shows a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.host.settings import ServiceSettings
from services.kernel.broker import read_secret


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    for name in ("kafka", "postgres", "token_key"):
        (tmp_path / name).write_text(f"s3cret-{name}\n")
    given = {
        "KAFKA": "127.0.0.1:9092", "KAFKA_USER": "routing", "KAFKA_PASSWORD_FILE": tmp_path / "kafka",
        "DSN": "postgresql://routing@db:5433/maodiao", "DSN_PASSWORD_FILE": tmp_path / "postgres",
        "SECRETS_DIR": tmp_path,
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"MAODIAO_{name}", str(value))
    return tmp_path


def made() -> ServiceSettings:
    return ServiceSettings()  # type: ignore[call-arg] # from the environment


def test_secrets_are_read_from_their_files_and_shown_nowhere(environment: Path) -> None:
    settings = made()
    assert settings.kafka_password == "s3cret-kafka"
    assert settings.dsn_with_password == "postgresql://routing:s3cret-postgres@db:5433/maodiao"
    assert settings.secret("token_key") == b"s3cret-token_key"
    assert "s3cret" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_a_password_of_any_characters_stays_one_password(environment: Path) -> None:
    (environment / "postgres").write_text("a/b@c:d?e#f %")
    assert made().dsn_with_password == "postgresql://routing:a%2Fb%40c%3Ad%3Fe%23f%20%25@db:5433/maodiao"


@pytest.mark.parametrize(
    ("value", "roles"),
    [("door", ("door",)), ("worker, relay", ("worker", "relay")), (None, ("door", "worker", "relay"))],
)
def test_roles_are_a_list_with_commas(
    environment: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, roles: tuple[str, ...]
) -> None:
    if value is not None:
        monkeypatch.setenv("MAODIAO_ROLES", value)
    assert made().roles == roles


@pytest.mark.parametrize(
    ("name", "value"),
    [("ROLES", "door,cellar"), ("TRANSPORT", "pigeon"), ("BATCH_RECORDS", "0"), ("LOG_LEVEL", "loud")],
)
def test_what_is_no_setting_is_refused_by_name(
    environment: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"MAODIAO_{name}", value)
    with pytest.raises(ValidationError, match=name.lower()):
        made()


def test_what_is_missing_is_named(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAODIAO_DSN")
    with pytest.raises(ValidationError, match="dsn"):
        made()


def test_a_secret_that_is_not_there_or_empty_ends_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="can't be read"):
        read_secret(tmp_path / "none")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(SystemExit, match="is empty"):
        read_secret(tmp_path / "empty")
