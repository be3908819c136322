"""The `started` record of every deciding service (PROTOCOL section 3): with which configuration and code it speaks from now on."""

from __future__ import annotations

from collections.abc import Mapping

from opendt_streams.assembly import started_now
from opendt_streams.errors import BadConfiguration
from opendt_streams.model.canonical import JSON
from opendt_streams.streams.deployment import Deployment
from opendt_streams.streams.log import LogReader
from opendt_streams.streams.publisher import Publisher
from opendt_streams.wire import topics
from opendt_streams.wire.system import Started, read_started


async def announce(service: str, deployment: Deployment, publisher: Publisher, reader: LogReader) -> None:
    """Write the `started` record; from now on the publisher's headers carry its digest.

    Raises:
        BadConfiguration: the service's first record here says something else that decides: the state would not replay.
    """
    value = started_now(service, deployment.settings)
    datacenter = deployment.datacenter
    async for record in reader.read(topics.CONFIG, deployment.partition):
        first = read_started(record.value)
        if first is not None and first.service == service and record.key == datacenter.encode():
            _require_same(first, value)
            break
    publisher.config_digest = str(value["id"])
    await publisher.send(topics.CONFIG, str(value["id"]), "started", value, datacenter, deployment.partition, {})
    await publisher.acknowledged()


def _require_same(first: Started, now: Mapping[str, JSON]) -> None:
    for key in ("code_version", "engine", "engine_version", "deciding"):
        if getattr(first, key) != now[key]:
            raise BadConfiguration(
                f"this run was started with {key} {getattr(first, key)}, not {now[key]}",
                hint="Resume it with what it was started with, or start a new run.",
            )
