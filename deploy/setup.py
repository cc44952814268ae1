"""District set-up: directory, addresses and accounts, where there are none yet. Policies: escalation stores its own.

Each of the three is imported only where nothing stands, so that a later start never takes back what people have
changed; afterwards `maodiao directory|staff|accounts import` are the ways to bring files in.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg

from deploy.commands import accounts, directory, staff
from deploy.errors import DeployError
from deploy.init import REPOSITORY
from services.notify.store.contacts import import_contacts
from services.portal.store.accounts import PostgresAccounts

PASSWORDS: Final = "accounts.yaml"
"""In the folder of secrets: every login with the password that was drawn for it."""

SHOWN: Final = "accounts"
"""In the folder of secrets: the few logins for a first look, in words. `maodiao up` prints it."""


@dataclass(frozen=True, slots=True)
class District:
    """The files of a district. `offices` and `district` name folders in `files`."""

    files: Path = REPOSITORY / "deploy" / "data"
    district: str = "hongqiao"
    offices: str = "demo"

    @property
    def people(self) -> Path:
        """Staff and accounts."""
        return self.files / self.offices / "staff.yaml"


async def set_up(dsn: Callable[[str], str], secrets: Path, district: District | None = None) -> list[str]:
    """Import what is missing. To be run after the migrations and before the services are waited for.

    Args:
        dsn: the database's address for a service's role, with the password.
        secrets: folder in which drawn passwords are kept, mode 600.
        district: whose files; the invented demo district if None.

    Returns:
        What was done, in words; nothing if all of it stood there already.

    Raises:
        DeployError: a file can't be taken, or a database does not answer.
    """
    files = district or District()
    try:
        said = await asyncio.gather(
            _directory(dsn("routing"), files), _staff(dsn("notify"), files), _accounts(dsn("portal"), secrets, files)
        )
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        raise DeployError(f"The set-up broke off ({type(error).__name__}); the next start goes on with it.") from error
    return [one for one in said if one]


async def _directory(dsn: str, files: District) -> str:
    if await _any(dsn, "SELECT EXISTS (SELECT 1 FROM routing.edition)"):
        return ""
    read = await asyncio.to_thread(directory.read_files, files.files, files.district, files.offices)
    done = await directory.import_files(dsn, read)
    return f"{len(done.published)} units of the directory"


async def _staff(dsn: str, files: District) -> str:
    if await _any(dsn, "SELECT EXISTS (SELECT 1 FROM notify.contact)"):
        return ""
    contacts = await asyncio.to_thread(staff.read, files.people)
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        done = await import_contacts(connection, contacts, replace=False)
    finally:
        await connection.close()
    return f"{done.new} addresses of staff"


async def _accounts(dsn: str, secrets: Path, files: District) -> str:
    if await _any(dsn, "SELECT EXISTS (SELECT 1 FROM portal.account)"):
        return ""
    document = await asyncio.to_thread(accounts.read, files.people)
    drawn = accounts.with_passwords(document.accounts, accounts.load_passwords(secrets / PASSWORDS))
    # Kept first: a stop in between leaves passwords without accounts, and the next start makes those accounts.
    accounts.keep_passwords(secrets / PASSWORDS, drawn)
    _write_private(secrets / SHOWN, shown(document, drawn))
    made = await asyncio.to_thread(accounts.accounts_of, document, drawn, {})
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1, timeout=10) as pool:
        await PostgresAccounts(pool).put(made)
    return f"{len(made)} accounts"


async def _any(dsn: str, question: str) -> bool:
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        return bool(await connection.fetchval(question))
    finally:
        await connection.close()


def shown(document: accounts.Document, drawn: dict[str, str]) -> str:
    """The logins for a first look, one a line: login, password, who it is. Pure."""
    entries = [entry for entry in document.accounts if entry.shown]
    wide = max((len(entry.login) for entry in entries), default=0)
    lines = [
        f"{entry.login:<{wide}}  {drawn[entry.login]}  {entry.role} at {entry.unit} ({entry.post})" for entry in entries
    ]
    return "\n".join([*lines, f"All {len(drawn)} logins with their passwords: {PASSWORDS} beside this file.", ""])


def _write_private(path: Path, text: str) -> None:
    half = path.with_name(path.name + ".new")
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    half.replace(path)
