"""Kafka and PostgreSQL on this machine, from packages: started, made ready for the services, and stopped.

`async with EmbeddedStack(folder) as stack:` for tests, the demo and `maodiao up` alike.
"""

import asyncio
import json
import os
import secrets as random_secrets
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import asyncpg

from deploy.embedded import broker, database, jars
from deploy.embedded.broker import Broker
from deploy.embedded.database import Database
from deploy.embedded.folder import DataFolder, require_free, write_json
from deploy.errors import DeployError
from deploy.init import Server, init, init_postgres, migrate
from deploy.kafka_admin import KafkaAdmin, KafkaLogin, can_log_in, login
from deploy.processes import locks
from deploy.processes.identity import Identity, identify
from deploy.processes.launch import Child, launch, stop_child, tail
from deploy.processes.orphans import end_orphans
from deploy.topology import ADMIN, Acl, Operation, Resource, Role, Topic, Topology, group_acls, topology

FOUNDATIONS: Final = (broker.NAME, database.NAME)
"""What everything else rests on: stopped last."""

READY_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 0.5
"""How long another command's look at the stack's lock may keep it from us."""


def _silent(_done: int, _total: int) -> None:
    """Progress of the first download that nobody watches."""


class EmbeddedStack:
    """A broker and a database in a data folder, with the declared users, topics, roles and access rules."""

    def __init__(
        self,
        data: Path,
        *,
        top: Topology | None = None,
        shared_buffers: str = "512MB",
        tie_to_parent: bool = False,
        progress: jars.Progress = _silent,
        said: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Nothing starts yet.

        Args:
            data: the data folder.
            top: what to make in it; the default platform with the outside system demo311 if None.
            shared_buffers: PostgreSQL's, as it writes it.
            tie_to_parent: the servers die with this process, even when it is killed; for tests.
            progress: told of the first download, in bytes.
            said: told in a few words what is being done.
        """
        self.folder = DataFolder(data)
        # Every process of the stack by name. Who watches them (`Supervisor`) keeps it up to date.
        self.top = top or topology()
        self.children: dict[str, Child] = {}
        self._shared_buffers = shared_buffers
        self._tie = tie_to_parent
        self._progress = progress
        self._said = said
        self._ports: dict[str, int] = {}
        self._lock: int | None = None
        self._ending = False

    @property
    def owned(self) -> bool:
        """Whether the data folder is ours now, and not another process's."""
        return self._lock is not None

    @property
    def bootstrap(self) -> str:
        """The broker's host:port."""
        return f"127.0.0.1:{self._ports['kafka']}"

    @property
    def server(self) -> Server:
        """The database server."""
        return Server("127.0.0.1", self._ports["postgres"])

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start both servers and make what the services need.

        Raises:
            DeployError: the stack already runs, or cannot run; the sentence says what to do.
        """
        self.folder.prepare()
        self._take()
        self.folder.ready.unlink(missing_ok=True)
        left = await end_orphans(self.folder.run, FOUNDATIONS)
        if left:
            self._said(f"ended what an earlier run had left: {', '.join(r.name for r in left)}")
        self._ports = self.folder.ports(("kafka", "kafka-controller", "postgres"))
        require_free(self._ports)
        self.folder.shared_keys()
        jar_folder = await asyncio.to_thread(jars.ensure, self.folder.cache, self._progress_or_end)
        self._said("starting Kafka and PostgreSQL")
        kafka = Broker(self.folder, jar_folder, self._ports["kafka"], self._ports["kafka-controller"])
        postgres = Database(self.folder, self._ports["postgres"], shared_buffers=self._shared_buffers)
        await _together(self._bring_up(kafka, self._kafka_ready), self._bring_up(postgres, self._postgres_ready))
        self._said("making topics, users, roles and tables")
        await init(self.top, self.bootstrap, self.server, self.folder.secret)

    async def stop(self) -> None:
        """End what runs, the servers last; what they hold stays in the data folder."""
        self._ending, failed = True, list[BaseException]()
        for last in (False, True):
            group = [child for name, child in self.children.items() if (name in FOUNDATIONS) is last]
            # Each is ended, whatever becomes of the others.
            ends = await asyncio.gather(*(stop_child(one, self.folder.run) for one in group), return_exceptions=True)
            failed += [end for end in ends if isinstance(end, BaseException)]
        self.children.clear()
        self._release()
        if failed:
            raise failed[0]

    def password(self, user: str) -> str:
        """A Kafka user's password."""
        return self.folder.secret(user)

    def kafka(self, user: str = ADMIN) -> KafkaLogin:
        """Keyword arguments with which an aiokafka client signs in as a user."""
        return login(self.bootstrap, user, self.password(user))

    def dsn(self, role: str, name: str | None = None) -> str:
        """The address of a database (the platform's, if no name is given) for a role, with its password."""
        secret = "postgres" if role == ADMIN else f"postgres-{role}"
        return self.server.dsn(role, name or self.top.database, self.folder.secret(secret))

    async def new_database(self, *, migrated: bool = True) -> str:
        """A fresh database with every role's schemas, and the services' tables unless told otherwise.

        Returns:
            Its name, for `dsn(role, name)`.
        """
        name = f"t_{random_secrets.token_hex(6)}"
        await init_postgres(self.top.roles, self.server, name, self.folder.secret)
        if migrated:
            await migrate([s.name for s in self.top.services], self.server, name, self.folder.secret)
            await self._know_what_others_said(name)
        return name

    async def _know_what_others_said(self, database: str) -> None:
        """Topics may hold what services said out of other databases: a service starts only if somebody knows that."""
        connection = await asyncpg.connect(self.dsn(ADMIN, database))
        try:
            for service in self.top.services:
                for topic in service.writes:
                    await connection.execute(
                        f"""INSERT INTO {service.name}.skip (topic, partition, from_offset, to_offset, reason, by)
                        SELECT $1, p, 0, 0, 'a further database', 'embedded' FROM generate_series(0, 23) p""",  # noqa: S608
                        topic,
                    )
        finally:
            await connection.close()

    async def drop_database(self, name: str) -> None:
        """Drop a database, ending the sessions in it."""
        connection = await asyncpg.connect(self.dsn(ADMIN, "postgres"))
        try:
            await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        finally:
            await connection.close()

    async def add_topics(self, topics: Sequence[Topic]) -> None:
        """Make further topics."""
        async with KafkaAdmin(self.kafka()) as admin:
            await admin.create_topics(topics, self.top.replication)

    async def add_user(self, user: str, *, writes: Sequence[str] = (), reads: Sequence[str] = ()) -> KafkaLogin:
        """A further Kafka user with the right to write and read topics, and to groups named after it."""
        acls = [Acl(user, Operation.WRITE, Resource.TOPIC, t) for t in writes]
        acls += [Acl(user, Operation.READ, Resource.TOPIC, t) for t in reads]
        async with KafkaAdmin(self.kafka()) as admin:
            await admin.set_users({user: self.password(user)})
            await admin.create_acls([*acls, *group_acls(user)])
        deadline = time.monotonic() + READY_SECONDS
        while not await can_log_in(self.kafka(user)):  # the brokers learn of a new user a moment later
            if time.monotonic() > deadline:
                raise DeployError(f"The broker does not know the new user {user} after {READY_SECONDS:.0f} s.")
            await asyncio.sleep(0.05)
        return self.kafka(user)

    async def add_role(self, role: Role, name: str | None = None) -> str:
        """A further database role with its schemas.

        Returns:
            Its address.
        """
        await init_postgres([role], self.server, name or self.top.database, self.folder.secret)
        return self.dsn(role.name, name)

    async def _bring_up(self, server: Broker | Database, ready: Callable[[], Awaitable[bool]]) -> None:
        await asyncio.to_thread(server.prepare)
        # Not in a thread: a tied child dies with the thread that started it, not with the process.
        child = launch(server.spec(), self.folder.run, self.folder.logs, tie_to_parent=self._tie)
        self.children[child.spec.name] = child
        deadline = time.monotonic() + READY_SECONDS
        while not await ready():
            if not child.alive():
                raise DeployError(f"{child.spec.name} ended at its start. {child.log} says:\n{tail(child.log)}")
            if time.monotonic() > deadline:
                raise DeployError(f"{child.spec.name} did not answer within {READY_SECONDS:.0f} s; see {child.log}.")
            await asyncio.sleep(0.1)

    async def _kafka_ready(self) -> bool:
        # An open port first: aiokafka logs every refused connection as an error. Alone it proves nothing.
        return _listens(self._ports["kafka"]) and await can_log_in(self.kafka())

    async def _postgres_ready(self) -> bool:
        try:
            connection = await asyncpg.connect(self.dsn(ADMIN, "postgres"), timeout=2)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        await connection.close()
        return True

    def _progress_or_end(self, done: int, total: int) -> None:
        if self._ending:  # a thread cannot be cancelled, but it tells us of every piece that has come
            raise DeployError("The download was broken off; the next start begins it again.")
        self._progress(done, total)

    def _take(self) -> None:
        self._lock = locks.acquire_within(self.folder.lock, LOOK_SECONDS)
        if self._lock is None:
            holder = running(self.folder)
            who = f" (pid {holder.pid})" if holder else ""
            raise DeployError(
                f"Maodiao is already running in {self.folder.root}{who}. `maodiao status` shows it, `maodiao down` "
                f"stops it; another one needs another folder: --data."
            )
        me = identify(os.getpid())
        assert me is not None, "this process runs"
        write_json(self.folder.run / "supervisor", asdict(me))

    def _release(self) -> None:
        if self._lock is not None:
            (self.folder.run / "supervisor").unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None


async def _together(*work: Coroutine[None, None, None]) -> None:
    """Both or neither: when one fails, the other is ended before anybody hears of it, and starts nothing more."""
    tasks = [asyncio.ensure_future(w) for w in work]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def running(folder: DataFolder) -> Identity | None:
    """The process that runs the stack of a data folder, None if nobody does."""
    note = folder.run / "supervisor"
    if not locks.is_held(folder.lock) or not note.exists():
        return None
    return Identity(**json.loads(note.read_text()))
