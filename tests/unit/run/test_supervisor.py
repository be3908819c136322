"""Children that die: again with back-off, or not at all. The children are small scripts in place of services."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from opendt_streams.errors import BadInput
from opendt_streams.run import supervisor as module
from opendt_streams.run.supervisor import Launch, ServiceFailed, Supervisor, last_words

FOREVER = "import signal; signal.pause()"


@pytest.fixture
def supervise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Supervisor]:
    """A supervisor of one child that runs a script."""

    def of(script: str, *optional: str) -> Supervisor:
        class Scripted(Supervisor):
            def _start(self, name: str) -> subprocess.Popen[bytes]:
                with self.log_of(name).open("ab") as file:
                    return subprocess.Popen([sys.executable, "-c", script], stdout=file, stderr=file)

        monkeypatch.setattr(module, "_FIRST_BACK_OFF_S", 0.01)
        monkeypatch.setattr(module, "_LONGEST_BACK_OFF_S", 0.01)
        return Scripted(tmp_path, {"worker": Launch()}, optional)

    return of


def tend_until(supervisor: Supervisor, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        supervisor.tend()


def test_a_killed_child_comes_back_and_is_counted(supervise: Callable[[str], Supervisor], tmp_path: Path) -> None:
    with supervise(FOREVER) as supervisor:
        before = supervisor.children["worker"].process
        before.kill()
        tend_until(supervisor, lambda: supervisor.restarts() == {"worker": 1})
        pids = json.loads((tmp_path / "services.json").read_text())
        assert pids["worker"] == {"pid": supervisor.children["worker"].process.pid, "restarts": 1}
        assert supervisor.notes() == ["worker was started again after: signal 9"]
        assert supervisor.peak_rss_mb().keys() == {"worker"}
    assert supervisor.children["worker"].process.poll() is not None


def test_a_child_that_ends_well_is_finished(supervise: Callable[[str], Supervisor]) -> None:
    with supervise("pass") as supervisor:
        tend_until(supervisor, lambda: "worker" in supervisor.finished)
        assert supervisor.restarts() == {"worker": 0}


def test_a_child_that_refuses_its_input_is_not_tried_again(supervise: Callable[[str], Supervisor]) -> None:
    with (
        supervise("import sys; print('opendt: site: the workload is empty'); sys.exit(2)") as supervisor,
        pytest.raises(BadInput, match="worker refuses to run: site: the workload is empty"),
    ):
        tend_until(supervisor, lambda: False)


def test_a_child_that_dies_again_and_again_is_given_up(supervise: Callable[[str], Supervisor]) -> None:
    with supervise("import sys; print('out of luck'); sys.exit(70)") as supervisor:
        with pytest.raises(ServiceFailed, match=r"died 9 times in a row, last with exit code 70: out of luck"):
            tend_until(supervisor, lambda: False)
        assert supervisor.restarts() == {"worker": 8}


def test_without_an_optional_child_the_run_goes_on(supervise: Callable[..., Supervisor]) -> None:
    with supervise("import sys; print('opendt: the port is taken'); sys.exit(2)", "worker") as supervisor:
        tend_until(supervisor, lambda: "worker" in supervisor.finished)
        assert supervisor.notes() == ["the run went on without worker: the port is taken"]


def test_who_is_stopped_stays_stopped(supervise: Callable[..., Supervisor]) -> None:
    with supervise(FOREVER) as supervisor:
        supervisor.stop({"worker", "nobody"})
        supervisor.tend()
        assert supervisor.children["worker"].process.poll() is not None
        assert supervisor.restarts() == {"worker": 0}


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("", "it said nothing"),
        ("one\n\n  two  \n\n", "two"),
        ("opendt: no broker\n", "no broker"),
        ('{"event": "stopped", "reason": "no Java"}\n', "no Java"),
        ('{"event": "crashed"}\n', "crashed"),
    ],
)
def test_last_words_are_the_last_line_that_says_something(tmp_path: Path, log: str, words: str) -> None:
    (tmp_path / "x.log").write_text(log)
    assert last_words(tmp_path / "x.log") == words


def test_a_log_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert last_words(tmp_path / "none.log") == "it said nothing"
