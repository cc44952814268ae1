"""Settings of a service process: environment variables MAODIAO_…; secrets come as files, never as values."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, field_validator
from pydantic_settings import NoDecode

from services.kernel.broker import KafkaLogin, read_secret

Role = Literal["door", "worker", "relay"]


class ServiceSettings(KafkaLogin):
    """What every service needs. A service adds its own fields in its `settings.py`."""

    dsn: str = Field(description="postgresql://role@host:port/database, without password")
    dsn_password_file: Path
    secrets_dir: Path
    http_host: str = "127.0.0.1"
    http_port: int = 0
    policy_dir: Path = Path("deploy/policy")
    instance: str = Field(default="1", description="name of this process in logs and lag displays")
    transport: Literal["faust", "aiokafka"] = "aiokafka"
    roles: Annotated[tuple[Role, ...], NoDecode] = ("door", "worker", "relay")
    session_timeout_s: float = Field(default=6.0, description="after a kill the group waits this long for the dead")
    batch_records: int = Field(default=1_000, ge=1, le=10_000)
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("roles", mode="before")
    @classmethod
    def _split(cls, roles: object) -> object:
        """MAODIAO_ROLES=door,relay."""
        return tuple(role.strip() for role in roles.split(",")) if isinstance(roles, str) else roles

    @cached_property
    def dsn_with_password(self) -> str:
        parts = urlsplit(self.dsn)
        user = f"{parts.username}:{quote(read_secret(self.dsn_password_file), safe='')}"
        return urlunsplit(parts._replace(netloc=f"{user}@{parts.hostname}:{parts.port or 5432}"))

    def secret(self, name: str) -> bytes:
        """A shared key of the installation: `token_key`, `link_key`, `vault_key`, `index_key`."""
        return read_secret(self.secrets_dir / name).encode()
