"""A runner that asks the native engine, through the same files: what the adapter makes of answers, without OpenDC and without processes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, cast

from opendt_streams.engine.experiment import read_experiment
from opendt_streams.engine.export import run_experiment
from opendt_streams.engine.opendc.inputs import EXPERIMENT
from opendt_streams.engine.opendc.kind import OpenDcKind
from opendt_streams.engine.opendc.runner import NoAnswer, Runner
from opendt_streams.engine.port import NO_ANSWER

T = TypeVar("T")


class InProcess:
    """`fails` says of each question, by its number of tasks, whether there is no answer; `asked` are those numbers."""

    def __init__(self, fails: Callable[[int], bool] = lambda _: False) -> None:
        self.fails, self.asked = fails, list[int]()
        self.installation = SimpleNamespace(digest="in-process", home=Path())
        self.invocations = 0

    def ask(self, label: str, write: Callable[[Path], None], read: Callable[[Path], T], *, attempts: int | None = None) -> T:
        assert label
        self.invocations += 1
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write(folder)
            number = _tasks(folder)
            self.asked.append(number)
            if self.fails(number):
                raise NoAnswer(f"{NO_ANSWER}: {number} tasks are too many, {attempts or 'some'} attempts")
            before = Path.cwd()
            os.chdir(folder)
            try:
                run_experiment(read_experiment(Path(EXPERIMENT)), Path("output"), lambda _: None)
            finally:
                os.chdir(before)
            return read(folder)


def _tasks(folder: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(folder / "workload" / "tasks.parquet").num_rows)


def kind(runner: InProcess | None = None) -> OpenDcKind:
    return OpenDcKind(cast(Runner, cast(Any, runner or InProcess())))
