"""`opendt calibrate` as a person and as a machine see it."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from opendt_streams.calibration import METHODS
from opendt_streams.cli.main import app
from opendt_streams.errors import BadConfiguration, BadInput, Unavailable
from opendt_streams.workload.sample import write_sample
from opendt_streams.workload.truth.sites import SITES
from opendt_streams.workload.truth.writing import write_site


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calibrate") / "stuck"
    write_site(path, SITES["stuck"].model_copy(update={"hosts": 8, "days": 2}), 3)
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("calibrate") / "plain"
    write_sample(path, 3, days=1, hosts=6)
    return path


TWO = ("--method", "recursive", "--method", "off")


def calibrate(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments)], catch_exceptions=False)


def test_all_methods_at_all_intervals_with_persistence_beside_them(plain: Path) -> None:
    document = json.loads(calibrate("--workload", plain, "--json").stdout)
    rows = [(row["publish_every_ms"] // 60_000, row["method"]) for row in document["rows"]]
    assert rows == [(minutes, name) for minutes in (5, 15, 60, 360, 1440) for name in (*METHODS, "persistence")]
    assert document["datacenter"] == "plain"
    assert all("truth" not in row for row in document["rows"])


def test_of_a_made_site_it_says_how_far_off_the_truth_a_method_is(site: Path) -> None:
    result = calibrate("--workload", site, "--horizon", "1h", "--method", "recursive", "--json")
    row, _ = json.loads(result.stdout)["rows"]
    assert row["truth"]["settled_ratio"] < 1.5
    assert row["truth"]["faults"][0]["kind"] == "stuck"
    assert row["decision_ms_mean"] > 0
    assert row["alarms"] >= 1


def test_errors_stand_against_the_noise_floor_where_it_is_known(site: Path, plain: Path) -> None:
    for workload in (site, plain):
        document = json.loads(calibrate("--workload", workload, "--horizon", "1h", "--method", "recursive", "--json").stdout)
        floor = document["noise_floor_percent"]
        assert 0.1 < floor < 2
        for row in document["rows"]:
            assert row["times_noise_floor"] == pytest.approx(row["mape_percent"] / floor, abs=1e-6)
        said = calibrate("--workload", workload, "--horizon", "1h", "--method", "off").stdout
        assert f"Noise floor of its meter: {floor:.2f} %" in said and "x floor" in said


def test_a_truth_of_another_program_stops_nothing(plain: Path, tmp_path: Path) -> None:
    shutil.copytree(plain, tmp_path / "site")
    (tmp_path / "site/workload.yaml").unlink()
    (tmp_path / "site/truth.json").write_text('{"watts": [1, 2, 3]}')
    told = calibrate("--workload", tmp_path / "site", "--horizon", "1h", "--method", "off", "--json")
    assert told.exit_code == 0
    document = json.loads(told.stdout)
    assert document["noise_floor_percent"] is None
    assert all("truth" not in row and "times_noise_floor" not in row for row in document["rows"])
    assert told.stderr.count("\n") == 1 and "none of ours" in told.stderr
    assert "x floor" not in calibrate("--workload", tmp_path / "site", "--horizon", "1h", "--method", "off").stdout


def test_for_people_there_are_tables(site: Path) -> None:
    said = calibrate("--workload", site, "--horizon", "6h", "--horizon", "1h", "--train-days", "1", "--delay", "1h", *TWO).stdout
    assert "scored after 1 days, parameters used 1h late" in said
    for word in (
        "MAPE %",
        "skill",
        "persistence",
        "recursive",
        "off",
        "Against the truth",
        "stuck: ",
        "definition A",
        "definition B",
        "6h",
    ):
        assert word in said


def test_every_figure_can_go_into_a_file_and_a_picture(site: Path, tmp_path: Path) -> None:
    files = tmp_path / "rows.csv", tmp_path / "one.svg", tmp_path / "two.svg"
    for picture in files[1:]:
        calibrate("--workload", site, "--horizon", "6h", "--horizon", "1d", *TWO, "--csv", files[0], "--plot", picture)
    rows = list(csv.DictReader(files[0].read_text().splitlines()))
    assert len(rows) == 2 * 3
    assert float(rows[0]["mape_percent"]) < 10
    assert float(rows[0]["truth_settled_ratio"]) > 0
    assert rows[-1]["method"] == "persistence"
    assert files[1].read_bytes() == files[2].read_bytes()
    assert b"persistence" in files[1].read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "nothing to calibrate on"),
        (["--workload", "a", "--run-dir", "b"], "a run and a workload"),
        (["--workload", "a", "--method", "magic"], "no calibration method 'magic'.*recursive"),
        (["--workload", "a", "--horizon", "7"], "not a duration"),
        (["--workload", "a", "--plot", "x.doc"], "no picture ends in '.doc'"),
        (["--workload", "nowhere"], "no such directory"),
        (["--run-dir", "nowhere"], "no such folder"),
    ],
)
def test_wrong_use_is_told(arguments: list[str], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        calibrate(*arguments)


def test_intervals_and_days_must_fit_the_data(plain: Path, tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match="does not divide"):
        calibrate("--workload", plain, "--horizon", "7m")
    with pytest.raises(BadInput, match="nothing is left to score"):
        calibrate("--workload", plain, "--horizon", "1h", "--train-days", "5")
    with pytest.raises(BadInput, match="not writable"):
        calibrate("--workload", plain, "--horizon", "6h", "--method", "off", "--csv", tmp_path / "no" / "rows.csv")


def test_without_matplotlib_a_picture_is_something_missing(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(Unavailable, match="matplotlib") as missing:
        calibrate("--workload", plain, "--plot", "x.svg")
    assert missing.value.exit_code == 3
