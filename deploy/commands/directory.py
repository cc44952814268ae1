"""`maodiao directory import`: the district's units, offices, routes and kinds, from files into routing's database."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import asyncpg
import typer
from rich.console import Console

from deploy.embedded.folder import DEFAULT, DataFolder
from deploy.errors import DeployError
from deploy.init import REPOSITORY, Server
from deploy.topology import DATABASE
from services.routing.doors.files import FileFault, Files, read_folder
from services.routing.store.changes import Change, Done, RefusedError, apply

FILES = REPOSITORY / "deploy" / "data"

console = Console(highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="The directory of units 通讯录.", no_args_is_help=True, rich_markup_mode=None)
    group.command("import")(import_)
    app.add_typer(group, name="directory")


def import_(
    data: Annotated[Path, typer.Option("--data", help="The data folder of the running stack.")] = DEFAULT,
    files: Annotated[Path, typer.Option("--files", help="Folder with kinds.csv and the two below.")] = FILES,
    district: Annotated[str, typer.Option("--district", help="Folder with units.csv and places.csv.")] = "hongqiao",
    offices: Annotated[str, typer.Option("--offices", help="Folder with directory.yaml and routes.yaml.")] = "demo",
    check: Annotated[bool, typer.Option("--check", help="Only read the files and say what is wrong.")] = False,
) -> None:
    """Take the directory from files and publish what is new. Importing the same twice changes nothing.

    The database is that of the data folder, or the one that MAODIAO_DSN names (with MAODIAO_DSN_PASSWORD_FILE).

    Examples:  maodiao directory import    maodiao directory import --files my/files --offices offices --check
    """
    read = read_files(files, district, offices)
    if check:
        console.print(
            f"Read {len(read.units)} spans of units, {len(read.table.routes)} routes, {len(read.kinds)} kinds."
        )
        return
    done = asyncio.run(import_files(_dsn(data), read))
    invented = " The offices are invented 演示用，虚构." if read.invented else ""
    console.print(
        f"{len(done.published)} versions of units published, route table "
        f"{read.table.version} {'taken' if done.table else 'as before'}; edition {done.edition}.{invented}"
    )


def read_files(files: Path = FILES, district: str = "hongqiao", offices: str = "demo") -> Files:
    """What the files say.

    Raises:
        DeployError: a file can't be taken; the sentence names it, the place and the fault.
    """
    try:
        return read_folder(files, district, offices)
    except FileFault as fault:
        raise DeployError(str(fault)) from fault


async def import_files(dsn: str, read: Files) -> Done:
    """Take the directory that files gave.

    Args:
        dsn: routing's database, with the password of the role `routing`.
        read: from `read_files`.

    Raises:
        DeployError: the database does not answer, or the directory was refused; nothing was written then.
    """
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise DeployError(f"routing's database does not answer ({type(error).__name__}). Is the stack up?") from error
    try:
        return await apply(connection, Change(read.units, read.zone, "import", read.table, read.kinds))
    except RefusedError as refused:
        shown = "\n".join(f"  {fault}" for fault in refused.faults[:20])
        more = f"\n  … and {len(refused.faults) - 20} more" if len(refused.faults) > 20 else ""
        raise DeployError(f"The directory was not taken; nothing was changed.\n{shown}{more}") from refused
    finally:
        await connection.close()


def _dsn(data: Path) -> str:
    named, file = os.environ.get("MAODIAO_DSN"), os.environ.get("MAODIAO_DSN_PASSWORD_FILE")
    if named and file:
        scheme, _, rest = named.partition("://")
        role, _, where = rest.partition("@")
        return f"{scheme}://{role}:{Path(file).read_text().strip()}@{where}"
    folder = DataFolder(data)
    ports = folder.known_ports()
    if "postgres" not in ports or not folder.secret_file("postgres-routing").exists():
        raise DeployError(f"There is no stack in {folder.root}. Start it with `maodiao up`, or name one with --data.")
    return Server("127.0.0.1", ports["postgres"]).dsn("routing", DATABASE, folder.secret("postgres-routing"))
