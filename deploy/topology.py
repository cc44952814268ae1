"""What the platform consists of, declared once: services, topics, users, access rules, quotas and database roles.

Pure declarations. `deploy.init` carries them out on either stack (embedded or compose); nothing here does any I/O.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

PARTITIONS: Final = 24
"""Fixed at init: the partition of a case is a function of its id, and every log is read in that split."""

DATABASE: Final = "maodiao"
DEFAULT_SYSTEMS: Final = ("demo311",)

ADMIN: Final = "admin"
CONTROLLER: Final = "controller"
BROKER: Final = "broker"
SUPER_USERS: Final = (CONTROLLER, BROKER, ADMIN)

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
FOR_EVER_MS: Final = -1

SHARED_KEYS: Final = ("token_key", "link_key", "vault_key", "index_key")
"""Secrets that several services share: signing of tokens and of links, encryption of people, HMAC of search values."""


class Operation(Enum):
    """Kafka's operations, by their number on the wire (org.apache.kafka.common.acl.AclOperation)."""

    READ = 3
    WRITE = 4
    DESCRIBE = 8


class Resource(Enum):
    """Kafka's resource types, by their number on the wire (org.apache.kafka.common.resource.ResourceType)."""

    TOPIC = 2
    GROUP = 3
    CLUSTER = 4


class Pattern(Enum):
    """How the name of an access rule is matched (org.apache.kafka.common.resource.PatternType)."""

    LITERAL = 3
    PREFIXED = 4


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic with its settings. `retention_ms` is in milliseconds, -1 means for ever; `segment_ms` likewise."""

    name: str
    partitions: int = PARTITIONS
    retention_ms: int = FOR_EVER_MS
    compacted: bool = False
    segment_ms: int | None = None

    def config(self) -> dict[str, str]:
        """The topic's settings as Kafka names them."""
        made = {"retention.ms": str(self.retention_ms), "cleanup.policy": "compact" if self.compacted else "delete"}
        if self.segment_ms is not None:
            made["segment.ms"] = str(self.segment_ms)
        return made


@dataclass(frozen=True, slots=True)
class Acl:
    """One thing that one user may do; what is not listed is refused."""

    user: str
    operation: Operation
    resource: Resource
    name: str
    pattern: Pattern = Pattern.LITERAL


@dataclass(frozen=True, slots=True)
class Quota:
    """What one user may move: bytes per second each way, and percent of one request thread's time."""

    user: str
    producer_bytes: int
    consumer_bytes: int
    request_percent: int


@dataclass(frozen=True, slots=True)
class Role:
    """A database role and the schemas that it owns; `settings` are PostgreSQL parameters fixed to the role."""

    name: str
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def schemas(self) -> tuple[str, str]:
        """The service's own schema, and the one with its states, which a rebuild exchanges by renaming."""
        return (self.name, f"{self.name}_state")


@dataclass(frozen=True, slots=True)
class Service:
    """A service: what it writes and reads on Kafka, and whether it watches every consumer group."""

    name: str
    writes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    watches_groups: bool = False
    settings: tuple[tuple[str, str], ...] = ()

    def role(self) -> Role:
        """Its database role."""
        return Role(self.name, (*ROLE_SETTINGS, *self.settings))


ROLE_SETTINGS: Final = (("idle_in_transaction_session_timeout", "30s"),)

SERVICES: Final = (
    Service(
        "intake",
        writes=("case.intake", "progress"),
        reads=("case.routing", "case.escalation", "case.notify", "directory", "progress"),
        # A mark may not pass an open transaction of intake, so none may stay open for long.
        settings=(("transaction_timeout", "5s"),),
    ),
    Service("routing", writes=("case.routing", "directory"), reads=("case.intake", "progress")),
    Service("escalation", writes=("case.escalation",), reads=("case.intake", "progress", "directory")),
    Service(
        "notify",
        writes=("case.notify",),
        reads=("case.intake", "case.escalation", "progress", "directory"),
        # A frozen worker holds the rows of its batch. Were it longer than a delivery's lease, a message that has left
        # could not be noted as told before it is sent again.
        settings=(("idle_in_transaction_session_timeout", "5s"),),
    ),
    Service(
        "oversight",
        reads=("case.intake", "case.routing", "case.escalation", "case.notify", "directory", "progress"),
        watches_groups=True,
    ),
    # The portal speaks HTTP with the others; its user exists so that every process is somebody, with no rights.
    Service("portal"),
)

CORE_TOPICS: Final = (
    Topic("case.intake"),
    Topic("case.routing"),
    Topic("case.escalation"),
    Topic("case.notify"),
    Topic("directory", compacted=True),
    # Segments of ten minutes, or an hour's retention would keep a week: only closed segments are deleted.
    Topic("progress", partitions=1, retention_ms=HOUR_MS, segment_ms=HOUR_MS // 6),
)

_SYSTEM_NAME: Final = re.compile(r"[a-z][a-z0-9]{2,30}")


@dataclass(frozen=True, slots=True)
class Topology:
    """Everything that `deploy.init` makes."""

    services: tuple[Service, ...]
    systems: tuple[str, ...]
    topics: tuple[Topic, ...]
    acls: tuple[Acl, ...]
    quotas: tuple[Quota, ...]
    roles: tuple[Role, ...]
    replication: int = 1
    database: str = DATABASE
    super_users: tuple[str, ...] = field(default=SUPER_USERS)

    @property
    def users(self) -> tuple[str, ...]:
        """Kafka users beside the super users: one for each service and each outside system."""
        return (*(s.name for s in self.services), *self.systems)


def inbound(system: str) -> str:
    """The topic to which an outside system publishes."""
    return f"inbound.{system}"


def outbound(system: str) -> str:
    """The topic on which an outside system finds receipts and what became of its cases."""
    return f"outbound.{system}"


def topology(systems: Sequence[str] = DEFAULT_SYSTEMS, replication: int = 1) -> Topology:
    """Declare the platform.

    Args:
        systems: names of the outside systems; each has a user, two topics and a quota.
        replication: copies of each partition (1 on one broker, 3 on three).

    Raises:
        ValueError: a system's name is malformed, repeated, or would share a prefix with a service's groups.
    """
    for system in systems:
        _check_system(system)
    if len(set(systems)) != len(systems):
        raise ValueError(f"outside systems are named twice: {', '.join(systems)}")
    outside = tuple(t for s in systems for t in (Topic(inbound(s), retention_ms=7 * DAY_MS), Topic(outbound(s))))
    acls = [acl for service in SERVICES for acl in service_acls(service)]
    for system in systems:
        acls += system_acls(system)
    return Topology(
        services=SERVICES,
        systems=tuple(systems),
        topics=(*CORE_TOPICS, *outside),
        acls=tuple(acls),
        quotas=tuple(Quota(s, 1 << 20, 2 << 20, 50) for s in systems),
        roles=tuple(s.role() for s in SERVICES),
        replication=replication,
    )


def service_acls(service: Service) -> list[Acl]:
    """What a service may do: write and read its own topics, read those of others that it needs, run its groups."""
    acls = [Acl(service.name, Operation.WRITE, Resource.TOPIC, t) for t in service.writes]
    # Its own topics too: a rebuild folds what the service itself has said.
    acls += [
        Acl(service.name, Operation.READ, Resource.TOPIC, t) for t in dict.fromkeys(service.writes + service.reads)
    ]
    if acls:
        acls += group_acls(service.name)
    if service.watches_groups:
        acls += [
            Acl(service.name, Operation.DESCRIBE, Resource.TOPIC, "*"),
            Acl(service.name, Operation.DESCRIBE, Resource.GROUP, "*"),
            Acl(service.name, Operation.DESCRIBE, Resource.CLUSTER, "kafka-cluster"),
        ]
    return acls


def system_acls(system: str) -> list[Acl]:
    """An outside system writes its own inbound topic and reads its own outbound topic; intake the other way round."""
    return [
        Acl(system, Operation.WRITE, Resource.TOPIC, inbound(system)),
        Acl(system, Operation.READ, Resource.TOPIC, outbound(system)),
        *group_acls(system),
        Acl("intake", Operation.READ, Resource.TOPIC, inbound(system)),
        Acl("intake", Operation.WRITE, Resource.TOPIC, outbound(system)),
        Acl("intake", Operation.READ, Resource.TOPIC, outbound(system)),
    ]


def group_acls(user: str) -> list[Acl]:
    """Consumer groups whose names begin with the user's name are the user's. READ includes DESCRIBE."""
    return [Acl(user, Operation.READ, Resource.GROUP, user, Pattern.PREFIXED)]


def _check_system(system: str) -> None:
    if not _SYSTEM_NAME.fullmatch(system):
        raise ValueError(f"{system!r} is not a name for an outside system: 3 to 31 small letters and digits")
    for taken in (*(s.name for s in SERVICES), *SUPER_USERS):
        if taken.startswith(system) or system.startswith(taken):
            raise ValueError(f"the outside system {system!r} would share the groups of {taken!r}: choose another name")
