"""Where a service runs: its run folder, the broker it talks to, its settings. Every service is started with this and nothing else."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import uuid4

import yaml
from aiokafka.partitioner import murmur2

from opendt_streams.broker import TopicSettings, live_broker, publish
from opendt_streams.errors import BadConfiguration, BrokerUnavailable
from opendt_streams.paths import settled
from opendt_streams.settings import Settings, effective_document, load
from opendt_streams.wire import topics

RUN_DIR_VARIABLE: Final = "OPENDT_RUN_DIR"
CONFIG_FILE: Final = "config.yaml"


@dataclass(frozen=True, slots=True)
class Deployment:
    run_dir: Path
    settings: Settings
    url: str

    @classmethod
    def open(cls, run_dir: Path, config: Path | None = None, flags: Mapping[str, object] | None = None) -> Deployment:
        """From a run folder: its config.yaml (or `config`), overridden by the environment and flags; its live broker or the user's."""
        kept = run_dir / CONFIG_FILE
        settings = load(config or (kept if kept.exists() else None), flags).settings
        if settings.datacenter is None:
            raise BadConfiguration("no datacenter", expected="the id of the datacenter", hint="Give --datacenter ID, or set datacenter.")
        if settings.broker is not None:
            return cls(run_dir, settings, settings.broker)
        broker = live_broker(run_dir)
        if broker is None:
            raise BrokerUnavailable(
                f"no broker runs for {run_dir}",
                hint=f"Start it with `opendt broker start --run-dir {shlex.quote(str(run_dir))}`, or give --broker kafka://HOST:PORT.",
            )
        return cls(run_dir, settings, broker.url)

    @classmethod
    def from_environment(cls) -> Deployment:
        """For `faust -A opendt_streams.streams.<service> worker`: the run folder is in OPENDT_RUN_DIR."""
        run_dir = os.environ.get(RUN_DIR_VARIABLE)
        if not run_dir:
            raise BadConfiguration(
                f"{RUN_DIR_VARIABLE} is not set", expected="the run folder", hint="Or use `opendt service NAME --run-dir DIR`."
            )
        return cls.open(settled(Path(run_dir)))

    def describe(self) -> None:
        """Leave in the run folder what commands that read the run need, unless it is there: the settings, and where the log answers."""
        path = self.run_dir / CONFIG_FILE
        if path.exists():
            return
        unfinished = path.with_name(f".{CONFIG_FILE}.{uuid4().hex}")  # not by pid: containers that share the folder have equal ones
        unfinished.write_text(yaml.safe_dump(effective_document(self.settings), sort_keys=False), encoding="utf-8")
        unfinished.replace(path)
        if self.settings.broker is not None:
            publish(self.run_dir, self.settings.broker)

    @property
    def datacenter(self) -> str:
        assert self.settings.datacenter is not None  # `open` refuses that
        return self.settings.datacenter

    @property
    def partition(self) -> int:
        """The partition, of every topic, that the datacenter's key belongs to by Kafka's default partitioner (PROTOCOL 2.4)."""
        return int(murmur2(self.datacenter.encode()) & 0x7FFFFFFF) % self.settings.kafka.partitions

    def datacenter_of(self, key: bytes | None) -> str:
        """Whose message this is. One partition means one datacenter, whatever the key: OpenDT's keys are task ids (PROTOCOL 2.5)."""
        if self.settings.kafka.partitions == 1 or not key:
            return self.datacenter
        return key.decode(errors="replace")

    def topic(self, name: str) -> str:
        return self.settings.kafka.topic(name)

    def topic_settings(self) -> dict[str, TopicSettings]:
        """How each topic is kept: the datacenter's as configured, the twin's for ever."""
        kafka = self.settings.kafka
        kept = dict.fromkeys(topics.DATACENTER_TOPICS, kafka.datacenter_retention)
        return {
            self.topic(name): TopicSettings(retention_ms=kept.get(name, -1), replication_factor=kafka.replication_factor)
            for name in topics.ALL_TOPICS
        }
