"""The twin's machines and its `started` record as settings describe them: the same for live workers and for an audit years later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from opendt_streams.calibration import CalibrationSettings, Capabilities, LeastSquaresSettings, Method, method
from opendt_streams.engine.native import NATIVE
from opendt_streams.engine.opendc.checker import Checker, write_tally
from opendt_streams.engine.opendc.hardware import POWER_MODELS
from opendt_streams.engine.opendc.installation import find_installation
from opendt_streams.engine.opendc.kind import OpenDcKind
from opendt_streams.engine.opendc.options import Options
from opendt_streams.engine.opendc.probe import require
from opendt_streams.engine.opendc.runner import Runner
from opendt_streams.engine.opendc.shadow import ShadowKind
from opendt_streams.engine.port import EngineKind
from opendt_streams.model.canonical import JSON
from opendt_streams.settings import Settings, effective_document
from opendt_streams.settings.sections import EngineSection
from opendt_streams.twin import calibrator_state, simulator_state
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.twin.simulator import Simulator
from opendt_streams.twin.unanswered import NONE, Unanswered
from opendt_streams.version import code_version
from opendt_streams.wire.messages import Message
from opendt_streams.wire.system import Started, started_value

OPENDC_FOLDER: Final = "opendc"  # in the run folder
SHADOW_FILE: Final = "shadow.json"
_LIBRARIES: Final = ("numpy", "pyarrow", "pydantic", "faust-streaming", "aiokafka")


def opendc_runner(engine: EngineSection, folder: Path | None = None) -> Runner:
    """The real OpenDC of these settings; one per process, so that its pool is. `folder` keeps what it was given and said.

    Raises:
        Unavailable: there is no runner, or no Java for it.
    """
    of = engine.opendc
    options = Options(of.home, of.java, of.timeout, of.memory, of.pool, of.attempts, of.keep)
    return _shared_runner(find_installation(options), options, folder)


_shared_runner = lru_cache(maxsize=8)(Runner)


def engine_kind(settings: Settings, folder: Path | None = None) -> EngineKind:
    """The configured engine; `folder`: see `opendc_runner`.

    Raises:
        Unavailable: it is not on this machine.
    """
    return NATIVE if settings.engine.name == NATIVE.name else OpenDcKind(opendc_runner(settings.engine, folder))


def live_engine(settings: Settings, run_dir: Path) -> EngineKind:
    """The engine of a running twin: it leaves in the run folder what OpenDC was given and said, and checks as `shadow_every` says.

    Raises:
        Unavailable: it is not on this machine.
    """
    folder = run_dir / OPENDC_FOLDER
    if settings.engine.name != NATIVE.name or not settings.engine.shadow_every:
        return engine_kind(settings, folder)
    told = partial(write_tally, folder / SHADOW_FILE)
    return ShadowKind(Checker(opendc_runner(settings.engine, folder), told), settings.engine.shadow_every)


def require_engine(settings: Settings) -> None:
    """Find the real OpenDC where the settings ask for it, and try it out.

    Raises:
        Unavailable: there is none, it does not run here, or it is not the one of `engine.semantics`.
    """
    if settings.engine.needs_opendc:
        require(opendc_runner(settings.engine), settings.engine.semantics)


def require_method(settings: Settings) -> None:
    """See that the calibration method can serve the engine.

    Raises:
        BadInput: it cannot fit within what the engine has.
    """
    new_method(settings, settings.calibrator.method, settings.calibrator.publish_every)


def longest_step_ms(settings: Settings) -> int:
    """Wall time that the engine may take for one window before it gives up."""
    of = settings.engine.opendc
    return 0 if settings.engine.name == NATIVE.name else of.timeout * (of.attempts + 1)


def new_simulator(datacenter: str, settings: Settings, engines: EngineKind | None = None, unanswered: Unanswered = NONE) -> Simulator:
    """A simulator that has read nothing."""
    kind = engines or engine_kind(settings)
    return Simulator(datacenter, settings.grid, kind, settings.simulator.policy, settings.engine.semantics, unanswered)


def restore_simulator(
    state: Mapping[str, Any],
    settings: Settings,
    ledger: Iterable[tuple[int, Message]],
    read: Callable[[str, int], Message],
    engines: EngineKind | None = None,
    unanswered: Unanswered = NONE,
) -> Simulator:
    """A simulator as its snapshot says; see `simulator_state.restore`."""
    kind = engines or engine_kind(settings)
    return simulator_state.restore(
        state, settings.grid, kind, settings.simulator.policy, ledger, read, semantics=settings.engine.semantics, unanswered=unanswered
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
            capabilities=Capabilities(NATIVE.power_models if settings.engine.name == NATIVE.name else POWER_MODELS),
            grid=settings.calibrator.grid.settings,
            least_squares=LeastSquaresSettings(None if squares.power_model == "auto" else squares.power_model, squares.window),
        ),
    )


def deciding(settings: Settings) -> dict[str, JSON]:
    """What outputs are a function of, besides the inputs: results of a run with other values would not replay."""
    document = effective_document(settings)
    simulator = {k: document["simulator"][k] for k in ("window", "sample_interval", "policy")}
    calibrator = {k: document["calibrator"][k] for k in ("method", "publish_every", "grid", "least_squares")}
    engine = {k: document["engine"][k] for k in ("name", "semantics")}
    return {"simulator": simulator, "calibrator": calibrator, "stream": document["stream"], "engine": engine}


def _engine_version(service: str, settings: Settings) -> str:
    """The calibrator fits within what the engine declares, wherever it runs: it needs none itself."""
    return engine_kind(settings).version if service == Simulator.name or settings.engine.name == NATIVE.name else settings.engine.semantics


def started_now(service: str, settings: Settings) -> dict[str, JSON]:
    """The record of a service that starts now, with this code and these settings."""
    return started_value(
        Started(
            id="",
            service=service,
            code_version=code_version(),
            engine=settings.engine.name,
            engine_version=_engine_version(service, settings),
            deciding=deciding(settings),
            settings=effective_document(settings),
            libraries={name: version(name) for name in _LIBRARIES},
        )
    )
