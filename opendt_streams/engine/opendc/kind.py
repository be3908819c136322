"""The real OpenDC as a kind of engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import opendt_streams
from opendt_streams.engine.opendc.engine import OpenDcEngine
from opendt_streams.engine.opendc.hardware import POWER_MODELS
from opendt_streams.engine.opendc.runner import Runner
from opendt_streams.engine.port import Engine, EngineSettings
from opendt_streams.model.canonical import JSON
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Task
from opendt_streams.model.topology import ModelType, Topology


@dataclass(frozen=True, slots=True)
class OpenDcKind:
    """Engines that share one runner. The version says what is not OpenDC's own."""

    runner: Runner

    @property
    def name(self) -> str:
        return "opendc"

    @property
    def version(self) -> str:
        return f"{self.runner.installation.digest}; basis and counters: native {opendt_streams.__version__}"

    @property
    def power_models(self) -> frozenset[ModelType]:
        return POWER_MODELS

    def start(self, settings: EngineSettings, topology: Topology, carbon: Mapping[str, CarbonTrace]) -> Engine:
        return OpenDcEngine(settings, topology, carbon, self.runner)

    def restore(
        self,
        settings: EngineSettings,
        topology: Topology,
        carbon: Mapping[str, CarbonTrace],
        checkpoint: Mapping[str, JSON],
        task_of: Callable[[int], Task],
    ) -> Engine:
        return OpenDcEngine.restored(settings, topology, carbon, checkpoint, task_of, self.runner)
