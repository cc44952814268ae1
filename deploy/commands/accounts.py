"""`maodiao accounts`: who may sign in to the portal."""

import asyncio
import os
import secrets
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
import yaml
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deploy.embedded.folder import DEFAULT, DataFolder
from deploy.errors import DeployError
from deploy.init import Server
from deploy.topology import DATABASE
from services.host.settings import ServiceSettings
from services.portal.core.signin import Account, Place
from services.portal.store.accounts import PostgresAccounts

ROLES = ("clerk", "seat", "grid", "mediator", "centre", "street", "department", "leader", "supervisor", "ops")
Data = Annotated[Path, typer.Option("--data", help="The data folder, where MAODIAO_DSN does not name a database.")]


class Person(BaseModel):
    """One of `staff`. The address is notify's business and stays unread here."""

    model_config = ConfigDict(extra="ignore")

    staff: str
    name: str = Field(min_length=1, max_length=60)


class Entry(BaseModel):
    """One of `accounts`: a login at one place. The same login may stand there again with another place.

    shown: `maodiao up` prints this account. password: for installations that set it; else one is drawn.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    login: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")
    staff: str = Field(pattern=r"^u-[0-9]{4,12}$")
    role: str
    unit: str = Field(min_length=1, max_length=64)
    post: str = Field(min_length=1, max_length=64)
    shown: bool = False
    password: str | None = Field(default=None, min_length=8, max_length=256)


class Document(BaseModel):
    model_config = ConfigDict(extra="ignore")

    staff: list[Person] = []
    accounts: list[Entry]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    accounts = typer.Typer(help="Who may sign in to the portal.")
    accounts.command("import")(import_)
    app.add_typer(accounts, name="accounts")


def import_(
    file: Annotated[Path, typer.Argument(help="YAML with the lists `staff` (staff, name) and `accounts`.")],
    passwords: Annotated[
        Path | None, typer.Option("--passwords", help="Where drawn passwords are kept; mode 600. Default: in --data.")
    ] = None,
    data: Data = DEFAULT,
) -> None:
    """Read accounts: login, staff, role, unit, post. Whoever has no password yet gets a drawn one, kept in a file.

    Example:  maodiao accounts import deploy/data/demo/staff.yaml
    """
    document = read(file)
    kept = passwords or DataFolder(data).secret_file("accounts.yaml")
    known = load_passwords(kept)
    drawn = with_passwords(document.accounts, known)
    asyncio.run(_write(database_address(data), document, drawn))
    keep_passwords(kept, drawn)
    print(f"accounts: {len(drawn)} imported, {len(drawn.keys() - known.keys())} of them new; passwords are in {kept}")


def read(file: Path) -> Document:
    """The accounts of a file.

    Raises:
        DeployError: it can't be read; the sentence names entry and field, and never repeats what stands there.
    """
    try:
        document = Document.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DeployError(f"{file} can't be read as YAML ({type(error).__name__}).") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ", ".join(str(part + 1) if isinstance(part, int) else str(part) for part in first["loc"])
        raise DeployError(f"{file}: {where}: {first['type']}. Nothing was imported.") from error
    names = {person.staff for person in document.staff}
    for number, entry in enumerate(document.accounts, 1):
        if entry.role not in ROLES:
            raise DeployError(f"{file}: accounts, {number}: no such role. There are: {', '.join(ROLES)}.")
        if entry.staff not in names:
            raise DeployError(f"{file}: accounts, {number}: {entry.staff} is not in the list `staff`.")
    return document


def load_passwords(path: Path) -> dict[str, str]:
    """Passwords by login, as an earlier import kept them."""
    if not path.exists():
        return {}
    kept = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {str(login): str(password) for login, password in kept.items()} if isinstance(kept, dict) else {}


def keep_passwords(path: Path, drawn: dict[str, str]) -> None:
    """Write them so that nobody else can read them, and so that a crash leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(path.name + ".new")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        yaml.safe_dump(drawn, out, allow_unicode=True)
    half.replace(path)


def with_passwords(entries: Sequence[Entry], known: dict[str, str]) -> dict[str, str]:
    """Each login's password: of the file, else the one drawn before, else one drawn now."""
    made: dict[str, str] = {}
    for entry in entries:
        made[entry.login] = (
            entry.password or made.get(entry.login) or known.get(entry.login) or secrets.token_urlsafe(9)
        )
    return made


def accounts_of(document: Document, drawn: dict[str, str], before: Mapping[str, str]) -> list[Account]:
    """Accounts as the portal keeps them. A hash that fits already stays, so that nobody is signed out by an import.

    Args:
        drawn: password by login. before: hash by login, as kept until now.
    """
    names = {person.staff: person.name for person in document.staff}
    by_login: dict[str, list[Entry]] = defaultdict(list)
    for entry in document.accounts:
        by_login[entry.login].append(entry)
    # Drawn passwords have 72 random bits: nothing is gained by making each of hundreds slow to check.
    quick, slow = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1), PasswordHasher()
    return [
        Account(
            login=login,
            staff=entries[0].staff,
            name=names[entries[0].staff],
            password=_hash(
                slow if any(entry.password for entry in entries) else quick, drawn[login], before.get(login)
            ),
            places=tuple(Place(entry.unit, entry.post, entry.role) for entry in entries),
        )
        for login, entries in by_login.items()
    ]


def _hash(hasher: PasswordHasher, password: str, before: str | None) -> str:
    try:
        if before is not None and hasher.verify(before, password):
            return before
    except (VerificationError, InvalidHashError):
        pass
    return hasher.hash(password)


def database_address(data: Path) -> str:
    """Where the portal's tables are: as in a service's own environment, else in the data folder of this machine."""
    if "MAODIAO_DSN" in os.environ:
        return ServiceSettings().dsn_with_password
    folder = DataFolder(data)
    if not folder.secret_file("postgres-portal").exists():
        raise DeployError(f"{folder.root} holds no stack. Run `maodiao up` first, or name its folder with --data.")
    port = folder.ports(("postgres",))["postgres"]
    return Server("127.0.0.1", port).dsn("portal", DATABASE, folder.secret("postgres-portal"))


async def _write(address: str, document: Document, drawn: dict[str, str]) -> None:
    try:
        pool = await asyncpg.create_pool(address, min_size=1, max_size=1, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise DeployError(f"The database does not answer ({type(error).__name__}). Is the stack up?") from error
    try:
        kept = PostgresAccounts(pool)
        before = {login: found.password for login in drawn if (found := await kept.find(login)) is not None}
        await kept.put(accounts_of(document, drawn, before))
    finally:
        await pool.close()
