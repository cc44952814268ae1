"""Administration of Kafka: topics, access rules, quotas and users, without a JVM per command."""

from collections.abc import Sequence
from typing import TypedDict

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError, for_code

from deploy.errors import DeployError
from deploy.kafka_requests import AlterClientQuotas, AlterScram, CreateAcls
from deploy.topology import Acl, Quota, Topic

TOPIC_EXISTS = 36


class KafkaLogin(TypedDict):
    """Keyword arguments for aiokafka's clients."""

    bootstrap_servers: str
    security_protocol: str
    sasl_mechanism: str
    sasl_plain_username: str
    sasl_plain_password: str


def login(bootstrap: str, user: str, password: str) -> KafkaLogin:
    """How a user of ours signs in; `bootstrap` is host:port."""
    return KafkaLogin(
        bootstrap_servers=bootstrap,
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username=user,
        sasl_plain_password=password,
    )


class KafkaAdmin:
    """An administrator's session with the broker: `async with KafkaAdmin(login) as admin`."""

    def __init__(self, credentials: KafkaLogin) -> None:
        """`credentials` of a super user."""
        self._client = AIOKafkaAdminClient(**credentials, request_timeout_ms=15_000)

    async def __aenter__(self) -> "KafkaAdmin":
        try:
            await self._client.start()
        except KafkaConnectionError:
            await self._client.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def create_topics(self, topics: Sequence[Topic], replication: int) -> None:
        """Make the topics that are missing, and check those that exist.

        Raises:
            DeployError: a topic could not be made, or exists with another number of partitions.
        """
        wanted = [NewTopic(t.name, t.partitions, replication, topic_configs=t.config()) for t in topics]
        answer = await self._client.create_topics(wanted)
        exist = set()
        for name, code, message in answer.topic_errors:
            if code == TOPIC_EXISTS:
                exist.add(name)
            elif code != 0:
                raise DeployError(f"The topic {name} could not be made: {message or for_code(code).__name__}")
        if exist:
            await self._check_partitions([t for t in topics if t.name in exist])

    async def _check_partitions(self, topics: Sequence[Topic]) -> None:
        described = {
            d["topic"]: len(d["partitions"]) for d in await self._client.describe_topics([t.name for t in topics])
        }
        for topic in topics:
            if described[topic.name] != topic.partitions:
                raise DeployError(
                    f"The topic {topic.name} has {described[topic.name]} partitions, this release needs "
                    f"{topic.partitions}: the number is fixed when the topics are made. Choose a new data folder."
                )

    async def create_acls(self, acls: Sequence[Acl]) -> None:
        """Allow what the rules say.

        Raises:
            DeployError: the broker refused one.
        """
        if acls:
            answer = await self._client._send_to_controller(CreateAcls(acls))
            self._check("access rule", [(code, message) for code, message in answer.results])

    async def set_quotas(self, quotas: Sequence[Quota]) -> None:
        """Limit what users may move.

        Raises:
            DeployError: the broker refused one.
        """
        if quotas:
            answer = await self._client._send_to_controller(AlterClientQuotas(quotas))
            self._check("quota", [(code, message) for code, message, _ in answer.entries])

    async def set_users(self, passwords: dict[str, str]) -> None:
        """Make users, or give them these passwords.

        Raises:
            DeployError: the broker refused one.
        """
        if passwords:
            answer = await self._client._send_to_controller(AlterScram(passwords))
            self._check("user", [(code, message) for _, code, message, _ in answer.results])

    @staticmethod
    def _check(what: str, results: Sequence[tuple[int, str | None]]) -> None:
        for code, message in results:
            if code != 0:
                raise DeployError(f"Kafka refused a {what}: {message or for_code(code).__name__}")


async def can_log_in(credentials: KafkaLogin) -> bool:
    """Whether a user signs in now: the broker is up, knows the user, and the password is right."""
    try:
        async with KafkaAdmin(credentials):
            return True
    except (KafkaError, OSError):
        return False
