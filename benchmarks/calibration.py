"""The tables of docs/calibration.md: made anew, or compared with what stands there.

Run: make tables, or python benchmarks/calibration.py [--check] [--surf DIR] [SECTION...]. Sections: sample, sites, and with --surf
also those of the SURF week; without its data they stay as they are.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from opendt_streams.assembly import new_method
from opendt_streams.calibration import METHODS
from opendt_streams.model import times
from opendt_streams.offline.comparison import Line, compare
from opendt_streams.offline.driving import drive
from opendt_streams.offline.markdown import score_table, site_table, table
from opendt_streams.offline.recording import Recording
from opendt_streams.offline.scoring import figures
from opendt_streams.offline.simulating import record_workload
from opendt_streams.settings import Settings, load
from opendt_streams.workload.reader import read_workload
from opendt_streams.workload.sample import write_sample
from opendt_streams.workload.truth.document import load_truth
from opendt_streams.workload.truth.sites import SITES
from opendt_streams.workload.truth.writing import write_site

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "calibration.md"
INTERVALS: Final = tuple(minutes * times.MINUTE for minutes in (5, 15, 60, 360, 1440))
SAMPLE_SEED, SITES_SEED = 7, 4242
GRIDS: Final = (
    (1, 0, "promptly"),
    (1, 1, "one window late"),
    (1, 4, "four windows late, as the first effect in OpenDT's recorded run"),
    (8, 4, "and a change every eight windows: 21 changes in 167 there"),
)
"""(publication interval [h], delay [h], why): OpenDT's windows are an hour long."""


def record(directory: Path) -> Recording:
    return record_workload(read_workload(directory), load(None).settings.grid)


def compared(directory: Path, intervals: tuple[int, ...], settings: Settings, methods: tuple[str, ...] = tuple(METHODS)) -> list[Line]:
    recording, truth = record(directory), load_truth(directory)
    return compare(recording, methods, intervals, lambda name, every: new_method(settings, name, every), truth=truth)


def sample(scratch: Path) -> str:
    write_sample(scratch, SAMPLE_SEED, days=2)
    return score_table(compared(scratch, INTERVALS[1:4], load(None).settings))


def sites(scratch: Path) -> str:
    settings, found = load(None).settings, {}
    for name, site in SITES.items():
        write_site(scratch / name, site, SITES_SEED)
        found[name] = compared(scratch / name, (times.HOUR,), settings)
    return site_table(found, settings.calibrator.method)


def surf(directory: Path) -> str:
    return score_table(compared(directory, INTERVALS, load(None).settings))


def opendt(directory: Path) -> str:
    """OpenDT's grid as its experiment sets it, by how often and how late its parameters came into use."""
    settings, recording = load(None).settings, record(directory)
    rows = []
    for hours, late, note in GRIDS:
        driven = drive(recording, new_method(settings, "grid", hours * times.HOUR), hours * times.HOUR, delay_ms=late * times.HOUR)
        found = figures(recording, driven)
        numbers = (found.b_mape_percent, found.b_good_hours_percent, found.mape_percent)
        rows.append([f"{hours} h", f"{late} h", *("" if x is None else f"{x:.2f}" for x in numbers), note])
    return table(["decided every", "used late by", "B: MAPE %", "B: hours %", "A: MAPE %", ""], rows)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a table would change")
    arguments.add_argument("--surf", type=Path, help="folder of the SURF week")
    arguments.add_argument("sections", nargs="*", metavar="SECTION")
    given = arguments.parse_args()
    makers: dict[str, Callable[[Path], str]] = {"sample": sample, "sites": sites}
    if given.surf is not None:
        makers |= {"surf": lambda _: surf(given.surf), "opendt": lambda _: opendt(given.surf)}
    changed = [name for name, make in makers.items() if name in (given.sections or makers) and put(name, make, write=not given.check)]
    for name in changed:
        print(f"{PAGE.name}: the table {name} {'differs: run make tables' if given.check else 'is new'}", file=sys.stderr)
    return int(given.check and bool(changed))


def put(name: str, make: Callable[[Path], str], *, write: bool) -> bool:
    """Make a table and put it between its marks; whether that changes anything."""
    with tempfile.TemporaryDirectory() as scratch:
        made = make(Path(scratch) / "made" if name == "sample" else Path(scratch))
    page = PAGE.read_text(encoding="utf-8")
    marks = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
    if marks.search(page) is None:
        raise SystemExit(f"{PAGE} has no marks for the table {name}")
    new = marks.sub(lambda found: f"{found[1]}{made}\n{found[2]}", page)
    if write and new != page:
        PAGE.write_text(new, encoding="utf-8")
    return new != page


if __name__ == "__main__":
    sys.exit(main())
