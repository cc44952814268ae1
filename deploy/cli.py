"""`maodiao`: every module of `deploy.commands` adds its commands by its function `register(app)`."""

import pkgutil
import sys
from importlib import import_module

import typer

from deploy import commands
from deploy.errors import DeployError

HELP = """Maodiao 矛调: run it on this machine, look after it, ask what it holds.

Examples:

  maodiao up              start everything here; Ctrl-C stops it

  maodiao up --detach     start it and leave it running

  maodiao status          what runs, since when, with how much memory

  maodiao doctor          what is missing on this machine, and what to do

  maodiao down            stop it, also what a killed run has left
"""


def build() -> typer.Typer:
    """The app with all commands."""
    app = typer.Typer(
        help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False, rich_markup_mode=None
    )
    for module in sorted(pkgutil.iter_modules(commands.__path__), key=lambda m: m.name):
        import_module(f"{commands.__name__}.{module.name}").register(app)
    return app


def main() -> None:
    """Run a command. What a person can put right is said in a sentence, without a traceback; the exit code is 1."""
    try:
        build()()
    except DeployError as error:
        sys.stderr.write(f"maodiao: {error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
