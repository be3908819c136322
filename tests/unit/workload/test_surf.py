"""SURF's week: the facts of opendt-compat section 3.1, and what reading it may cost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from opendt_streams.workload.check import check_workload
from opendt_streams.workload.reader import Workload, read_workload
from opendt_streams.workload.replay import HeartbeatItem, PowerItem, replay

SURF = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "SURF"
pytestmark = [pytest.mark.surf, pytest.mark.skipif(not SURF.is_dir(), reason="SURF is not beside the checkout")]


@pytest.fixture(scope="module")
def surf() -> Workload:
    return read_workload(SURF)


def test_counts(surf: Workload) -> None:
    counts = surf.tasks.fragment_counts
    assert len(surf.tasks) == 7_850
    assert int(counts.sum()) == 2_323_475
    assert int((counts == 0).sum()) == 1_555
    assert int(counts.max()) == 14_401
    assert surf.power is not None
    assert len(surf.power) == 20_159
    assert len(surf.carbon["carbon.parquet"].time_ms) == 34_944
    assert surf.topology.host_count == 277


def test_values(surf: Workload) -> None:
    assert int((surf.tasks.submission_ms == surf.tasks.submission_ms[0]).sum()) == 122
    u = surf.tasks.fragment_usage_mhz / 33_600
    assert float(u.mean()) == pytest.approx(0.65, abs=0.005)
    assert float((u == 1).mean()) == pytest.approx(0.389, abs=0.0005)
    assert set(np.unique(surf.tasks.fragment_duration_ms).tolist()) == {30_000}
    assert surf.power is not None
    assert float(surf.power.power_w.mean()) == pytest.approx(21_694, abs=1)


def test_the_check_knows_its_oddities() -> None:
    report = check_workload(SURF)
    assert not report.errors
    facts: Any = report.facts
    assert facts["tasks"]["zero_usage"] == 152
    assert facts["tasks"]["wider_than_any_host"] == 9
    assert facts["tasks"]["duration_differs_from_fragments"] == 4
    assert facts["power"]["longest_hold_samples"] == 16
    assert facts["carbon"]["carbon.parquet"]["covers_the_workload"] is True


def test_the_stream(surf: Workload) -> None:
    items = list(replay(surf))
    count = Counter((type(i), i.topic) for i in items)
    assert count[HeartbeatItem, "dc.workload"] == 7 * 1440 + 1
    assert count[PowerItem, "dc.power"] == 2016


MEASURE = """
import json, re, sys, time
from pathlib import Path
from opendt_streams.workload.reader import read_workload
begin = time.perf_counter()
workload = read_workload(Path(sys.argv[1]))
seconds = time.perf_counter() - begin
mb = {k: int(v) / 1024 for k, v in re.findall(r"(VmHWM|VmRSS):\\s+(\\d+) kB", Path("/proc/self/status").read_text())}
print(json.dumps({"tasks": len(workload.tasks), "seconds": seconds, "pandas": "pandas" in sys.modules, **mb}))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_reading_takes_seconds_and_little_memory() -> None:
    """VmHWM and not getrusage: ru_maxrss of a child begins with what its parent had."""
    done = subprocess.run([sys.executable, "-c", MEASURE, str(SURF)], capture_output=True, text=True, check=True)
    cost = json.loads(done.stdout)
    assert cost["tasks"] == 7_850
    assert cost["seconds"] < 5
    assert cost["VmHWM"] < 400  # of the 500 MB allowed; 230 measured
    assert cost["VmRSS"] < 250  # afterwards it shares 600 MB with the rest of dc-mock; 160 measured
    assert cost["pandas"] is False
