"""The broker: an embedded Apache Kafka for one machine, or the user's cluster; declaring topics on either.

    with EmbeddedBroker(run_dir / "kafka", run_dir / "logs") as broker:
        await declare(broker.url, {"dc.workload": TopicSettings()}, partitions=1)

Nothing outside this package knows whether a `kafka://` address is the embedded broker's or a cluster's.
"""

from opendt_streams.broker.address import bootstrap_servers, reachable, require_reachable
from opendt_streams.broker.embedded import EmbeddedBroker
from opendt_streams.broker.folder import LogInUse
from opendt_streams.broker.properties import HEADROOM_BYTES, MAX_MESSAGE_BYTES
from opendt_streams.broker.run_log import attach_or_start, embedded_broker, live_broker, publish, retract
from opendt_streams.broker.topics import TopicSettings, declare

__all__ = [
    "HEADROOM_BYTES",
    "MAX_MESSAGE_BYTES",
    "EmbeddedBroker",
    "LogInUse",
    "TopicSettings",
    "attach_or_start",
    "bootstrap_servers",
    "declare",
    "embedded_broker",
    "live_broker",
    "publish",
    "reachable",
    "require_reachable",
    "retract",
]
