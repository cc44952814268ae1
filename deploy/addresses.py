"""Where the parts of a running stack are, for commands: as the environment says, else as the data folder knows."""

import os
from pathlib import Path

from deploy.embedded.folder import DataFolder
from deploy.errors import DeployError
from deploy.init import Server
from deploy.topology import DATABASE
from services.host.settings import ServiceSettings
from services.kernel.broker import KafkaLogin


def database(service: str, data: Path) -> str:
    """The address of a service's tables, with the password of its role.

    Args:
        service: whose. data: the data folder, used where MAODIAO_DSN names no database.

    Raises:
        DeployError: there is no stack.
    """
    if "MAODIAO_DSN" in os.environ:
        return ServiceSettings().dsn_with_password
    folder, secret = DataFolder(data), f"postgres-{service}"
    ports = folder.known_ports()
    if "postgres" not in ports or not folder.secret_file(secret).exists():
        raise _no_stack(folder)
    return Server("127.0.0.1", ports["postgres"]).dsn(service, DATABASE, folder.secret(secret))


def broker(user: str, data: Path) -> KafkaLogin:
    """Where the broker is, and how to log in as a user.

    Raises:
        DeployError: there is no stack.
    """
    if "MAODIAO_KAFKA" in os.environ:
        return KafkaLogin()
    folder = DataFolder(data)
    ports = folder.known_ports()
    if "kafka" not in ports or not folder.secret_file(user).exists():
        raise _no_stack(folder)
    return KafkaLogin(
        kafka=f"127.0.0.1:{ports['kafka']}", kafka_user=user, kafka_password_file=folder.secret_file(user)
    )


def door(service: str, data: Path) -> str:
    """The URL of a service's door.

    Raises:
        DeployError: there is no stack.
    """
    if url := os.environ.get(f"MAODIAO_{service.upper()}_URL"):
        return url
    folder = DataFolder(data)
    port = folder.known_ports().get(f"{service}-1")
    if port is None:
        raise _no_stack(folder)
    return f"http://127.0.0.1:{port}"


def shared_key(name: str, data: Path) -> bytes:
    """A key that the services share, such as `token_key`.

    Raises:
        DeployError: there is no stack.
    """
    folder = os.environ.get("MAODIAO_SECRETS_DIR")
    path = Path(folder) / name if folder else DataFolder(data).secret_file(name)
    if not path.exists():
        raise _no_stack(DataFolder(data))
    return path.read_text().strip().encode()


def _no_stack(folder: DataFolder) -> DeployError:
    return DeployError(f"There is no stack in {folder.root}. Start it with `maodiao up`, or name one with --data.")
