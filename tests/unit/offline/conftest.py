"""One small site of known truth, recorded once."""

from __future__ import annotations

from pathlib import Path

import pytest

from opendt_streams.offline.recording import Recording
from opendt_streams.offline.simulating import record_workload
from opendt_streams.workload.reader import read_workload
from opendt_streams.workload.truth.description import SiteTruth
from opendt_streams.workload.truth.document import Truth, load_truth
from opendt_streams.workload.truth.writing import write_site

STEP_HOUR, FAULT_HOUR = 24.25, 36.5
SITE = SiteTruth.model_validate(
    {
        "days": 2,
        "hosts": 16,
        "host_groups": 2,
        "changes": [{"parameter": "idle", "by": 0.2, "at_hour": STEP_HOUR}],
        "faults": [{"kind": "stuck", "from_hour": FAULT_HOUR, "for_hours": 3}],
    }
)


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("offline") / "site"
    write_site(path, SITE, 21)
    return path


@pytest.fixture(scope="session")
def recording(directory: Path) -> Recording:
    return record_workload(read_workload(directory))


@pytest.fixture(scope="session")
def truth(directory: Path) -> Truth:
    found = load_truth(directory)
    assert found is not None
    return found
