"""Our own engine, with OpenDC's semantics: those of v2.4f, or the newer ones since v2.4g (reference: opendc-semantics)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import opendt_streams
from opendt_streams.engine.native.engine import NativeEngine
from opendt_streams.engine.port import Engine, EngineKind, EngineSettings
from opendt_streams.model.canonical import JSON
from opendt_streams.model.carbon import CarbonTrace
from opendt_streams.model.task import Task
from opendt_streams.model.topology import MODEL_TYPES, ModelType, Topology


class _Native:
    name = "native"
    version = opendt_streams.__version__
    power_models: frozenset[ModelType] = frozenset(MODEL_TYPES)

    def start(self, settings: EngineSettings, topology: Topology, carbon: Mapping[str, CarbonTrace]) -> Engine:
        return NativeEngine(settings, topology, carbon)

    def restore(
        self,
        settings: EngineSettings,
        topology: Topology,
        carbon: Mapping[str, CarbonTrace],
        checkpoint: Mapping[str, JSON],
        task_of: Callable[[int], Task],
    ) -> Engine:
        return NativeEngine.restored(settings, topology, carbon, checkpoint, task_of)


NATIVE: EngineKind = _Native()
