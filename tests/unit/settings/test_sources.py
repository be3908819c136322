"""Which source wins, and that each value knows where it came from."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from opendt_streams.errors import BadConfiguration
from opendt_streams.model import times
from opendt_streams.settings import effective_document, effective_values, load, valid_keys

from .conftest import WriteFile


def test_the_defaults_are_complete_and_right() -> None:
    loaded = load()
    assert set(effective_values(loaded.settings)) == valid_keys() == set(loaded.origins)
    assert set(loaded.origins.values()) == {"default"}
    assert (loaded.settings.simulator.window, loaded.settings.calibrator.publish_every) == (5 * times.MINUTE, times.HOUR)
    assert loaded.settings.workload.speed is None


def test_file_over_default_environment_over_file_flag_over_environment(write: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write("simulator: {window: 10m, sample_interval: 20s, policy: First}\nworkload: {heartbeat: 2m}\n")
    monkeypatch.setenv("OPENDT_SIMULATOR__WINDOW", "15m")
    monkeypatch.setenv("OPENDT_SIMULATOR__SAMPLE_INTERVAL", "60s")
    loaded = load(file, {"simulator.window": "20m", "workload.heartbeat": None})
    values, minute = loaded.settings, times.MINUTE
    assert (values.simulator.window, loaded.origins["simulator.window"]) == (20 * minute, "flag")
    assert (values.simulator.sample_interval, loaded.origins["simulator.sample_interval"]) == (minute, "environment")
    assert (values.simulator.policy, loaded.origins["simulator.policy"]) == ("First", str(file))
    assert (values.workload.heartbeat, loaded.origins["workload.heartbeat"]) == (2 * minute, str(file))
    assert (values.workload.power_batch, loaded.origins["workload.power_batch"]) == (5 * minute, "default")


def test_keys_without_a_section_come_from_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENDT_BROKER", "kafka://k:9092")
    monkeypatch.setenv("OPENDT_DATACENTER", "SURF")
    monkeypatch.setenv("OPENDT_KAFKA__PARTITIONS", "4")
    settings = load().settings
    assert (settings.broker, settings.datacenter, settings.kafka.partitions) == ("kafka://k:9092", "SURF", 4)


def test_empty_and_other_variables_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENDT_BROKER", "")
    monkeypatch.setenv("OPENDT_RUN_DIR", "somewhere")
    assert load().settings.broker is None


def test_what_is_effective_gives_the_same_settings_again(write: WriteFile) -> None:
    first = load(None, {"workload.speed": "300", "workload.until": "2022-10-07T22:00:00Z", "kafka.datacenter_retention": "30d"}).settings
    again = load(write(yaml.safe_dump(effective_document(first)))).settings
    assert again == first
    assert effective_document(first)["workload"]["until"] == "2022-10-07T22:00:00Z"


def test_a_section_whose_keys_are_all_commented_out_is_empty(write: WriteFile) -> None:
    assert load(write("simulator:\n  # window: 10m\n")).settings == load().settings


def test_an_empty_file_changes_nothing(write: WriteFile) -> None:
    assert load(write("")).settings == load().settings


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("simulator: {windw: 10m}", "unknown key 'simulator.windw'. Did you mean simulator.window?"),
        ("window: 10m", "unknown key 'window'. Did you mean simulator.window?"),
        ("calibratr: {method: off}", "Did you mean calibrator.method?"),
        ("zzz: 1", "unknown key 'zzz'. `opendt config show` lists all keys."),
        ("simulator: 10m", "'simulator' is a section; expected a key below it, such as simulator."),
        ("simulator: {window: 10}", "10 has no unit; expected a number with ms, s, m, h or d, such as 10s"),
        ("engine: {name: warp}", "engine.name"),
        ("kafka: {partitions: 0}", "kafka.partitions"),
        ("kafka: {namespace: a/b}", "kafka.namespace"),
        ("datacenter: a|b", "datacenter"),
        ("[1, 2]", "list at the top; expected sections and keys"),
        ("a: [", "not YAML"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_the_file(write: WriteFile, text: str, words: str) -> None:
    file = write(text)
    with pytest.raises(BadConfiguration) as caught:
        load(file)
    assert words in str(caught.value)
    assert str(file) in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("OPENDT_SIMULATOR__WINDO", "5m", "environment variable OPENDT_SIMULATOR__WINDO: unknown key 'simulator.windo'"),
        ("OPENDT_SIMULATOR", "5m", "'simulator' is a section"),
        ("OPENDT_SIMULATOR__WINDOW", "5", "simulator.window (environment)"),
        ("OPENDT_CALIBRATOR__METHOD", "guess", "calibrator.method (environment)"),
    ],
)
def test_what_is_wrong_in_the_environment_is_said_with_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(BadConfiguration, match=words.replace("(", r"\(").replace(")", r"\)")):
        load()


@pytest.mark.parametrize(
    "flags",
    [
        {"simulator.window": "7m"},  # does not divide publish_every
        {"simulator.sample_interval": "40s"},  # does not divide window
        {"kafka.datacenter_retention": "7d"},  # not longer than dedup_horizon
        {"workload.max_ahead": "30m"},  # shorter than publish_every
    ],
)
def test_settings_that_contradict_each_other_are_refused(flags: dict[str, object]) -> None:
    with pytest.raises(BadConfiguration):
        load(None, flags)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"cannot read .*gone\.yaml: No such file"):
        load(tmp_path / "gone.yaml")
