"""`maodiao staff`: how to reach staff at work. notify alone keeps it."""

import asyncio
import csv
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import asyncpg
import typer
import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from deploy.embedded.folder import DEFAULT, DataFolder
from deploy.errors import DeployError
from deploy.init import Server
from deploy.topology import DATABASE
from services.host.settings import ServiceSettings
from services.notify.doors.channels.webhook import webhook_key
from services.notify.store.contacts import Contact, Imported, import_contacts

Data = Annotated[Path, typer.Option("--data", help="The data folder, where MAODIAO_DSN does not name a database.")]


class Entry(BaseModel):
    """One person of the file. `name` may stand there for the reader; notify does not keep it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    staff: str = Field(pattern=r"^u-[0-9]{4,12}$")
    name: str = ""
    email: str | None = Field(default=None, max_length=254, pattern=r"^[!#-?A-Z^-~]+@[A-Za-z0-9.-]+$")
    telephone: str | None = Field(default=None, pattern=r"^[+0-9][0-9 -]{4,24}$")
    webhook: str | None = Field(default=None, max_length=2000, pattern=r"^https?://[!-~]+$")
    first: Literal["email", "webhook"] = "email"

    def contact(self) -> Contact:
        """As notify keeps it."""
        return Contact(self.staff, self.email, self.telephone, self.webhook, self.first)


_ENTRIES = TypeAdapter(list[Entry])


def register(app: typer.Typer) -> None:
    """Add the commands."""
    staff = typer.Typer(help="How to reach staff at work: import addresses; show the key of webhooks.")
    staff.command("import")(import_)
    staff.command("webhook-key")(show_webhook_key)
    app.add_typer(staff, name="staff")


def import_(
    file: Annotated[Path, typer.Argument(help="YAML with a list `staff`, or CSV with a header.")],
    replace: Annotated[bool, typer.Option("--replace", help="Remove whoever is not in the file.")] = False,
    data: Data = DEFAULT,
) -> None:
    """Read addresses by staff id: staff, email, telephone, webhook, first (email or webhook: which is tried first).

    Examples:  maodiao staff import staff.yaml    maodiao staff import staff.csv --replace
    """
    contacts = read(file)
    done = asyncio.run(_write(database_address(data), contacts, replace=replace))
    unreachable = sum(contact.email is None and contact.webhook is None for contact in contacts)
    print(f"staff: {len(contacts)} read, {done.new} new, {done.changed} changed, {done.removed} removed")
    if unreachable:
        print(f"staff: {unreachable} have neither e-mail nor webhook; calls pass them over")


def show_webhook_key(data: Data = DEFAULT) -> None:
    """Print the key by which receivers check the signature of webhooks, in hex."""
    folder = os.environ.get("MAODIAO_SECRETS_DIR")
    path = Path(folder) / "link_key" if folder else DataFolder(data).secret_file("link_key")
    if not path.exists():
        raise DeployError(f"There is no {path}. Start the stack once, or name its folder with --data.")
    print(webhook_key(path.read_text().strip().encode()).hex())


def read(file: Path) -> list[Contact]:
    """The contacts of a file.

    Raises:
        DeployError: it can't be read; the sentence names entry and field, and never repeats what stands there.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DeployError(f"{file} can't be read as UTF-8 text ({type(error).__name__}).") from error
    try:
        entries = _ENTRIES.validate_python(_rows(file, text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ", ".join(str(part + 1) if isinstance(part, int) else str(part) for part in first["loc"])
        raise DeployError(
            f"{file}: entry {where}: {first['type']}. {error.error_count()} problems; nothing was imported."
        ) from error
    twice = [staff for staff, count in Counter(entry.staff for entry in entries).items() if count > 1]
    if twice:
        raise DeployError(f"{file}: named more than once: {', '.join(sorted(twice))}. Nothing was imported.")
    return [entry.contact() for entry in entries]


def _rows(file: Path, text: str) -> object:
    if file.suffix.lower() == ".csv":
        return [
            {key: value or None for key, value in row.items() if value} for row in csv.DictReader(text.splitlines())
        ]
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise DeployError(f"{file} is not YAML.") from error
    return document.get("staff") if isinstance(document, dict) else document


def database_address(data: Path) -> str:
    """Where notify's tables are: as in a service's own environment, else in the data folder of this machine."""
    if "MAODIAO_DSN" in os.environ:
        return ServiceSettings().dsn_with_password
    folder = DataFolder(data)
    if not folder.secret_file("postgres-notify").exists():
        raise DeployError(f"{folder.root} holds no stack. Run `maodiao up` first, or name its folder with --data.")
    port = folder.ports(("postgres",))["postgres"]
    return Server("127.0.0.1", port).dsn("notify", DATABASE, folder.secret("postgres-notify"))


async def _write(address: str, contacts: Sequence[Contact], *, replace: bool) -> Imported:
    try:
        connection = await asyncpg.connect(address, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise DeployError(f"The database does not answer ({type(error).__name__}). Is the stack up?") from error
    try:
        return await import_contacts(connection, contacts, replace=replace)
    finally:
        await connection.close()
