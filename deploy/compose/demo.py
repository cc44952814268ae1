"""The demo inside the network of containers: the performance of `maodiao demo`, on a stack that runs already.

`python -m deploy.compose.demo`, with the environment of `Settings`. The exit code is 0, or 1 and what was wrong.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict
from rich.console import Console

from deploy.commands import accounts
from deploy.demo.cast import Cast
from deploy.demo.mailbox import Mailbox
from deploy.demo.perform import perform_on
from deploy.demo.players import client
from deploy.demo.stage import SYSTEM, Backstage, Stage
from deploy.demo.town import Town
from deploy.errors import DeployError
from deploy.init import Server
from deploy.kafka_admin import login
from deploy.setup import PASSWORDS, District
from deploy.topology import ADMIN, DATABASE
from services.portal.doors.naming import read_catalogue


class Settings(BaseSettings):
    """Environment, prefix MAODIAO_. `secrets_dir` is init's; `mailbox_port` is where notify sends its mail."""

    model_config = SettingsConfigDict(env_prefix="MAODIAO_", frozen=True)

    kafka: str
    postgres_host: str
    postgres_port: int = 5432
    portal_url: str
    secrets_dir: Path
    mailbox_port: int = 2525
    seed: int = 311

    def secret(self, name: str) -> str:
        """A secret by name. Raises: DeployError, where it is missing."""
        path = self.secrets_dir / name
        if not path.exists():
            raise DeployError(f"The secret {name} is missing in {self.secrets_dir}.")
        return path.read_text().strip()


@asynccontextmanager
async def stage(settings: Settings) -> AsyncIterator[Stage]:
    """The running stack to play on, with a mail server on all addresses of this container."""
    files = District()
    passwords = accounts.load_passwords(settings.secrets_dir / PASSWORDS)
    server = Server(settings.postgres_host, settings.postgres_port)
    async with (
        Mailbox("0.0.0.0", settings.mailbox_port) as mailbox,  # noqa: S104 - notify is another container
        client(settings.portal_url) as http,
    ):
        cast = Cast(http, accounts.read(files.people), passwords)
        units = tuple(await cast.login("duty").units())
        yield Stage(
            town=Town(cast, mailbox, read_catalogue(files.files, files.district).learned(units, cast.names)),
            outside=login(settings.kafka, SYSTEM, settings.secret(SYSTEM)),
            backstage=Backstage(
                login(settings.kafka, ADMIN, settings.secret(ADMIN)),
                server.dsn(ADMIN, DATABASE, settings.secret("postgres")),
            ),
            portal=settings.portal_url,
        )


def main() -> int:
    """Play; 0 if all is well, else 1 and a sentence for each thing that was wrong."""
    settings = Settings()
    console = Console(highlight=False, soft_wrap=True)
    try:
        wrong = asyncio.run(perform_on(lambda _display: stage(settings), settings.seed, console))
    except DeployError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    for sentence in wrong:
        console.print(f"wrong: {sentence}", markup=False)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
