"""The secrets of the stack of containers: drawn at the first start, each lying only where its readers can read it.

Compose mounts file secrets with the rights of the host and cannot give them an owner. So a one-shot container, without
network, draws them into a volume: a folder for each reader, mode 700, files mode 600, owned by that reader's user.
`python -m deploy.compose.secrets`, as root, with the environment of `Settings`.
"""

import os
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.topology import ADMIN, BROKER, CONTROLLER, SERVICES, SHARED_KEYS, SUPER_USERS

INIT: Final = "init"
"""Reader of everything: makes the users and roles. The demo is run by the same user."""

USERS: Final[Mapping[str, int]] = {
    INIT: 10000,
    "intake": 10001,
    "routing": 10002,
    "escalation": 10003,
    "notify": 10004,
    "oversight": 10005,
    "portal": 10006,
    # Users of the images postgres:18 and apache/kafka.
    "postgres": 999,
    "kafka": 1000,
}
"""The user (and group) of each reader; docker-compose.yml says the same."""

KEYS: Final[Mapping[str, Sequence[str]]] = {
    "intake": SHARED_KEYS,
    "routing": ("token_key",),
    "escalation": ("token_key",),
    "notify": ("token_key", "link_key"),
    "oversight": ("token_key",),
    "portal": ("token_key",),
}
"""Which shared keys each service reads: what people told is opened by intake alone."""


class Settings(BaseSettings):
    """Environment, prefix MAODIAO_. `secrets_root` and `kafka_config` are the two volumes."""

    model_config = SettingsConfigDict(env_prefix="MAODIAO_", frozen=True)

    secrets_root: Path = Path("/run/maodiao")
    kafka_config: Path = Path("/run/kafka-config")
    systems: str = "demo311"


@dataclass(frozen=True, slots=True)
class Handed:
    """A file for one reader. `path` is below the reader's folder."""

    reader: str
    path: str
    content: str


def names(systems: Sequence[str]) -> tuple[str, ...]:
    """Every secret that the installation has: Kafka users, database users, shared keys."""
    services = tuple(service.name for service in SERVICES)
    roles = ("postgres", *(f"postgres-{service}" for service in services))
    return (*SUPER_USERS, *services, *systems, *roles, *SHARED_KEYS)


def hand_out(known: Mapping[str, str], systems: Sequence[str]) -> list[Handed]:
    """Which reader gets which secrets. Pure.

    Args:
        known: all secrets by name (`names`).
        systems: outside systems; init alone knows their passwords.
    """
    made = [Handed(INIT, name, known[name]) for name in names(systems)]
    made.append(Handed("postgres", "postgres", known["postgres"]))
    for service in SERVICES:
        own = (service.name, f"postgres-{service.name}", *KEYS[service.name])
        made += [Handed(service.name, name, known[name]) for name in own]
    return made


def kafka_files(known: Mapping[str, str]) -> list[Handed]:
    """What the brokers read: the secret part of their settings, and an administrator's login for their tools. Pure.

    The image copies `server.properties` and appends what its KAFKA_… variables say: the settings that are no secret.
    """
    plain, scram = "org.apache.kafka.common.security.plain", "org.apache.kafka.common.security.scram"
    controller, broker, admin = known[CONTROLLER], known[BROKER], known[ADMIN]
    server = (
        "listener.name.controller.plain.sasl.jaas.config="
        f'{plain}.PlainLoginModule required username="{CONTROLLER}" password="{controller}" '
        f'user_{CONTROLLER}="{controller}";\n'
        "listener.name.internal.scram-sha-512.sasl.jaas.config="
        f'{scram}.ScramLoginModule required username="{BROKER}" password="{broker}";\n'
    )
    tools = (
        "security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-512\n"
        f'sasl.jaas.config={scram}.ScramLoginModule required username="{ADMIN}" password="{admin}";\n'
    )
    # Kafka keeps users in its own metadata; these two must be there before the first broker starts.
    users = "".join(f"SCRAM-SHA-512=[name={user},password={known[user]}]\n" for user in (ADMIN, BROKER))
    contents = {"server.properties": server, "admin.properties": tools, "first-users": users}
    return [Handed("kafka", name, content) for name, content in contents.items()]


def draw(folder: Path, systems: Sequence[str], new: Callable[[], str]) -> dict[str, str]:
    """All secrets: those that init's folder holds already, and new ones for what is missing.

    Args:
        folder: init's. systems: the outside systems. new: draws a secret.
    """
    return {name: path.read_text().strip() if (path := folder / name).exists() else new() for name in names(systems)}


def lay(folder: Path, files: Sequence[Handed], user: int | None) -> None:
    """Write a reader's files into its folder, so that only this user reads them.

    Args:
        folder: the reader's. files: what it gets. user: user and group; None leaves them ours (tests).
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in files:
        fresh = folder / f".{file.path}.new"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(file.content)
        if user is not None:
            os.chown(fresh, user, user)
        fresh.replace(folder / file.path)
    folder.chmod(0o700)
    if user is not None:
        os.chown(folder, user, user)


def main() -> int:
    """Draw what is missing and hand it out; a second run changes nothing."""
    settings = Settings()
    systems = [s for s in settings.systems.split(",") if s]
    known = draw(settings.secrets_root / INIT, systems, lambda: secrets.token_urlsafe(32))
    handed = hand_out(known, systems)
    for reader in dict.fromkeys(file.reader for file in handed):
        lay(settings.secrets_root / reader, [f for f in handed if f.reader == reader], USERS[reader])
    lay(settings.kafka_config, kafka_files(known), USERS["kafka"])
    print(f"secrets: {len(known)} for {len({f.reader for f in handed}) + 1} readers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
