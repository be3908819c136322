"""Sites of known truth: reproducible, as described, and true to what their truth.json says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from opendt_streams.cli.data import app
from opendt_streams.errors import BadInput
from opendt_streams.model import times
from opendt_streams.model.power import WHOLE_DATACENTER, Meter
from opendt_streams.model.task import Float64, Int64
from opendt_streams.workload.check import check_workload
from opendt_streams.workload.reader import read_workload
from opendt_streams.workload.truth.description import SiteTruth, read_truth
from opendt_streams.workload.truth.document import Truth, load_truth
from opendt_streams.workload.truth.sites import SITES
from opendt_streams.workload.truth.writing import write_site

run = CliRunner().invoke
SMALL = {"hosts": 8, "days": 1}
EXACT: dict[str, Any] = SMALL | {"noise": 0.0, "spread": 0.0, "resolution_w": 0.001}


def made(path: Path, *, seed: int = 5, **truth: Any) -> Path:
    write_site(path, SiteTruth.model_validate(SMALL | truth), seed)
    return path


def known(path: Path) -> Truth:
    found = load_truth(path)
    assert found is not None
    return found


def digests(path: Path) -> dict[str, str]:
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(path.iterdir())}


def series(path: Path, meter: Meter = WHOLE_DATACENTER) -> tuple[Int64, Float64]:
    """(hours since the start, watts) of one meter."""
    power = read_workload(path).power
    assert power is not None
    mine = power.meter == power.meters.index(meter)
    return (power.time_ms[mine] - known(path).start_ms) / times.HOUR, power.power_w[mine]


@pytest.mark.parametrize("name", SITES)
def test_every_site_can_be_run_and_is_the_same_twice(tmp_path: Path, name: str) -> None:
    described = SITES[name].model_copy(update={"hosts": 8, "days": 3})
    for copy in ("one", "two"):
        write_site(tmp_path / copy, described, 5)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    report = check_workload(tmp_path / "one")
    assert report.errors == ()
    assert described.faults or report.warnings == ()


def test_another_seed_is_another_site(tmp_path: Path) -> None:
    one, other = digests(made(tmp_path / "one")), digests(made(tmp_path / "other", seed=6))
    assert {name for name in one if one[name] != other[name]} == set(one) - {"topology.json"}


def test_a_step_takes_effect_at_its_time_and_only_there(tmp_path: Path) -> None:
    before, after = (
        series(made(tmp_path / name, **EXACT, changes=c))
        for name, c in (("before", []), ("after", [{"by": 0.5, "at_hour": 12, "parameter": "idle"}]))
    )
    change = after[1] - before[1]
    idle_w = known(tmp_path / "before").host_groups[0].watts["idlePower"][0]
    assert np.abs(change[after[0] <= 12]).max() < 0.01
    assert change[after[0] > 12] == pytest.approx(0.5 * 8 * idle_w, abs=0.01)


def test_a_drift_goes_in_a_straight_line(tmp_path: Path) -> None:
    path = made(tmp_path / "site", **EXACT, changes=[{"by": -0.4, "at_hour": 6, "until_hour": 18, "parameter": "range"}])
    group = known(path).host_groups[0]
    at = known(path).start_ms + times.HOUR * np.array([0, 6, 12, 18, 24])
    assert group.parameter_w("slopePower", at) / group.watts["slopePower"][0] == pytest.approx([1, 1, 0.8, 0.6, 0.6], abs=1e-4)
    assert group.parameter_w("idlePower", at) == pytest.approx([group.watts["idlePower"][0]] * 5)


def test_the_parts_add_up_to_the_whole(tmp_path: Path) -> None:
    more = {**EXACT, "host_groups": 3, "clusters": 2, "spread": 0.1}
    whole = series(made(tmp_path / "one", **more))[1]
    for meters in ("cluster", "host-group"):
        path = made(tmp_path / meters, **more, meters=meters)
        assert sum(series(path, m)[1] for m in known(path).meters) == pytest.approx(whole, abs=0.01)


FAULTS = ["stuck", "zeros", "gap", "spikes", "unit", "clock"]


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_where_it_is_said_to_be(tmp_path: Path, kind: str) -> None:
    healthy_at, healthy = series(made(tmp_path / "healthy"))
    at, faulty = series(made(tmp_path / "faulty", faults=[{"kind": kind, "from_hour": 12, "for_hours": 6}]))
    bad = (at > 12) & (at <= 18)
    outside = ~((healthy_at > 12) & (healthy_at <= 18.2))
    kept = np.isin(healthy_at, at) & outside
    assert np.array_equal(faulty[np.isin(at, healthy_at[kept])], healthy[kept])
    match kind:
        case "stuck":
            assert set(faulty[bad]) == {healthy[healthy_at <= 12][-1]}
        case "zeros":
            assert not faulty[bad].any()
        case "gap":
            assert not bad.any()
        case "spikes":
            ratio = faulty[bad] / healthy[(healthy_at > 12) & (healthy_at <= 18)]
            assert set(np.round(ratio, 3)) == {1.0, 3.0}
            assert 0.01 < (ratio > 2).mean() < 0.1
        case "unit":
            assert faulty[bad] == pytest.approx(1000 * healthy[(healthy_at > 12) & (healthy_at <= 18)])
        case "clock":
            assert not ((at > 12) & (at <= 12 + 600 / 3600)).any()
            assert (at > 18).sum() > (healthy_at > 18).sum()


def test_one_meter_of_several_can_fail(tmp_path: Path) -> None:
    fault = {"kind": "zeros", "from_hour": 12, "for_hours": 1, "meters": ["C01"]}
    path = made(tmp_path / "site", host_groups=2, clusters=2, meters="cluster", faults=[fault])
    assert (series(path, Meter("C01"))[1] == 0).sum() == 120
    assert (series(path, Meter("C02"))[1] > 0).all()
    assert known(path).faults[0].meters == (Meter("C01"),)


def test_a_held_meter_repeats_itself_and_a_coarse_one_knows_few_values(tmp_path: Path) -> None:
    facts: Any = check_workload(made(tmp_path / "site", refresh=0.2, longest_hold=9, resolution_w=25)).facts
    assert facts["power"]["longest_hold_samples"] == 9
    assert facts["power"]["repeats_percent"] > 60
    assert not (series(tmp_path / "site")[1] % 25).any()


def test_the_command_takes_a_name_or_a_file_that_the_list_gave(tmp_path: Path) -> None:
    printed = run(app, ["sites", "step"])
    file = tmp_path / "mine.yaml"
    file.write_text(printed.stdout)
    for out, more in (("a", ["--site", "step"]), ("b", ["--truth", str(file)])):
        result = run(app, ["sample", "--out", str(tmp_path / out), "--seed", "2", "--hosts", "6", "--days", "1", "--json", *more])
        assert json.loads(result.stdout)["hosts"] == 6
    assert digests(tmp_path / "a")["consumption.parquet"] == digests(tmp_path / "b")["consumption.parquet"]
    assert set(json.loads(run(app, ["sites", "--json"]).stdout)) == set(SITES)
    assert "step" in run(app, ["sites"]).stdout


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"nois": 0.1}, "nois"),
        ({"law": "linear", "changes": [{"by": 0.1, "at_hour": 1, "parameter": "busy"}]}, "no parameter busy"),
        ({"changes": [{"by": 0.1, "at_hour": 3, "until_hour": 2}]}, "is not after"),
        ({"faults": [{"kind": "melted", "from_hour": 1}]}, "melted|kind"),
        ({"clusters": 2}, "2 clusters for 1 host_groups"),
        ({"hosts": 2, "host_groups": 3}, "2 hosts for 3"),
        ([], "mapping|dictionary|valid"),
    ],
)
def test_a_wrong_description_is_named(tmp_path: Path, document: object, says: str) -> None:
    file = tmp_path / "site.yaml"
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(BadInput, match=says) as refused:
        read_truth(file)
    assert "site.yaml" in str(refused.value)


@pytest.mark.parametrize(
    ("truth", "says"),
    [
        ({"changes": [{"by": 0.1, "at_hour": 1, "host_groups": ["slim"]}]}, "no host group 'slim'.*thin"),
        ({"faults": [{"kind": "gap", "from_hour": 1, "meters": ["C07"]}]}, "no meter 'C07'.*datacenter"),
    ],
)
def test_names_that_the_site_does_not_have_are_named(tmp_path: Path, truth: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=f"(?s){says}"):
        made(tmp_path / "site", **truth)
    assert not (tmp_path / "site").exists()


def test_two_truths_or_an_unknown_site_are_wrong_use(tmp_path: Path) -> None:
    where = ["sample", "--out", str(tmp_path / "x"), "--seed", "1"]
    with pytest.raises(BadInput, match="one truth"):
        run(app, [*where, "--site", "step", "--truth", "f.yaml"], catch_exceptions=False)
    with pytest.raises(BadInput, match="no site 'stepp'"):
        run(app, [*where, "--site", "stepp"], catch_exceptions=False)
    with pytest.raises(BadInput, match="no such file"):
        run(app, [*where, "--truth", str(tmp_path / "none.yaml")], catch_exceptions=False)


def test_a_truth_that_somebody_changed_is_bad_input(tmp_path: Path) -> None:
    path = made(tmp_path / "site")
    (path / "truth.json").write_text('{"format": 1}')
    with pytest.raises(BadInput, match=r"truth\.json"):
        load_truth(path)
    (path / "truth.json").unlink()
    assert load_truth(path) is None
