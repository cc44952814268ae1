"""The declarations say what the design says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.topology import (
    CORE_TOPICS,
    DAY_MS,
    HOUR_MS,
    PARTITIONS,
    SERVICES,
    SUPER_USERS,
    Acl,
    Operation,
    Pattern,
    Resource,
    Topology,
    topology,
)

TOP = topology(("demo311", "police"))
names = st.from_regex(r"[a-z][a-z0-9]{2,30}", fullmatch=True)


def users(top: Topology, operation: Operation, topic: str) -> set[str]:
    return {a.user for a in top.acls if a.operation is operation and a.resource is Resource.TOPIC and a.name == topic}


@pytest.mark.parametrize(
    ("topic", "writers", "readers"),
    [
        ("case.intake", {"intake"}, {"intake", "routing", "escalation", "notify", "oversight"}),
        ("case.routing", {"routing"}, {"routing", "intake", "oversight"}),
        ("case.escalation", {"escalation"}, {"escalation", "intake", "notify", "oversight"}),
        ("case.notify", {"notify"}, {"notify", "intake", "oversight"}),
        ("directory", {"routing"}, {"routing", "intake", "escalation", "notify", "oversight"}),
        ("progress", {"intake"}, {"intake", "routing", "escalation", "notify", "oversight"}),
        ("inbound.demo311", {"demo311"}, {"intake"}),
        ("outbound.demo311", {"intake"}, {"demo311", "intake"}),
        ("inbound.police", {"police"}, {"intake"}),
        ("outbound.police", {"intake"}, {"police", "intake"}),
    ],
)
def test_each_topic_has_one_writer_and_its_readers(topic: str, writers: set[str], readers: set[str]) -> None:
    assert users(TOP, Operation.WRITE, topic) == writers
    assert users(TOP, Operation.READ, topic) == readers


def test_the_table_above_leaves_no_topic_out() -> None:
    assert {t.name for t in TOP.topics} == {
        *(t.name for t in CORE_TOPICS),
        *(f"{way}.{system}" for way in ("inbound", "outbound") for system in ("demo311", "police")),
    }


def test_partitions_and_retention_are_as_agreed() -> None:
    topics = {t.name: t for t in TOP.topics}
    assert {t.partitions for t in TOP.topics if t.name != "progress"} == {PARTITIONS}
    assert topics["progress"].partitions == 1
    assert topics["progress"].config()["retention.ms"] == str(HOUR_MS)
    assert topics["inbound.demo311"].config()["retention.ms"] == str(7 * DAY_MS)
    assert topics["directory"].config()["cleanup.policy"] == "compact"
    for_ever = {n for n, t in topics.items() if t.config()["retention.ms"] == "-1"}
    assert for_ever == set(topics) - {"progress", "inbound.demo311", "inbound.police"}


def test_only_intake_reads_what_may_hold_personal_data() -> None:
    readers = [a for a in TOP.acls if a.operation is Operation.READ and a.resource is Resource.TOPIC]
    assert not [a for a in readers if a.name == "*" or a.pattern is Pattern.PREFIXED]
    assert {a.user for a in readers if a.name.startswith("inbound.")} == {"intake"}


def test_only_oversight_looks_at_the_groups_of_others() -> None:
    foreign = [a for a in TOP.acls if a.resource is Resource.GROUP and a.name != a.user]
    assert foreign == [Acl("oversight", Operation.DESCRIBE, Resource.GROUP, "*")]


def test_every_outside_system_has_a_quota_and_no_role() -> None:
    assert {q.user for q in TOP.quotas} == {"demo311", "police"}
    assert {r.name for r in TOP.roles} == {s.name for s in SERVICES}
    assert all(r.schemas == (r.name, f"{r.name}_state") for r in TOP.roles)


@given(st.lists(names, max_size=4, unique=True))
def test_no_two_users_share_consumer_groups(systems: list[str]) -> None:
    """A group belongs to the user whose name begins it, so no service's or super user's name may begin another's."""
    try:
        top = topology(systems)
    except ValueError:
        return
    ours = {*(s.name for s in top.services), *SUPER_USERS}
    for system in top.systems:
        assert not [o for o in ours if o.startswith(system) or system.startswith(o)]


@pytest.mark.parametrize("name", ["Demo", "d", "in-take", "intake2", "int", "admin1", "police.x", ""])
def test_a_name_that_would_open_the_groups_of_others_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="outside system"):
        topology((name,))


def test_a_system_named_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        topology(("police", "police"))
