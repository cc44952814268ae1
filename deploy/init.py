"""Making what the services need, on either stack: topics, users, access rules, quotas, database, roles, schemas.

Idempotent: run at every start. In a container: `python -m deploy.init` with the settings of `Settings` in the
environment.
"""

import asyncio
import base64
import hashlib
import hmac
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy import migrations
from deploy.errors import DeployError
from deploy.kafka_admin import KafkaAdmin, login
from deploy.topology import ADMIN, Role, Topology, topology

Secrets = Callable[[str], str]
"""A password by its name."""

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server."""

    host: str
    port: int

    def dsn(self, role: str, database: str, password: str | None = None) -> str:
        """The address for a role, with the password if one is given."""
        secret = f":{quote(password, safe='')}" if password else ""
        return f"postgresql://{quote(role, safe='')}{secret}@{self.host}:{self.port}/{database}"


class Settings(BaseSettings):
    """What `python -m deploy.init` reads from the environment (prefix MAODIAO_)."""

    model_config = SettingsConfigDict(env_prefix="MAODIAO_", frozen=True)

    kafka: str
    postgres_host: str
    postgres_port: int = 5432
    secrets_dir: Path
    systems: str = "demo311"
    replication: int = 1


def scram_verifier(password: str, salt: bytes, iterations: int = 4096) -> str:
    """A password as PostgreSQL stores it (SCRAM-SHA-256), so that the password itself never stands in a statement."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${iterations}:{salt64}${stored64}:{server64}"


async def init_kafka(top: Topology, bootstrap: str, secret: Secrets) -> None:
    """Make topics, users, access rules and quotas.

    Args:
        top: what to make.
        bootstrap: the broker's host:port.
        secret: passwords by Kafka user.

    Raises:
        DeployError: the broker refused something.
    """
    async with KafkaAdmin(login(bootstrap, ADMIN, secret(ADMIN))) as admin:
        await admin.set_users({user: secret(user) for user in top.users})
        await admin.create_acls(top.acls)
        await admin.set_quotas(top.quotas)
        await admin.create_topics(top.topics, top.replication)


async def init_postgres(roles: Sequence[Role], server: Server, database: str, secret: Secrets) -> None:
    """Make roles, the database and each role's schemas.

    Args:
        roles: whom to make.
        server: where.
        database: its name.
        secret: passwords: `postgres` for the administrator, `postgres-<role>` for each role.
    """
    admin_password = secret("postgres")
    connection = await asyncpg.connect(server.dsn(ADMIN, "postgres", admin_password))
    try:
        for role in roles:
            await _make_role(connection, role, secret(f"postgres-{role.name}"))
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
            await connection.execute(f"CREATE DATABASE {_name(database)}")
    finally:
        await connection.close()
    connection = await asyncpg.connect(server.dsn(ADMIN, database, admin_password))
    try:
        await _make_schemas(connection, roles, database)
    finally:
        await connection.close()


async def _make_role(connection: "asyncpg.Connection[asyncpg.Record]", role: Role, password: str) -> None:
    name = _name(role.name)
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role.name):
        await connection.execute(f"CREATE ROLE {name} LOGIN")
    verifier = scram_verifier(password, os.urandom(16))
    await connection.execute(f"ALTER ROLE {name} PASSWORD '{verifier}'")
    for parameter, value in role.settings:
        await connection.execute(f"ALTER ROLE {name} SET {_name(parameter)} = '{value}'")


async def _make_schemas(connection: "asyncpg.Connection[asyncpg.Record]", roles: Sequence[Role], database: str) -> None:
    await connection.execute(f"REVOKE ALL ON DATABASE {_name(database)} FROM PUBLIC")
    await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    for role in roles:
        # CREATE: a rebuild renames the schema of states, and for renaming the database's CREATE right is asked.
        await connection.execute(
            f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {_name(database)} TO {_name(role.name)}"
        )
        for schema in role.schemas:
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_name(schema)} AUTHORIZATION {_name(role.name)}")


def _name(identifier: str) -> str:
    if not identifier.replace("_", "").isalnum() or not identifier.isascii():
        raise ValueError(f"{identifier!r} is not a plain SQL name")
    return f'"{identifier}"'


async def migrate(services: Sequence[str], server: Server, database: str, secret: Secrets) -> list[str]:
    """Bring each service's own tables up to date, as its own role.

    Args:
        services: names; one without the folder `store/migrations` is passed over.
        server: where.
        database: which.
        secret: passwords, `postgres-<role>`.

    Returns:
        The files that ran, as `service/file`.
    """
    ran = []
    for service in services:
        folder = REPOSITORY / "services" / service / "store" / "migrations"
        if folder.is_dir():
            connection = await asyncpg.connect(server.dsn(service, database, secret(f"postgres-{service}")))
            try:
                await connection.execute("SET transaction_timeout = 0")  # a migration may take its time
                ran += [f"{service}/{name}" for name in await migrations.migrate(connection, service, folder)]
            finally:
                await connection.close()
    return ran


async def init(top: Topology, bootstrap: str, server: Server, secret: Secrets) -> None:
    """Make everything, Kafka's part and PostgreSQL's side by side, then the services' tables.

    Raises:
        DeployError: something was refused.
    """
    await asyncio.gather(
        init_kafka(top, bootstrap, secret),
        init_postgres(top.roles, server, top.database, secret),
    )
    await migrate([s.name for s in top.services], server, top.database, secret)


def main() -> int:
    """Initialise the stack that the environment names; 0, or 1 and a sentence."""
    settings = Settings()
    top = topology([s for s in settings.systems.split(",") if s], settings.replication)

    def secret(name: str) -> str:
        path = settings.secrets_dir / name
        if not path.exists():
            raise DeployError(f"The secret {name} is missing in {settings.secrets_dir}.")
        return path.read_text().strip()

    try:
        asyncio.run(init(top, settings.kafka, Server(settings.postgres_host, settings.postgres_port), secret))
    except DeployError as error:
        print(f"init: {error}", file=sys.stderr)
        return 1
    print(
        f"init: {len(top.topics)} topics, {len(top.users)} users, {len(top.acls)} access rules, {len(top.roles)} roles"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
