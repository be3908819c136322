"""Does this runner run, and which OpenDC is it? Asked once at a start, with the smallest experiment that tells.

Two tasks of 700 MiB on one host of 1000 MiB: v2.4f over-commits memory 1.5 times and runs them side by side, later releases one after
the other (opendc-semantics sections 6 and 13). The power at the second tick says which.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from opendt_streams.engine.opendc.inputs import POWER_FILE, write_problem
from opendt_streams.engine.opendc.problem import Problem
from opendt_streams.engine.opendc.rows import read_power
from opendt_streams.engine.opendc.runner import Runner
from opendt_streams.engine.port import Submission
from opendt_streams.errors import SimulationError, Unavailable
from opendt_streams.model.task import Task, fragments
from opendt_streams.model.topology import Cluster, HostGroup, PowerModel, Topology

_SECOND_MS: Final = 1000
_TOPOLOGY: Final = Topology((Cluster("C", (HostGroup("H", 1, 1, 2, 1000.0, 1000, PowerModel("linear", 100.0, 200.0)),)),))
_SEMANTICS: Final = {200.0: "2.4f", 150.0: "2.4g+"}


def probe(runner: Runner) -> str:
    """The semantics of the runner: "2.4f" or "2.4g+".

    Raises:
        Unavailable: it does not run here, or answers what no OpenDC that we know answers.
    """
    tasks = [Task(i, 0, 3 * _SECOND_MS, 1, 0.0, 700_000, fragments([3 * _SECOND_MS], [1000.0])) for i in (1, 2)]
    submissions = tuple(Submission(task, 0, task.id) for task in tasks)
    problem = Problem(_TOPOLOGY, {}, submissions, 0, 2 * _SECOND_MS, _SECOND_MS)

    def read(folder: Path) -> float:
        return float(read_power(folder / POWER_FILE, 0, _SECOND_MS, ["C"]).clusters["C"].power_w[1])

    where = str(runner.installation.home)
    try:
        power_w = runner.ask("probe", lambda folder: write_problem(problem, folder), read, attempts=1)
    except SimulationError as error:
        raise Unavailable(f"the runner does not run: {error.what}", where=where, hint="docs/opendc.md says what it needs") from None
    if power_w not in _SEMANTICS:
        raise Unavailable(f"the runner answers {power_w:g} W to a question with the answers 150 W and 200 W", where=where)
    return _SEMANTICS[power_w]


def require(runner: Runner, semantics: str) -> None:
    """Refuse a runner that does not run, or is of another OpenDC than `engine.semantics` says.

    Raises:
        Unavailable: in one sentence.
    """
    found = probe(runner)
    if found != semantics:
        raise Unavailable(
            f"this OpenDC has the semantics {found}, engine.semantics says {semantics}",
            where=str(runner.installation.home),
            hint="Give the release that belongs to it, or change engine.semantics",
        )
