"""Every form of OpenDC's input that we could think of, and what OpenDC v2.4f does with it: recorded from its runner in forms.tsv.

The native engine takes what it takes and refuses what it refuses; what OpenDC takes and the native engine does not model is refused as
such. Where there is a real OpenDC it is asked again: about some forms, or about as many as OPENDT_OPENDC_CASES says.
"""

from __future__ import annotations

import copy
import json
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from opendt_streams.engine.experiment import read_experiment
from opendt_streams.engine.export import run_experiment
from opendt_streams.engine.opendc.experiment import run_with_opendc
from opendt_streams.engine.opendc.inputs import write_workload
from opendt_streams.engine.opendc.runner import NoAnswer
from opendt_streams.engine.task_columns import TaskColumns
from opendt_streams.errors import BadInput, NotModelled, SimulationError
from opendt_streams.model.opendc_topology import read_opendc_topology, refusal
from tests.contract.engine.real import needs_opendc, real_runner, real_semantics
from tests.unit.engine.workloads import task

ASKED: Final = int(os.environ.get("OPENDT_OPENDC_CASES", "12"))
HOST: Final = {"name": "H", "cpu": {"coreCount": 4, "coreSpeed": 1000}, "memory": {"memorySize": 1000}}
MODEL: Final = {"modelType": "linear", "idlePower": -100, "maxPower": 200, "asymUtil": 0.5}
TOPOLOGY: Final[dict[str, Any]] = {"clusters": [{"name": "C", "hosts": [HOST | {"cpuPowerModel": MODEL}], "powerSource": {}}]}
EXPERIMENT: Final[dict[str, Any]] = {
    "name": "e",
    "topologies": [{"pathToFile": "topology.json"}],
    "workloads": [{"pathToFile": "work", "type": "ComputeWorkload"}],
    "exportModels": [{"exportInterval": 300, "printFrequency": None}],
}
# What OpenDC takes in some form that the native engine does not model.
UNMODELLED: Final = {
    "",
    "clusters.0.hosts.0.cpu.coreCount",
    "clusters.0.hosts.0.cpu.coreSpeed",
    "clusters.0.hosts.0.cpuDistributionPolicy",
    "clusters.0.hosts.0.memory.memorySize",
    "workloads",
    "allocationPolicies",
    "failureModels",
    "checkpointModels",
}


@dataclass(frozen=True)
class Form:
    file: str
    key: str
    json: str
    opendc: str
    meaning: str

    def document(self) -> bytes:
        if not self.key:
            return self.json.encode()
        document: Any = copy.deepcopy(TOPOLOGY if self.file == "topology" else EXPERIMENT)
        at = document
        *above, last = self.key.split(".")
        for name in above:
            at = at[int(name)] if isinstance(at, list) else at[name]
        at[last] = "@" if self.json else None
        if not self.json:
            del at[last]
        return json.dumps(document).replace('"@"', self.json).encode()


def forms() -> list[Form]:
    lines = (Path(__file__).parent / "forms.tsv").read_text(encoding="utf-8").splitlines()
    return [Form(*line.split("\t")) for line in lines if not line.startswith("#")]


def by_key() -> dict[str, list[Form]]:
    found = defaultdict(list)
    for form in forms():
        found[f"{form.file} {form.key}"].append(form)
    return found


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a topology and a workload in it."""
    monkeypatch.chdir(tmp_path)
    work = [task(1, 0, [(300_000, 500.0), (300_000, 700.0)]), task(2, 60_000, [(300_000, 1000.0)]), task(3, 90_000, [(300_000, 250.0)])]
    write_workload(TaskColumns.of(work), tmp_path / "work")
    write(None)
    return tmp_path


def write(form: Form | None) -> None:
    for file, whole in (("topology", TOPOLOGY), ("experiment", EXPERIMENT)):
        mine = form is not None and form.file == file
        Path(f"{file}.json").write_bytes(form.document() if mine and form is not None else json.dumps(whole).encode())


def native() -> str:
    try:
        run_experiment(read_experiment(Path("experiment.json")), Path("native"), lambda share: None)
    except NotModelled as error:
        return f"not modelled: {error}"
    except BadInput as error:
        return f"refused: {error}"
    except SimulationError as error:
        return f"endless: {error}"
    return "taken"


def agree(opendc: str, ours: str) -> bool:
    allowed = {"taken": ("taken", "not modelled"), "refused": ("refused",), "endless": ("not modelled", "endless")}
    return ours.split(":")[0] in allowed[opendc]


@pytest.mark.parametrize("key", by_key())
def test_every_form_is_taken_or_refused_as_by_opendc(key: str) -> None:
    wrong, unmodelled = [], 0
    for form in by_key()[key]:
        write(form)
        ours = native()
        if not agree(form.opendc, ours):
            wrong.append(f"{form.json}: {form.opendc} by OpenDC, here {ours}")
        unmodelled += form.opendc == "taken" and ours != "taken"
    assert wrong == []
    assert not unmodelled or key.split(" ")[1] in UNMODELLED


def test_quantities_mean_what_they_mean_to_opendc() -> None:
    found = {}
    expected = {form: float(form.meaning) for form in forms() if form.meaning}
    for form in expected:
        try:
            (group,) = read_opendc_topology(form.document()).clusters[0].host_groups
            found[form] = group.memory_mib if form.key.endswith("memorySize") else group.capacity_mhz
        except NotModelled:
            found[form] = expected[form]
    assert len(found) > 80
    assert {f.json: v for f, v in found.items()} == pytest.approx({f.json: v for f, v in expected.items()}, rel=1e-7)


WHOLE: Final = json.dumps(TOPOLOGY)
RAW: Final = {
    "a byte order mark": ("refused", "\ufeff" + WHOLE),
    "a comma behind the last": ("refused", WHOLE[:-1] + ",}"),
    "a comment": ("refused", "/* x */" + WHOLE),
    "text behind the end": ("refused", WHOLE + " x"),
    "another object": ("refused", WHOLE + "{}"),
    "blanks behind the end": ("taken", WHOLE + "\n\n \t"),
    "an empty file": ("refused", ""),
    "no end": ("refused", WHOLE[:-1]),
    "keys without quotes": ("refused", WHOLE.replace('"clusters"', "clusters")),
    "single quotes": ("refused", WHOLE.replace('"', "'")),
    "a key twice": ("taken", WHOLE.replace('"name": "C"', '"name": "A", "name": "B"')),
    "a key twice, once wrong": ("refused", WHOLE.replace('"name": "C"', '"name": 7, "name": "B"')),
    "NaN": ("refused", WHOLE.replace("1000}", "NaN}", 1)),
    "a plus": ("taken", WHOLE.replace("1000}", "+1000}", 1)),
    "a point without digits": ("taken", WHOLE.replace("1000}", "1000.}", 1)),
    "a unit without quotes": ("taken", WHOLE.replace("1000}", "1GHz}", 1)),
    "a name without quotes": ("refused", WHOLE.replace('"C"', "C")),
    "a tab in a name": ("taken", WHOLE.replace('"C"', '"C\tD"')),
    "an unknown escape": ("refused", WHOLE.replace('"C"', '"C\\x"')),
    "a form feed": ("refused", "\f" + WHOLE),
    "a null byte at the end": ("refused", WHOLE + "\0"),
    "a count with a point": ("refused", WHOLE.replace('"coreCount": 4', '"coreCount": 4.0')),
    "a count with an exponent": ("taken", WHOLE.replace('"coreCount": 4', '"coreCount": 40e-1')),
    "true in capitals": ("refused", WHOLE.replace('"coreCount": 4', '"coreCount": True')),
}


@pytest.mark.parametrize("case", RAW)
def test_json_is_what_it_is_to_opendc(case: str) -> None:
    opendc, text = RAW[case]
    assert (refusal(text.encode()) is None) == (opendc == "taken")


def test_lists_that_are_nested_without_end_are_refused() -> None:
    error = refusal(b'{"clusters": ' + b"[" * 100_000)
    assert error is not None
    assert "nested too deep" in str(error)


@needs_opendc
@pytest.mark.parametrize("form", forms()[:: max(1, len(forms()) // ASKED)], ids=lambda f: f"{f.key} {f.json[:40]}")
def test_opendc_does_with_it_what_was_recorded(form: Form) -> None:
    if real_semantics() != "2.4f":
        pytest.skip("the table is about v2.4f")
    write(form)
    try:
        run_with_opendc(Path("experiment.json"), Path("opendc"), real_runner())
        found = "taken"
    except NoAnswer:
        found = "endless"
    except (BadInput, SimulationError):
        found = "refused"
    assert found == form.opendc
