"""What all benchmarks share: each case in a process of its own, its peak memory, the machine, and the table that is kept."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import resource
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType

HEAD = ("| case | wall time | more | peak memory |", "|---|---|---|---|")
Case = Callable[..., list[str]]


def machine(library: ModuleType) -> str:
    """The machine, and the version of what the figures hang on most."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())
    versions = f"Python {platform.python_version()}, {library.__name__} {library.__version__}"
    return f"{model or platform.machine()}, {os.cpu_count()} cores, {versions}"


def measured_apart(name: str, case: Case, *arguments: object) -> str:
    """The table's line of a case that is run in a process of its own, so that its peak memory is its own too."""
    spawn = multiprocessing.get_context("spawn")
    channel: multiprocessing.Queue[list[str]] = spawn.Queue()
    process = spawn.Process(target=_measure, args=(channel, case, arguments))
    process.start()
    process.join()
    if process.exitcode != 0:
        raise SystemExit(f"{name}: the measuring process ended with {process.exitcode}")
    return f"| {name} | " + " | ".join(channel.get()) + " |"


def _measure(channel: multiprocessing.Queue[list[str]], case: Case, arguments: tuple[object, ...]) -> None:
    found = case(*arguments)
    unit = 1e6 if sys.platform == "darwin" else 1e3
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    channel.put([*found, f"{peak / unit:.0f} MB"])


def parser(description: str | None, quick: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--quick", action="store_true", help=quick)
    made.add_argument("--write", action="store_true", help="keep the table in the .md file beside this one")
    return made


def show(lines: Iterable[str], keep: Path | None, title: str) -> None:
    """Print the table as it comes, and write it beside the benchmark `keep` when it is whole."""
    shown = []
    for line in lines:
        print(line, flush=True)
        shown.append(line)
    if keep is not None:
        head = f"# {title}: last figures\n\nFrom `make bench`; see {keep.name} for what each line does.\n\n"
        keep.with_suffix(".md").write_text(head + "\n".join(shown) + "\n")
