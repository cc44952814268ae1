"""How each service process is started on the embedded stack. Pure."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.init import Server
from deploy.processes.launch import ServiceSpec

HOST: Final = "127.0.0.1"
ON_FAUST: Final = ("routing", "escalation")
"""Run on Faust unless MAODIAO_TRANSPORT says otherwise; the rest on aiokafka."""

_INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the processes are told: where the servers are, which ports are theirs, which files hold their secrets."""

    bootstrap: str
    server: Server
    database: str
    secrets: Path
    policy: Path
    ports: Mapping[str, int]
    systems: Sequence[str]
    repository: Path
    environment: Mapping[str, str]
    extra: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def instances(services: Sequence[str], scale: Mapping[str, int]) -> list[str]:
    """Names of the processes: `routing-1`, `routing-2`, and so on.

    Raises:
        ValueError: `scale` names a service that is not there.
    """
    unknown = set(scale) - set(services)
    if unknown:
        raise ValueError(f"no such service: {', '.join(sorted(unknown))}")
    return [f"{service}-{n}" for service in services for n in range(1, scale.get(service, 1) + 1)]


def service_of(instance: str) -> str:
    """The service that a process belongs to."""
    return instance.rpartition("-")[0]


def service_specs(names: Sequence[str], wiring: Wiring) -> list[ServiceSpec]:
    """The processes to run.

    Args:
        names: of the processes (`instances`); each needs a port in `wiring.ports`.
        wiring: what they are told; `extra` holds further variables by service.
    """
    urls = {
        f"MAODIAO_{service_of(name).upper()}_URL": f"http://{HOST}:{port}"
        for name, port in wiring.ports.items()
        if name.endswith("-1")
    }
    return [_spec(name, wiring, urls) for name in names]


def _spec(name: str, wiring: Wiring, urls: Mapping[str, str]) -> ServiceSpec:
    service, port = service_of(name), wiring.ports[name]
    environment = {key: wiring.environment[key] for key in _INHERITED if key in wiring.environment}
    environment["PYTHONUNBUFFERED"] = "1"
    if service in ON_FAUST:
        environment["MAODIAO_TRANSPORT"] = "faust"
    environment |= {key: value for key, value in wiring.environment.items() if key.startswith("MAODIAO_")}
    environment |= urls
    environment |= {
        "MAODIAO_KAFKA": wiring.bootstrap,
        "MAODIAO_KAFKA_USER": service,
        "MAODIAO_KAFKA_PASSWORD_FILE": str(wiring.secrets / service),
        "MAODIAO_DSN": wiring.server.dsn(service, wiring.database),
        "MAODIAO_DSN_PASSWORD_FILE": str(wiring.secrets / f"postgres-{service}"),
        "MAODIAO_SECRETS_DIR": str(wiring.secrets),
        "MAODIAO_HTTP_HOST": HOST,
        "MAODIAO_HTTP_PORT": str(port),
        "MAODIAO_POLICY_DIR": str(wiring.policy),
        "MAODIAO_INSTANCE": name,
        "MAODIAO_SYSTEMS": ",".join(wiring.systems),
    }
    environment |= wiring.extra.get(service, {})
    return ServiceSpec(
        name=name,
        argv=[sys.executable, "-m", f"services.{service}"],
        env=environment,
        health_url=f"http://{HOST}:{port}/readyz",
        port=port,
        cwd=wiring.repository,
    )
