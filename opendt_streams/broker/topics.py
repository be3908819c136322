"""Declaring topics: made once with their settings, left alone when they are there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from opendt_streams.broker.address import bootstrap_servers, reachable
from opendt_streams.broker.properties import FOR_EVER, HEADROOM_BYTES, MAX_MESSAGE_BYTES
from opendt_streams.errors import BadConfiguration, BrokerUnavailable

BROKER_DEFAULT = -1
VISIBLE_TIMEOUT_S = 30.0
LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """How one topic is kept.

    Attributes:
        retention_ms: how long records stay; -1 keeps them for ever, which is what a log that is the truth needs.
        compacted: keep only the last record of each key.
        max_message_bytes: the largest record the topic takes, headers and framing included.
        replication_factor: -1 leaves it to the cluster.
    """

    retention_ms: int = FOR_EVER
    compacted: bool = False
    max_message_bytes: int = MAX_MESSAGE_BYTES + HEADROOM_BYTES
    replication_factor: int = BROKER_DEFAULT

    def config(self) -> dict[str, str]:
        """In Kafka's words."""
        return {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(self.max_message_bytes),
        }


async def declare(url: str, topics: Mapping[str, TopicSettings], partitions: int) -> None:
    """Make the topics that are missing, each with `partitions`; return when all of them can be written and read.

    A topic that exists keeps its settings (they may be the administrator's), but must have as many partitions.

    Raises `BadConfiguration` for another partition count or settings the cluster refuses, `BrokerUnavailable` when the
    cluster does not answer, `BadInput` for a bad address.
    """
    if not topics:
        return
    await reachable(url)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers(url), client_id="opendt")
    try:
        await admin.start()
        await _create(admin, topics, partitions)
        await _until_led(admin, url, list(topics), partitions)
    except KafkaError as error:
        raise BrokerUnavailable(f"the topics could not be declared: {error}", where=url, hint="Check the state of the cluster") from error
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, topics: Mapping[str, TopicSettings], partitions: int) -> None:
    wanted = []
    for name, settings in topics.items():
        topic = NewTopic(name, partitions, 1, topic_configs=settings.config())
        topic.replication_factor = settings.replication_factor  # the constructor refuses -1, Kafka takes it
        wanted.append(topic)
    answer = await admin.create_topics(wanted)
    for name, code, *message in answer.topic_errors:
        problem = for_code(code)
        if code and problem is not TopicAlreadyExistsError:
            raise BadConfiguration(
                f"the cluster refuses the topic: {next(filter(None, message), problem.__name__)}",
                where=name,
                hint="Change the topic's settings or the cluster's, or make the topic by hand",
            )


async def _until_led(admin: AIOKafkaAdminClient, url: str, names: list[str], partitions: int) -> None:
    """A created topic is known before its partitions have leaders; until then a client would get errors."""
    deadline = time.monotonic() + VISIBLE_TIMEOUT_S
    while waiting := [topic["topic"] for topic in await admin.describe_topics(names) if not _led(topic, partitions)]:
        if time.monotonic() >= deadline:
            raise BrokerUnavailable(
                f"no leader for {', '.join(waiting)} after {VISIBLE_TIMEOUT_S:.0f} s",
                where=url,
                hint="Check the state of the cluster",
            )
        await asyncio.sleep(LOOK_S)


def _led(topic: Mapping[str, Any], partitions: int) -> bool:
    found = topic["partitions"]
    if topic["error_code"] or not found or any(partition["error_code"] for partition in found):
        return False
    if len(found) != partitions:
        raise BadConfiguration(
            f"the topic has {len(found)} partition{'s' if len(found) > 1 else ''}",
            expected=f"{partitions}, as all topics of a run have the same number",
            where=str(topic["topic"]),
            hint=f"Set the partitions to {len(found)}, use another --namespace, or delete the topic",
        )
    return True
