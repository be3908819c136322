"""The twin's machines and its `started` record as settings describe them: the same for live workers and for an audit years later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Any, Final

from opendt_streams.calibration import CalibrationSettings, Capabilities, LeastSquaresSettings, Method, method
from opendt_streams.engine.native import NATIVE
from opendt_streams.model.canonical import JSON
from opendt_streams.settings import Settings, effective_document
from opendt_streams.twin import calibrator_state, simulator_state
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.twin.simulator import Simulator
from opendt_streams.version import code_version
from opendt_streams.wire.messages import Message
from opendt_streams.wire.system import Started, started_value

_LIBRARIES: Final = ("numpy", "pyarrow", "pydantic", "faust-streaming", "aiokafka")


def new_simulator(datacenter: str, settings: Settings) -> Simulator:
    """A simulator that has read nothing."""
    return Simulator(datacenter, settings.grid, NATIVE, settings.simulator.policy, settings.engine.semantics)


def restore_simulator(
    state: Mapping[str, Any], settings: Settings, ledger: Iterable[tuple[int, Message]], read: Callable[[str, int], Message]
) -> Simulator:
    """A simulator as its snapshot says; see `simulator_state.restore`."""
    return simulator_state.restore(
        state, settings.grid, NATIVE, settings.simulator.policy, ledger, read, semantics=settings.engine.semantics
    )


def restore_calibrator(
    datacenter: str,
    settings: Settings,
    ledger: Iterable[tuple[int, Message]] = (),
    decisions: Iterable[tuple[int, Message]] = (),
) -> Calibrator:
    """A calibrator as the two topics say that hold its state (one that has read nothing, without them)."""
    made = new_method(settings, settings.calibrator.method, settings.calibrator.publish_every)
    return calibrator_state.restore(datacenter, settings.grid, made, ledger, decisions)


def new_method(settings: Settings, name: str, publish_every_ms: int) -> Method:
    """A calibration method, within what the engine can run. Name and interval need not be those of the settings."""
    squares = settings.calibrator.least_squares
    return method(
        name,
        CalibrationSettings(
            publish_every_ms=publish_every_ms,
            sample_interval_ms=settings.simulator.sample_interval,
            capabilities=Capabilities(NATIVE.power_models),
            grid=settings.calibrator.grid.settings,
            least_squares=LeastSquaresSettings(None if squares.power_model == "auto" else squares.power_model, squares.window),
        ),
    )


def deciding(settings: Settings) -> dict[str, JSON]:
    """What outputs are a function of, besides the inputs: results of a run with other values would not replay."""
    document = effective_document(settings)
    simulator = {k: document["simulator"][k] for k in ("window", "sample_interval", "policy")}
    calibrator = {k: document["calibrator"][k] for k in ("method", "publish_every", "grid", "least_squares")}
    return {"simulator": simulator, "calibrator": calibrator, "stream": document["stream"], "engine": document["engine"]}


def started_now(service: str, settings: Settings) -> dict[str, JSON]:
    """The record of a service that starts now, with this code and these settings."""
    return started_value(
        Started(
            id="",
            service=service,
            code_version=code_version(),
            engine=NATIVE.name,
            engine_version=NATIVE.version,
            deciding=deciding(settings),
            settings=effective_document(settings),
            libraries={name: version(name) for name in _LIBRARIES},
        )
    )
