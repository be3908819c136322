"""The real OpenDC through the twin's adapter: its own recorded outputs, the native engine's numbers, and inputs on which it hangs."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from opendt_streams.cli.engine import app
from opendt_streams.engine.opendc.checker import Checker
from opendt_streams.engine.opendc.experiment import run_with_opendc
from opendt_streams.engine.opendc.installation import find_installation
from opendt_streams.engine.opendc.options import Options
from opendt_streams.engine.opendc.runner import NoAnswer, Runner
from opendt_streams.engine.opendc.shadow import ShadowKind
from opendt_streams.engine.port import EngineSettings
from opendt_streams.errors import Unavailable
from tests.contract.engine.real import home, needs_opendc, real_runner, real_semantics
from tests.contract.engine.standing_in import assert_nothing_is_left
from tests.contract.engine.test_every_engine import DC, TRACES, run
from tests.contract.engine.test_golden import EXACT, EXACT_24G, GOLDEN, compare
from tests.unit.engine.workloads import ORIGIN_MS

pytestmark = needs_opendc
golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason="the real OpenDC outputs (../shared/golden-opendc) are not beside the checkout")
HANGS = ("j_mse_fractional_drift_HANGS", "j_asymptotic_default_asymutil", "j_asymptotic_default_asymutil_nodvfs")


@golden
@pytest.mark.golden
@pytest.mark.parametrize("case", EXACT)
def test_its_outputs_come_through_unchanged(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    semantics = real_semantics()
    if semantics != "2.4f" and case not in EXACT_24G:
        pytest.skip("this OpenDC does not end on it")
    monkeypatch.chdir(GOLDEN / case)
    run_with_opendc(Path("input/experiment.json"), tmp_path, real_runner())
    assert compare(GOLDEN / case / ("output" if semantics == "2.4f" else "output-head"), tmp_path, monkeypatch) == 0


@golden
@pytest.mark.golden
@pytest.mark.parametrize("case", HANGS)
def test_inputs_on_which_it_hangs_are_cut_off(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if real_semantics() != "2.4f":
        pytest.skip("later releases end on it")
    options = Options(timeout_ms=6000)
    monkeypatch.chdir(GOLDEN / case)
    with pytest.raises(NoAnswer, match="cut off after 6 s"):
        run_with_opendc(Path("input/experiment.json"), tmp_path / "out", Runner(find_installation(options), options))
    assert not (tmp_path / "out").exists()
    assert_nothing_is_left(home())


def test_the_native_engine_says_the_same_window_by_window() -> None:
    checker = Checker(real_runner(), background=False)
    settings = EngineSettings(ORIGIN_MS, 10_000, semantics=real_semantics())
    engine = ShadowKind(checker, every=1).start(settings, DC, TRACES)
    run(engine, [ORIGIN_MS + i * 100_000 for i in range(1, 7)])
    checker.finish()
    tally = checker.tally
    assert (tally.windows, tally.rows, tally.different_rows, tally.unanswered) == (6, 120, 0, 0), tally.first_difference


def test_a_runner_of_other_semantics_is_refused(tmp_path: Path) -> None:
    semantics = "2.4g+" if real_semantics() == "2.4f" else "2.4f"
    arguments = ["run", "--engine", "opendc", "--semantics", semantics, "--experiment", "x.json", "--output", str(tmp_path)]
    with pytest.raises(Unavailable, match="semantics"):
        CliRunner().invoke(app, arguments, catch_exceptions=False)
