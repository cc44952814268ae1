"""What a sender counts."""

from __future__ import annotations

import asyncio

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from services.kernel.store import Unavailable
from services.kernel.telemetry import BUCKETS, Logger
from services.notify.store.deliveries import Claim, Deliveries

_LOOK_EVERY_S = 5.0


class SenderMetrics:
    """Attempts by channel and result (told, retry, refused, unanswered, no_contact, called_off), and waits."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._results = Counter(
            "maodiao_deliveries", "Attempts to tell somebody", ["channel", "purpose", "result"], registry=registry
        )
        self._waited = Histogram(
            "maodiao_told_seconds",
            "From the call to the channel's yes",
            ["purpose"],
            buckets=BUCKETS,
            registry=registry,
        )
        self.due = Gauge("maodiao_deliveries_due", "Deliveries that wait", registry=registry)
        self.oldest = Gauge("maodiao_deliveries_oldest_seconds", "Age of the oldest that waits", registry=registry)

    def count(self, claim: Claim, result: str) -> None:
        self._results.labels(claim.channel, claim.key.purpose, result).inc()

    def told(self, claim: Claim) -> None:
        self.count(claim, "told")
        self._waited.labels(claim.key.purpose).observe(claim.waited.total_seconds())


async def keep_gauges(deliveries: Deliveries, metrics: SenderMetrics, log: Logger) -> None:
    """Look from time to time what waits, until cancelled."""
    while True:
        try:
            many, age = await deliveries.waiting()
            metrics.due.set(many)
            metrics.oldest.set(age)
        except Unavailable as fault:
            log.warning("what waits can't be counted", fault=str(fault))
        await asyncio.sleep(_LOOK_EVERY_S)
