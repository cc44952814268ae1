"""What is played on: the platform in a data folder, the mail server, the accounts; and what only the checks may use."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy import checks
from deploy.commands import accounts
from deploy.demo.cast import Cast
from deploy.demo.mailbox import Mailbox
from deploy.demo.players import client
from deploy.demo.town import Town
from deploy.embedded.jars import Progress
from deploy.embedded.platform import Options, Platform
from deploy.init import REPOSITORY
from deploy.kafka_admin import KafkaLogin
from deploy.setup import PASSWORDS, District
from deploy.topology import ADMIN
from services.portal.doors.naming import read_catalogue

POLICY: Final = REPOSITORY / "deploy" / "policy" / "demo.yaml"
SYSTEM: Final = "demo311"
TWO_OF_EACH: Final = 2_000 * checks.MIB
"""Free memory with which two workers of routing and of escalation are run. Measured in a demo: 1,300 MiB are used then,
servers, services and the demo itself; a further worker takes 70 MiB."""


@dataclass(frozen=True, slots=True)
class Backstage:
    """What the final checks alone may use: the broker and the database as administrator."""

    kafka: KafkaLogin
    dsn: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything of one performance. outside: how the outside system signs in to Kafka."""

    town: Town
    outside: KafkaLogin
    backstage: Backstage
    portal: str


def scale(free: int) -> Mapping[str, int]:
    """Workers of each service, by the memory that is free, in bytes. Pure."""
    return {"routing": 2, "escalation": 2} if free >= TWO_OF_EACH else {}


@asynccontextmanager
async def stage(data: Path, said: Callable[[str], None], progress: Progress) -> AsyncIterator[Stage]:
    """Start everything in a data folder, and stop it afterwards.

    Raises:
        DeployError: something cannot run; the sentence says what to do.
    """
    async with Mailbox() as mailbox:
        extra = {
            "notify": {
                "MAODIAO_SMTP_HOST": "127.0.0.1",
                "MAODIAO_SMTP_PORT": str(mailbox.port),
                "MAODIAO_MAIL_FROM": "maodiao@demo.invalid",
            },
        }
        options = Options(data=data, policy=POLICY, scale=scale(checks.available_memory()), extra=extra)
        async with Platform(options, said=said, progress=progress) as platform, client(platform.url("portal")) as http:
            folder = platform.stack.folder
            files = District()
            cast = Cast(http, accounts.read(files.people), accounts.load_passwords(folder.secrets / PASSWORDS))
            units = tuple(await cast.login("duty").units())
            names = read_catalogue(files.files, files.district).learned(units, cast.names)
            yield Stage(
                town=Town(cast, mailbox, names),
                outside=platform.stack.kafka(SYSTEM),
                backstage=Backstage(platform.stack.kafka(), platform.stack.dsn(ADMIN)),
                portal=platform.url("portal"),
            )
