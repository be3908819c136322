"""What a run will be: its folder, its settings, its workload. Everything that can be refused is refused before anything is started."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from opendt_streams.assembly import require_engine, require_method
from opendt_streams.errors import BadInput, Unavailable
from opendt_streams.model import times
from opendt_streams.run.manifest import Manifest
from opendt_streams.settings import Settings, effective_document, load
from opendt_streams.settings.fields import name_of
from opendt_streams.streams.deployment import CONFIG_FILE
from opendt_streams.workload.reader import read_workload
from opendt_streams.workload.replay import ReplaySettings, replay
from opendt_streams.workload.sample import write_sample
from opendt_streams.workload.truth.known import NOTHING, Known, known_truth

SAMPLE: Final = "sample"
SAMPLE_SEED: Final = 1
EXTERNAL: Final = "datacenter"


@dataclass(frozen=True, slots=True)
class Span:
    """Event time from the first message to the last one that dc-mock will send."""

    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class Plan:
    """`span` is None where others feed the dc topics: nobody knows when they will end. `notes`: how settings were understood."""

    run_dir: Path
    settings: Settings
    external: bool
    resume: bool
    span: Span | None
    notes: tuple[str, ...] = ()
    noise_floor_percent: float | None = None  # of the meter of a made site; None where the truth is not known

    @property
    def datacenter(self) -> str:
        assert self.settings.datacenter is not None  # `make_plan` sees to that
        return self.settings.datacenter


def make_plan(
    *,
    run_dir: Path | None,
    config: Path | None,
    flags: Mapping[str, object],
    external: bool,
    resume: bool,
    data_dir: Path,
    now_ms: int,
) -> Plan:
    """The plan of a run, its folder made and its config.yaml written.

    Raises:
        BadInput: wrong settings, a workload directory that is not one, a folder that holds a run already.
        Unavailable: the engine that is asked for is not on this machine.
    """
    kept = run_dir / CONFIG_FILE if run_dir is not None else None
    if resume:
        if kept is None or not kept.exists():
            raise BadInput("nothing to resume", expected="--run-dir with the folder of an earlier run", where=str(run_dir or "--resume"))
        _require_resumable(kept.parent)
        config = config or kept
    elif run_dir is not None and (run_dir / "manifest.json").exists():
        raise BadInput("this folder holds a run already", where=str(run_dir), hint="Give --resume to go on with it, or another --run-dir.")
    settings = load(config, flags).settings
    require_method(settings)
    require_engine(settings)
    directory = settings.workload.directory
    if external and directory is not None and not resume:
        raise BadInput("--external and a workload exclude each other", hint="With --external others feed the dc topics.")
    name = settings.datacenter or (EXTERNAL if external else name_of(directory.resolve()) if directory else SAMPLE)
    run_dir = run_dir or _new_run_dir(data_dir, name, now_ms)
    changes: dict[str, object] = {"datacenter": name}
    if not external:
        if directory is None:
            directory = run_dir / SAMPLE
            if not directory.exists():
                write_sample(directory, SAMPLE_SEED)
        changes["workload.directory"] = str(directory.resolve())
    loaded = load(config, {**flags, **changes})
    settings = loaded.settings
    span, known = (None, NOTHING) if external else _looked_at(settings)
    run_dir.mkdir(parents=True, exist_ok=True)
    (run_dir / CONFIG_FILE).write_text(yaml.safe_dump(effective_document(settings), sort_keys=False), encoding="utf-8")
    return Plan(
        run_dir, settings, external, resume, span, (*loaded.notes, *([known.note] if known.note else [])), known.noise_floor_percent
    )


def _require_resumable(run_dir: Path) -> None:
    manifest = Manifest.read(run_dir)
    if manifest.state == "complete":
        raise BadInput(
            "this run is complete", where=str(run_dir), hint=f"`opendt runs show {shlex.quote(run_dir.name)}` shows what it came to."
        )
    if manifest.state_now(run_dir) == "running":
        raise Unavailable("this run is under way", where=str(run_dir), hint="Wait until it ends, or stop it.")


def input_digests(plan: Plan) -> dict[str, str]:
    """sha256 of every file of the workload directory."""
    directory = plan.settings.workload.directory
    if directory is None:
        return {}
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(directory.iterdir()) if p.is_file()}


def _looked_at(settings: Settings) -> tuple[Span, Known]:
    directory = settings.workload.directory
    assert directory is not None
    workload = read_workload(directory)
    plan = ReplaySettings(settings.workload.heartbeat, settings.workload.power_batch, settings.workload.until)
    items = replay(workload, plan)
    first = last = next(items).time_ms
    for item in items:
        last = item.time_ms
    return Span(first, last), known_truth(directory, workload)


def _new_run_dir(data_dir: Path, name: str, now_ms: int) -> Path:
    stamp = times.iso(times.floor(now_ms, times.SECOND)).replace("-", "").replace(":", "")
    base = data_dir / f"{stamp}-{name}"
    candidates = [base, *(base.with_name(f"{base.name}-{n}") for n in range(2, 1000))]
    return next(c for c in candidates if not c.exists())
