"""The stack of containers as written: what must hold of every service, checked without an engine."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.compose.secrets import INIT, KEYS, USERS, draw, hand_out, kafka_files, lay, names
from deploy.init import REPOSITORY
from deploy.topology import SERVICES, SHARED_KEYS

OVERRIDES = sorted((REPOSITORY / "deploy" / "compose").glob("*.yaml"))
ONE_SHOT = {"secrets", "init", "demo"}
OURS = [service.name for service in SERVICES]


class _Loader(yaml.SafeLoader):
    """Compose's own tags (!override, !reset) change how files are merged, not what is written."""


def _untagged(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_object(node)


_Loader.add_multi_constructor("!", _untagged)


def _load(path: Path) -> dict[str, Any]:
    return yaml.load(path.read_text(encoding="utf-8"), _Loader)  # a SafeLoader, with inert tags


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    return _load(REPOSITORY / "docker-compose.yml")


@pytest.fixture(scope="module")
def services(stack: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return stack["services"]


def test_every_service_of_the_platform_and_its_foundations_is_there(services: dict[str, Any]) -> None:
    assert {*OURS, "kafka", "postgres", "prometheus", "init"} <= set(services)
    for name in OURS:
        assert services[name]["command"] == ["python", "-m", f"services.{name}"]


def test_each_service_is_its_own_user_everywhere(services: dict[str, Any]) -> None:
    for name in OURS:
        said, own = services[name]["environment"], f"/run/maodiao/{name}"
        assert services[name]["user"] == f"{USERS[name]}:{USERS[name]}"
        assert said["MAODIAO_KAFKA_USER"] == name
        assert said["MAODIAO_KAFKA_PASSWORD_FILE"] == f"{own}/{name}"
        assert said["MAODIAO_DSN"].startswith(f"postgresql://{name}@postgres:5432/")
        assert said["MAODIAO_DSN_PASSWORD_FILE"] == f"{own}/postgres-{name}"
        assert said["MAODIAO_SECRETS_DIR"] == own
    assert services["init"]["user"] == f"{USERS[INIT]}:{USERS[INIT]}"
    assert len(set(USERS.values())) == len(USERS)


def test_only_the_portal_publishes_a_port_and_only_to_this_machine(services: dict[str, Any]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert list(published) == ["portal"]
    assert published["portal"] == ["${MAODIAO_BIND:-127.0.0.1}:${MAODIAO_PORT:-8080}:8080"]


def test_what_needs_no_way_out_has_none(stack: dict[str, Any]) -> None:
    assert stack["networks"]["inside"]["internal"] is True
    out = {name for name, service in stack["services"].items() if "outside" in service.get("networks", [])}
    assert out == {"notify", "portal"}


def test_everything_has_a_memory_limit_few_rights_and_bounded_logs(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert re.fullmatch(r"\d+[mg]", service["mem_limit"]), name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["read_only"] is True, name
        assert "max-size" in service["logging"]["options"], name


def test_what_runs_on_is_watched_and_started_again(services: dict[str, Any]) -> None:
    for name in services.keys() - ONE_SHOT:
        assert services[name]["healthcheck"]["test"][0] == "CMD", name
        assert services[name]["restart"] == "unless-stopped", name
    for name in ONE_SHOT & services.keys():
        assert "restart" not in services[name], name


def test_what_is_scaled_has_neither_a_name_nor_a_port_of_its_own(services: dict[str, Any]) -> None:
    for name in ("intake", "routing", "escalation", "notify"):
        assert "container_name" not in services[name]
        assert "ports" not in services[name]
        assert "MAODIAO_INSTANCE" not in services[name]["environment"], "the entry point takes it from the host name"


def test_services_wait_for_init_and_init_for_both_servers(services: dict[str, Any]) -> None:
    for name in OURS:
        assert services[name]["depends_on"]["init"] == {"condition": "service_completed_successfully"}
    assert services["init"]["depends_on"] == {
        "kafka": {"condition": "service_healthy"},
        "postgres": {"condition": "service_healthy"},
    }


@pytest.mark.parametrize("path", [REPOSITORY / "docker-compose.yml", *OVERRIDES], ids=lambda path: path.name)
def test_no_secret_stands_in_a_file(path: Path) -> None:
    for name, service in (_load(path).get("services") or {}).items():
        for key, value in (service.get("environment") or {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|CREDENTIAL|KEY(?!STORE_TYPE)", key):
                assert str(value).startswith(("/run/maodiao/", "/etc/kafka/tls/")), (name, key)
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"password\s*=\s*\S", text)
    assert not re.search(r"://[^/\s@]+:[^/\s@]+@", text), "a password in an address"


def test_three_brokers_keep_three_copies_and_are_known_to_everybody() -> None:
    services = _load(REPOSITORY / "deploy" / "compose" / "three-brokers.yaml")["services"]
    brokers = [name for name in services if name.startswith("kafka")]
    assert len(brokers) == 3
    volumes = [services[name].get("volumes", ["kafka-data"])[0].partition(":")[0] for name in brokers]
    assert len(set(volumes)) == 3, "each broker has its own disk"
    for name in brokers:
        said = services[name]["environment"]
        assert said["KAFKA_CONTROLLER_QUORUM_VOTERS"] == ",".join(f"{n}@{b}:9093" for n, b in enumerate(brokers, 1))
        assert said["KAFKA_MIN_INSYNC_REPLICAS"] == 2
    assert services["init"]["environment"]["MAODIAO_REPLICATION"] == 3
    for name in [*OURS, "init", "demo"]:
        assert services[name]["environment"]["MAODIAO_KAFKA"] == ",".join(f"{b}:9092" for b in brokers), name


def test_the_build_is_told_of_every_file_that_it_copies() -> None:
    sent = set(re.findall(r"^!(\S+)", (REPOSITORY / ".dockerignore").read_text(), re.MULTILINE))
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (REPOSITORY / "deploy" / "Dockerfile").read_text(), re.MULTILINE)
    assert {name for line in copied for name in line.split()} == sent


def test_both_locks_say_the_same() -> None:
    def pinned(file: str) -> set[str]:
        return set(re.findall(r"^(\S+==\S+)", (REPOSITORY / file).read_text(), re.MULTILINE))

    assert pinned("requirements-runtime.lock") <= pinned("requirements.lock")


def test_the_image_gets_all_that_the_services_and_the_demo_name() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = {
        re.split(r"[<>=\[ ]", name)[0] for name in project["dependencies"] + project["optional-dependencies"]["demo"]
    }
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (REPOSITORY / "requirements-runtime.lock").read_text(), re.MULTILINE))
    assert {name.lower() for name in wanted} <= pinned


def test_the_demo_plays_from_inside_as_everybody_and_receives_the_mail(services: dict[str, Any]) -> None:
    demo = services["demo"]
    assert (demo["profiles"], demo["networks"]) == (["demo"], {"inside": {"aliases": ["mailbox"]}})
    assert demo["environment"]["MAODIAO_SECRETS_DIR"] == f"/run/maodiao/{INIT}"
    assert demo["volumes"] == ["secrets:/run/maodiao:ro"] and "ports" not in demo


def test_routing_and_escalation_run_on_faust_unless_a_setting_says_otherwise(services: dict[str, Any]) -> None:
    set_ = {name: services[name]["environment"].get("MAODIAO_TRANSPORT") for name in OURS}
    assert {name: said for name, said in set_.items() if said} == dict.fromkeys(
        ("routing", "escalation"), "${MAODIAO_TRANSPORT:-faust}"
    )


def _known(systems: tuple[str, ...] = ("demo311",)) -> dict[str, str]:
    return {name: f"secret-of-{name}" for name in names(systems)}


def test_a_service_gets_its_own_secrets_and_no_others() -> None:
    handed = hand_out(_known(), ("demo311",))
    for service in OURS:
        got = {file.path for file in handed if file.reader == service}
        assert got == {service, f"postgres-{service}", *KEYS[service]}
    assert {file.path for file in handed if file.reader == "postgres"} == {"postgres"}
    opens_what_is_sealed = {file.reader for file in handed if file.path in ("vault_key", "index_key")}
    assert opens_what_is_sealed == {INIT, "intake"}
    assert all(file.content == f"secret-of-{file.path}" for file in handed)


def test_every_shared_key_is_read_by_somebody() -> None:
    assert {key for keys in KEYS.values() for key in keys} == set(SHARED_KEYS)


def test_kafka_learns_its_super_users_and_nobody_else() -> None:
    text = "".join(file.content for file in kafka_files(_known()))
    assert set(re.findall(r"secret-of-([\w-]+)", text)) == {"admin", "broker", "controller"}


def test_secrets_are_private_and_a_second_run_keeps_them(tmp_path: Path) -> None:
    fresh = iter(range(1000))
    for _ in range(2):
        known = draw(tmp_path / INIT, ["demo311"], lambda: f"drawn-{next(fresh)}")
        handed = hand_out(known, ["demo311"])
        lay(tmp_path / INIT, [file for file in handed if file.reader == INIT], None)
    assert next(fresh) == len(names(["demo311"])), "drawn once each"
    assert tmp_path.joinpath(INIT).stat().st_mode & 0o777 == 0o700
    for name in names(["demo311"]):
        assert tmp_path.joinpath(INIT, name).stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("**/*.new"))


def test_a_further_outside_system_leaves_the_rest_as_it_was(tmp_path: Path) -> None:
    fresh = iter(range(1000))
    first = draw(tmp_path, ["demo311"], lambda: f"drawn-{next(fresh)}")
    lay(tmp_path, [file for file in hand_out(first, ["demo311"]) if file.reader == INIT], None)
    second = draw(tmp_path, ["demo311", "hotline"], lambda: f"drawn-{next(fresh)}")
    assert {name: second[name] for name in first} == first
    assert second.keys() - first.keys() == {"hotline"}
