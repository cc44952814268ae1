"""Lag and alarms as Prometheus metrics, under the names in use by Kafka's exporters.

A collector gives what is there now: the series of a group or member that is gone disappear by themselves, and no
series ever holds NaN.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from services.kernel.clock import Clock
from services.oversight.core.audit import Reason
from services.oversight.core.lag import State
from services.oversight.doors.auditor import Auditor, MarkEar
from services.oversight.doors.lagwatch import LagReport, LagWatch

_PLACE = ("consumergroup", "topic", "partition")


class OversightMetrics(Collector):
    """See the module."""

    def __init__(self, watch: LagWatch, auditor: Auditor, marks: MarkEar, clock: Clock) -> None:
        self._watch, self._auditor, self._marks, self._clock = watch, auditor, marks, clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All of it, as of the last look and the last audit."""
        if (report := self._watch.report) is not None:
            yield from _lag(report)
            yield from _groups(report)
            age = GaugeMetricFamily("maodiao_lag_look_age_seconds", "Age of the last look at the broker")
            age.add_metric([], (self._clock.now() - report.as_of).total_seconds())
            yield age
        alarms = GaugeMetricFamily("maodiao_alarm", "Findings of the last audit", labels=["reason"])
        found = {alarm.reason: alarm.count for alarm in self._auditor.alarms}
        for reason in Reason:
            alarms.add_metric([reason.value], found.get(reason, 0))
        yield alarms
        if self._auditor.as_of is not None:
            audited = GaugeMetricFamily("maodiao_audit_age_seconds", "Age of the last audit")
            audited.add_metric([], (self._clock.now() - self._auditor.as_of).total_seconds())
            yield audited
        marks = GaugeMetricFamily("maodiao_mark_age_seconds", "Age of the newest progress mark heard", labels=["relay"])
        for relay, upto in self._marks.newest.items():
            marks.add_metric([relay], (self._clock.now() - upto).total_seconds())  # below 0: a clock was set back
        yield marks


def _lag(report: LagReport) -> Iterator[GaugeMetricFamily]:
    records = GaugeMetricFamily("kafka_consumergroup_lag", "Records not yet committed", labels=_PLACE)
    current = GaugeMetricFamily("kafka_consumergroup_current_offset", "Committed offset", labels=_PLACE)
    seconds = GaugeMetricFamily(
        "kafka_consumergroup_lag_seconds", "Age of the oldest record not yet committed", labels=_PLACE
    )
    for place in report.partitions:
        labels = [place.group, place.topic, str(place.partition)]
        records.add_metric(labels, place.lag)
        current.add_metric(labels, place.current)
        if place.seconds is not None:
            seconds.add_metric(labels, place.seconds)
    yield from (records, current, seconds)


def _groups(report: LagReport) -> Iterator[GaugeMetricFamily]:
    members = GaugeMetricFamily("kafka_consumergroup_members", "Members of the group", labels=["consumergroup"])
    states = GaugeMetricFamily(
        "maodiao_consumergroup_state", "1 for the state that the group is in", labels=["consumergroup", "state"]
    )
    for group in report.groups:
        members.add_metric([group.group], group.members)
        for state in State:
            states.add_metric([group.group, state.value], float(group.state is state))
    yield from (members, states)
