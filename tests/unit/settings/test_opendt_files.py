"""OpenDT's experiment files (opendt-compat section 5)."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from opendt_streams.errors import BadConfiguration
from opendt_streams.model import times
from opendt_streams.settings import load

from .conftest import WriteFile

SECOND_EXPERIMENT = """
global:
  speed_factor: 300
  calibration_enabled: true
services:
  dc-mock:
    workload: "SITE"
    heartbeat_frequency_minutes: 2
  simulator:
    simulation_frequency_minutes: 60
    background_load_nodes: 0
  calibrator:
    calibrated_property: "cpuPowerModel.calibrationFactor"
    min_value: 3
    max_value: 9
    linspace_points: 10
kafka:
  topics:
    workload: {name: "dc.workload", config: {retention.ms: "86400000"}}
"""


def changed(key: str, value: object) -> str:
    document = inner = yaml.safe_load(SECOND_EXPERIMENT)
    *sections, last = key.split(".")
    for section in sections:
        inner = inner[section]
    inner[last] = value
    return yaml.safe_dump(document)


def test_what_it_says_is_done(write: WriteFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "SITE").mkdir()
    monkeypatch.setenv("WORKLOAD_DIR", str(tmp_path))
    file = write(SECOND_EXPERIMENT)
    loaded = load(file)
    settings = loaded.settings
    assert (settings.workload.speed, settings.workload.heartbeat) == (300.0, 2 * times.MINUTE)
    assert (settings.simulator.window, settings.calibrator.method) == (times.HOUR, "grid")
    grid = settings.calibrator.grid
    assert (grid.property, grid.min_value, grid.max_value, grid.points) == ("cpuPowerModel.calibrationFactor", 3, 9, 10)
    assert grid.window == times.DAY
    assert settings.workload.directory == (tmp_path / "SITE").resolve()
    assert loaded.origins["simulator.window"] == str(file)
    assert loaded.origins["calibrator.publish_every"] == "default"
    assert [note.split(" is ")[0] for note in loaded.notes] == ["kafka.topics"]


def test_workloads_are_looked_for_beside_the_experiment_folder(write: WriteFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "workload" / "SITE").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert load(write(SECOND_EXPERIMENT)).settings.workload.directory == tmp_path / "workload" / "SITE"


def test_a_workload_that_is_not_there_is_no_other_one(write: WriteFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Null would mean the sample datacenter: a run of something else than what the file names."""
    monkeypatch.chdir(tmp_path)
    loaded = load(write(SECOND_EXPERIMENT))
    assert loaded.settings.workload.directory == tmp_path / "workload" / "SITE"
    assert any("--workload DIR" in note for note in loaded.notes)


def test_environment_and_flags_override_it(write: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENDT_SIMULATOR__WINDOW", "30m")
    loaded = load(write(SECOND_EXPERIMENT), {"workload.speed": "max"})
    assert (loaded.settings.simulator.window, loaded.settings.workload.speed) == (30 * times.MINUTE, None)


def test_what_it_leaves_out_is_opendts_default(write: WriteFile) -> None:
    settings = load(write("services: {dc-mock: {workload: SITE}}\nglobal:\n")).settings
    assert (settings.workload.speed, settings.workload.heartbeat) == (10.0, times.MINUTE)
    assert (settings.simulator.window, settings.calibrator.method) == (15 * times.MINUTE, "off")


def test_no_waiting(write: WriteFile) -> None:
    assert load(write(changed("global.speed_factor", -1))).settings.workload.speed is None


def test_legacy_names_of_the_grid_override(write: WriteFile) -> None:
    legacy = {"asym_util_min": 0.2, "asym_util_max": 0.8, "asym_util_points": 4, "mape_window_minutes": 60, "max_parallel_workers": 4}
    loaded = load(write(changed("services.calibrator", legacy)))
    grid = loaded.settings.calibrator.grid
    assert (grid.property, grid.min_value, grid.max_value, grid.points, grid.window) == ("cpuPowerModel.asymUtil", 0.2, 0.8, 4, times.HOUR)
    assert any(note.startswith("services.calibrator.max_parallel_workers is ignored") for note in loaded.notes)


@pytest.mark.parametrize("wrong", [{"calibrated_property": "cpu.coreSpeed"}, {"min_value": 9, "max_value": 3}, {"linspace_points": 1}])
def test_a_grid_that_cannot_be_is_refused_at_once(write: WriteFile, wrong: dict[str, object]) -> None:
    with pytest.raises(BadConfiguration, match=r"calibrator\.grid"):
        load(write(changed("services.calibrator", wrong)))


def test_without_calibration_its_section_is_noted(write: WriteFile) -> None:
    loaded = load(write(changed("global.calibration_enabled", False)))
    assert loaded.settings.calibrator.method == "off"
    assert "services.calibrator is ignored: global.calibration_enabled is false" in loaded.notes


def test_keys_that_opendt_would_ignore_silently_are_noted(write: WriteFile) -> None:
    assert "global.sped_factor is ignored: OpenDT has no such key" in load(write(changed("global.sped_factor", 3))).notes


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("services.simulator.background_load_nodes", 4),
        ("global.speed_factor", 0),
        ("global.speed_factor", -2),
        ("global.speed_factor", "fast"),
        ("global.speed_factor", True),
        ("global.calibration_enabled", "yes please"),
        ("services.simulator.simulation_frequency_minutes", 0),
        ("services.simulator.simulation_frequency_minutes", float("nan")),
        ("services.dc-mock.heartbeat_frequency_minutes", -1),
        ("services.dc-mock.workload", "../elsewhere"),
        ("services.dc-mock.workload", 7),
    ],
)
def test_what_cannot_be_followed_is_refused_with_its_key(write: WriteFile, key: str, value: object) -> None:
    file = write(changed(key, value))
    with pytest.raises(BadConfiguration) as caught:
        load(file)
    assert caught.value.where == f"{key} ({file})"


def test_the_two_forms_do_not_mix(write: WriteFile) -> None:
    with pytest.raises(BadConfiguration, match="unknown key 'simulator' in a file of OpenDT's form"):
        load(write(SECOND_EXPERIMENT + "simulator: {window: 5m}\n"))
