"""Which partition a key goes to: the default of Kafka's own clients, so that every writer and tool agrees."""

from __future__ import annotations

from aiokafka.partitioner import murmur2

PARTITIONS = 24  # of every case topic, fixed when topics are made: a change would move subjects between logs


def partition_of(key: str, partitions: int = PARTITIONS) -> int:
    """Kafka's murmur2 partitioner, for a key in UTF-8."""
    return int(murmur2(key.encode()) & 0x7FFFFFFF) % partitions
