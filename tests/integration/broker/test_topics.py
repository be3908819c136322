"""Declared topics have the settings that were asked for; what nobody declared does not exist."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from opendt_streams.broker import MAX_MESSAGE_BYTES, TopicSettings, bootstrap_servers, declare, reachable
from opendt_streams.errors import BadConfiguration

REQUEST_BYTES = 16 * 2**20


async def settings_of(url: str, topic: str) -> dict[str, str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers(url))
    await admin.start()
    try:
        answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    finally:
        await admin.close()
    return {entry[0]: entry[1] for answer in answers for resource in answer.resources for entry in resource[4]}


async def partitions_of(url: str, topic: str) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers(url))
    await admin.start()
    try:
        return len((await admin.describe_topics([topic]))[0]["partitions"])
    finally:
        await admin.close()


async def test_the_settings_arrive(broker_url: str) -> None:
    short = TopicSettings(retention_ms=3_600_000, compacted=True)
    await declare(broker_url, {"settings.kept": TopicSettings(), "settings.short": short}, partitions=3)
    kept = await settings_of(broker_url, "settings.kept")
    assert (kept["retention.ms"], kept["cleanup.policy"]) == ("-1", "delete")
    other = await settings_of(broker_url, "settings.short")
    assert (other["retention.ms"], other["cleanup.policy"]) == ("3600000", "compact")
    assert await partitions_of(broker_url, "settings.kept") == 3


async def test_declaring_again_changes_nothing_and_adds_what_is_missing(broker_url: str) -> None:
    await declare(broker_url, {"again.one": TopicSettings(retention_ms=3_600_000)}, partitions=2)
    await declare(broker_url, {"again.one": TopicSettings(), "again.two": TopicSettings()}, partitions=2)
    assert (await settings_of(broker_url, "again.one"))["retention.ms"] == "3600000"
    assert await partitions_of(broker_url, "again.two") == 2


async def test_two_may_declare_at_once(broker_url: str) -> None:
    topics = {f"race.{number}": TopicSettings() for number in range(5)}
    await asyncio.gather(*(declare(broker_url, topics, partitions=1) for _ in range(4)))
    assert await partitions_of(broker_url, "race.4") == 1


async def test_another_partition_count_is_refused(broker_url: str) -> None:
    await declare(broker_url, {"count": TopicSettings()}, partitions=2)
    with pytest.raises(BadConfiguration, match="count: the topic has 2 partitions; expected 1"):
        await declare(broker_url, {"count": TopicSettings()}, partitions=1)


@pytest.mark.parametrize(("topic", "settings"), [("not a name", TopicSettings()), ("bad.setting", TopicSettings(retention_ms=-7))])
async def test_what_the_cluster_refuses_is_named(broker_url: str, topic: str, settings: TopicSettings) -> None:
    with pytest.raises(BadConfiguration, match=f"{topic}: the cluster refuses"):
        await declare(broker_url, {topic: settings}, partitions=1)


async def test_nothing_to_declare_needs_no_broker() -> None:
    await declare("kafka://127.0.0.1:1", {}, partitions=1)


async def test_an_undeclared_topic_does_not_appear(broker_url: str) -> None:
    servers = bootstrap_servers(broker_url)
    async with AIOKafkaProducer(bootstrap_servers=servers, request_timeout_ms=500) as producer:
        with pytest.raises((KafkaError, asyncio.TimeoutError)):
            await producer.send_and_wait("nobody.declared.this", b"x")
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    assert "nobody.declared.this" not in await admin.list_topics()
    await admin.close()


@pytest.mark.parametrize("size_bytes", [0, 9 * 10**6, MAX_MESSAGE_BYTES])
async def test_messages_up_to_10_mib_pass(broker_url: str, size_bytes: int) -> None:
    topic, servers = f"size.{size_bytes}", bootstrap_servers(broker_url)
    await declare(broker_url, {topic: TopicSettings()}, partitions=1)
    value = bytes(size_bytes)
    async with AIOKafkaProducer(bootstrap_servers=servers, max_request_size=REQUEST_BYTES) as producer:
        await producer.send_and_wait(topic, value, key=b"SURF", headers=[("ce_id", b"x" * 200)], partition=0)
    async with AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        assert (await consumer.getone()).value == value


async def test_a_message_over_the_limit_is_refused_by_the_broker(broker_url: str) -> None:
    await declare(broker_url, {"size.over": TopicSettings()}, partitions=1)
    servers = bootstrap_servers(broker_url)
    async with AIOKafkaProducer(bootstrap_servers=servers, max_request_size=REQUEST_BYTES) as producer:
        with pytest.raises(MessageSizeTooLargeError):
            await producer.send_and_wait("size.over", bytes(MAX_MESSAGE_BYTES + 2**20))


async def test_many_large_messages_at_once_do_not_kill_it(broker_url: str) -> None:
    await declare(broker_url, {"size.many": TopicSettings()}, partitions=1)
    servers = bootstrap_servers(broker_url)

    async def produce() -> None:
        async with AIOKafkaProducer(bootstrap_servers=servers, max_request_size=REQUEST_BYTES) as producer:
            for _ in range(3):
                await producer.send_and_wait("size.many", bytes(MAX_MESSAGE_BYTES))

    await asyncio.gather(*(produce() for _ in range(8)))
    await reachable(broker_url)


async def test_of_several_servers_one_is_enough(broker_url: str) -> None:
    await reachable(f"kafka://127.0.0.1:1;{broker_url}")


def test_the_fixture_serves_plain_tests_too(broker_url: str) -> None:
    assert broker_url.startswith("kafka://127.0.0.1:")
