"""`maodiao demo`: one invented district at work on a real Kafka and PostgreSQL."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from deploy import checks
from deploy.demo.perform import perform
from deploy.embedded.folder import DataFolder
from deploy.errors import DeployError

console = Console(highlight=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    data: Annotated[
        Path | None, typer.Option("--data", help="The data folder to play in, kept afterwards; else a temporary one.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the temporary folder, for `maodiao rebuild … --compare`.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Chooses the requests that nobody deals with.")] = 311,
) -> None:
    """Play one district at work: disputes, incidents, whistles, 1,000 requests of another system; then check it all.

    It ends by itself. The exit code is 0, or 1 and what was wrong.

    Examples:  maodiao demo    maodiao demo --keep    maodiao demo --data /tmp/district --seed 7
    """
    folder = _folder(data)
    wrong = ["it was broken off"]
    try:
        wrong = asyncio.run(perform(folder, seed, console))
    except (asyncio.CancelledError, KeyboardInterrupt):  # a signal; everything has been stopped on the way out
        pass
    finally:
        if data is None and not keep and not wrong:
            shutil.rmtree(folder)
        else:
            console.print(f"\nData and logs are in {folder}. `maodiao up --data {folder}` starts it again.")
    for sentence in wrong:
        console.print(f"[bold red]WRONG[/] {escape(sentence)}")
    if wrong:
        raise typer.Exit(1)
    console.print("[bold green]All stories came out as told; everything that came in was counted out.[/]")


def _folder(data: Path | None) -> Path:
    """Where to play, on a machine that can carry it."""
    folder = data or Path(tempfile.mkdtemp(prefix="maodiao-demo-"))
    try:
        checks.demand(DataFolder(folder))
    except DeployError:
        if data is None:
            folder.rmdir()  # nothing is in it yet
        raise
    return folder
