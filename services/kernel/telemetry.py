"""What the kernel tells operators: by log lines and as metrics. Never personal data."""

from __future__ import annotations

import structlog
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from services.kernel.core import Bad, I, Incoming
from services.kernel.fold import Outcome

Logger = structlog.stdlib.BoundLogger

# Lateness and latency in seconds: fine below a second, coarse above.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class ProcessorMetrics:
    """What one processor counts."""

    def __init__(self, service: str, registry: CollectorRegistry = REGISTRY) -> None:
        self._records = Counter("maodiao_records", "Records by outcome", ["service", "outcome"], registry=registry)
        self._outcomes = {outcome: self._records.labels(service, outcome.value) for outcome in Outcome}
        self._unknown = Counter("maodiao_unknown", "Records not fully known", ["what"], registry=registry)
        self._warned = set[str]()
        fired = Counter("maodiao_subjects_fired", "Subjects with limits fired by marks", ["service"], registry=registry)
        self.fired = fired.labels(service)
        self.unavailable = Counter("maodiao_database_faults", "Faults of the database", ["fault"], registry=registry)

    def count(self, outcome: Outcome, read: Incoming[I] | Bad) -> None:
        """A record was written as applied, repeated or parked."""
        self._outcomes[outcome].inc()
        if isinstance(read, Incoming) and read.unknown:
            self._unknown.labels(read.unknown).inc()
            if read.unknown not in self._warned:  # once a process: the metric says how many
                self._warned.add(read.unknown)
                structlog.get_logger().warning("passed over: this release does not know it", what=read.unknown)


class RelayMetrics:
    """What one relay counts; the age of its newest mark is what `timer silent` looks at."""

    def __init__(self, service: str, registry: CollectorRegistry = REGISTRY) -> None:
        by = ["service"]
        published = Counter("maodiao_published", "Events acknowledged by the broker", by, registry=registry)
        failures = Counter("maodiao_publish_failures", "Rounds cut short", by, registry=registry)
        lanes = Gauge("maodiao_relay_partitions", "Partitions that this relay holds", by, registry=registry)
        mark = Gauge("maodiao_mark_upto_seconds", "Newest mark, Unix time", by, registry=registry)
        rounds = Histogram("maodiao_relay_round_seconds", "Time of a round", by, buckets=BUCKETS, registry=registry)
        self.published, self.failures = published.labels(service), failures.labels(service)
        self.lanes, self.mark, self.round = lanes.labels(service), mark.labels(service), rounds.labels(service)
