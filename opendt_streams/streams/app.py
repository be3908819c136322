"""Making Faust applications with the settings that were measured to work (docs: reference of each below)."""

from __future__ import annotations

import random
from typing import Any

import faust
from mode.utils.logging import CompositeLogger

from opendt_streams.broker import declare
from opendt_streams.broker.ports import free_port
from opendt_streams.streams.deployment import Deployment
from opendt_streams.wire.topics import MAX_RECORD_BYTES


class App(faust.App):  # type: ignore[misc]
    """A Faust application that declares every topic before its consumer subscribes.

    Faust itself leaves that to the broker, which makes topics with a partition count of its own; then source and changelog do not
    match, and the agent restarts for ever.
    """

    deployment: Deployment
    log: CompositeLogger

    async def on_first_start(self) -> None:
        await super().on_first_start()
        settings = self.deployment.settings.kafka
        await declare(self.deployment.url, self.deployment.topic_settings(), settings.partitions)


def create_app(service: str, deployment: Deployment) -> App:
    """The application of a service: its id (with the namespace) is its consumer group and the prefix of its tables."""
    kafka = deployment.settings.kafka
    data = deployment.run_dir / "faust" / service
    data.mkdir(parents=True, exist_ok=True)
    app = App(
        kafka.topic(service),
        broker=deployment.url,
        # One folder per worker: workers cannot share a RocksDB. Faust takes what is in braces for a setting of its own.
        datadir=str(data).replace("{", "{{").replace("}", "}}"),
        store="rocksdb://?driver=rocksdict",
        topic_partitions=kafka.partitions,
        topic_replication_factor=kafka.replication_factor,
        topic_allow_declare=True,
        topic_disable_leader=True,
        table_standby_replicas=0,  # a standby's rows stay empty for long; restarts rebuild from the changelog instead
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=2 * MAX_RECORD_BYTES,
        producer_max_request_size=MAX_RECORD_BYTES,
        producer_linger_ms=5,
        broker_session_timeout=6,  # the default minute is how long a worker waits after a kill -9 of its predecessor
        broker_heartbeat_interval=1,
        broker_commit_interval=1.0,
        broker_max_poll_records=5_000,
        stream_buffer_maxsize=65_536,  # at least five polls, else one slow agent starves the others
        stream_wait_empty=False,  # the default waits for an empty buffer: 300 events/s, and a stop that can hang
        web_enabled=False,
        web_host="127.0.0.1",  # `faust worker` starts its web server all the same: not for the network, and on a port of its own
        web_port=free_port(random.Random()),
    )
    app.deployment = deployment
    return app


def raw_topic(app: App, name: str) -> Any:
    """A topic whose values stay bytes: decoding is `wire.decode`'s, which never raises."""
    return app.topic(
        app.deployment.topic(name), key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", allow_empty=True
    )
