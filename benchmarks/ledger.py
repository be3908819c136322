"""How fast a ledger of 100,000 topology events is verified, loaded and asked.

Run: make bench, or python benchmarks/ledger.py [--quick] [--write]. The ledger is made here: SURF's hardware in three host groups, mostly
calibrations, one event in a hundred an edit, some rejected, some repeated, some branches. Every line runs in a process of its own.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from figures import HEAD, machine, measured_apart, parser, show

from opendt_streams.audit.asof.answers import AsOf
from opendt_streams.audit.asof.beliefs_topics import Decisions, Meters, Results, Workload
from opendt_streams.audit.evidence import RUN_FILE, Evidence, RunInfo, TopicWriter
from opendt_streams.model import times
from opendt_streams.model.canonical import canonical
from opendt_streams.model.decision import Decision, Score
from opendt_streams.model.event import MAIN, TopologyEvent
from opendt_streams.model.result import Series, TaskCounts, WindowResult
from opendt_streams.model.topology import Cluster, HostGroup, PowerModel, Topology
from opendt_streams.topology import snapshot
from opendt_streams.topology.compact import CompactLedger
from opendt_streams.topology.events import make_event
from opendt_streams.topology.verify import verify_ledger
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.messages import DecisionRecorded, ResultRecorded, ResumePoint
from opendt_streams.wire.record import Record
from opendt_streams.wire.twin import event_value

EVENTS, START_MS = 100_000, times.parse("2022-10-06T22:00:00Z")
SNAPSHOT, ASKED = "ledger.parquet", 2_000


def site(rng: random.Random, hosts: int) -> Topology:
    """277 hosts as SURF has them, in three groups, with the power models that a calibration would find."""

    def model() -> PowerModel:
        watts = [round(rng.uniform(*span), 6) for span in ((15, 60), (0, 90), (60, 200))]
        return PowerModel("busy-linear", watts[0], 0.0, busy_power_w=watts[1], slope_power_w=watts[2])

    groups = tuple(HostGroup(f"H0{n}", count, 1, 16, 2100.0, 128_000_000, model()) for n, count in enumerate((200, 50, hosts), start=1))
    return Topology((Cluster("C01", groups, carbon_trace="carbon.parquet"),))


def ledger(count: int, seed: int = 1) -> Iterator[Record]:
    """Records as the twin's services write them, one second of wall time apart."""
    rng = random.Random(seed)
    heads: dict[str, TopologyEvent] = {}
    hosts, before = 27, None
    for offset in range(count):
        dice, branch, cause = rng.random(), MAIN, f"SURF|{times.iso(START_MS + offset * times.HOUR)}"
        kind, source, parent = "calibrated", "calibrator", heads.get(MAIN)
        if not heads:
            kind, source, cause = "baselined", "simulator", f"{cause}|baseline"
        elif dice < 0.01:
            kind, source, hosts = "edited", "api", rng.randint(20, 40)
        elif dice < 0.015:
            kind, source, branch = "branched", "cli", f"what-if/{len(heads)}"
        elif dice < 0.03 and len(heads) > 1:
            kind, source, branch = "edited", "cli", rng.choice([b for b in heads if b != MAIN])
            parent = heads[branch]
        elif dice < 0.05 and before is not None:
            parent = before  # a stale writer
        elif dice < 0.06 and before is not None:
            yield record(offset, heads[MAIN], "calibrator")  # a repetition
            continue
        event = make_event(
            parent=parent.id if parent else None,
            kind=kind,  # type: ignore[arg-type]
            actor=source,
            reason="calibrated" if kind == "calibrated" else "rack 7 is online",
            cause=cause,
            topology=site(rng, hosts if branch == MAIN else 10),
            branch=branch,
        )
        yield record(offset, event, source)
        if parent is heads.get(branch) or kind == "branched":
            before = heads.get(MAIN)
            heads[branch] = event


def record(offset: int, event: TopologyEvent, source: str) -> Record:
    now_ms = START_MS + offset * times.SECOND
    headers = h.cloud_event(event_id=event.id, event_type="topology-event", source=f"opendt/{source}", time=times.iso(now_ms))
    more = {h.CONFIG: "0" * 64, h.INPUTS: '{"dc.power":169,"sim.results":12,"sim.topology":2}', h.LEDGER: str(offset)}
    return Record(topics.LEDGER, 0, offset, b"SURF", canonical(event_value(event)), tuple(h.to_kafka(headers | more)), now_ms)


def write(folder: Path, count: int) -> None:
    """The ledger as evidence on disk, as an audit of a run or of a bundle reads it."""
    with TopicWriter(folder, topics.LEDGER) as writer:
        for one in ledger(count):
            writer.put(one)
    info = RunInfo(run="bench", datacenter="SURF", partition=0, partitions=1, code_version="", settings={})
    (folder / RUN_FILE).write_text(info.model_dump_json())


def folded(folder: Path) -> CompactLedger:
    compact = CompactLedger()
    for one in Evidence(folder).own(topics.LEDGER):
        compact.add(one)
    return compact


def loading(folder: Path) -> list[str]:
    begin = time.perf_counter()
    compact = folded(folder)
    wall = time.perf_counter() - begin
    accepted = sum(map(len, compact.branches.values()))
    return [f"{wall:.2f} s", f"{len(compact) / wall:,.0f} records/s; {accepted:,} accepted, {len(compact.branches):,} branches"]


def verifying(folder: Path) -> list[str]:
    begin = time.perf_counter()
    report = verify_ledger(Evidence(folder).own(topics.LEDGER))
    wall = time.perf_counter() - begin
    assert report.ok, report.problems[0]
    return [f"{wall:.2f} s", f"{report.accepted:,} accepted, {report.rejected:,} rejected, {report.repeated:,} repeated"]


def keeping(folder: Path) -> list[str]:
    compact = folded(folder)
    begin = time.perf_counter()
    snapshot.save(compact, folder / SNAPSHOT)
    return [f"{time.perf_counter() - begin:.2f} s", f"{(folder / SNAPSHOT).stat().st_size / 2**20:.1f} MiB"]


def resuming(folder: Path) -> list[str]:
    begin = time.perf_counter()
    compact = snapshot.load(folder / SNAPSHOT)
    wall = time.perf_counter() - begin
    begin = time.perf_counter()
    columns = pq.read_table(Evidence(folder).path(topics.LEDGER), columns=["offset", "timestamp_ms", "value"])
    snapshot.require_of_log(compact, zip(*(column.to_pylist() for column in columns.columns), strict=True))
    return [f"{wall:.2f} s", f"and {time.perf_counter() - begin:.2f} s to compare it with the log"]


def asking(folder: Path) -> list[str]:
    """A decision for every event of main and a window an hour: both sides of the answer, differences and JSON included."""
    compact = snapshot.load(folder / SNAPSHOT)
    grid = Grid(window_ms=times.HOUR, sample_interval_ms=times.HOUR, publish_every_ms=times.HOUR)
    decisions, results = Decisions(), Results()
    meters, workload = Meters(grid.max_jump_ms), Workload(grid.max_jump_ms)
    meters.sort()
    main = compact.branches[MAIN]
    for hour, row in enumerate(main):
        start_ms, now_ms, event_id = START_MS + hour * times.HOUR, compact.log.timestamp_ms[row], compact.log.ids[row]
        series = Series((20e3 + hour % 999,), (7.2e7,), (400.0,), (8.0,))
        result = WindowResult(
            "", "SURF", MAIN, start_ms, start_ms + times.HOUR, event_id, False, TaskCounts(), row_ms=(start_ms + times.HOUR,), total=series
        )
        results.take(now_ms + 5, ResultRecorded(result, ledger=row + 1))
        score = Score(120, 1.0 + hour % 7 / 10, 100.0, 0.1, 1.2, 3.0, 0.6)
        decision = Decision(
            "", "SURF", start_ms + times.HOUR, "recursive", "calibrated", "calibrated", {}, {}, 120, 0, event_id, score_in_force=score
        )
        decisions.take(now_ms + 9, DecisionRecorded(decision, compact.log.offsets[row] + 1, ResumePoint(0, 0, None, None, 0)))
    asof, rng, costs = AsOf(grid, compact, decisions, results, meters, workload), random.Random(1), []
    for number in range(ASKED):
        row = rng.randrange(main[2], len(compact))
        by_time, by_id = times.iso(compact.log.timestamp_ms[row]), compact.log.ids[row][:12]
        effective_ms = START_MS + rng.randrange(2 * times.HOUR, len(main) * times.HOUR) if number % 10 else None
        begin = time.perf_counter()
        asof.ask((by_time, str(compact.log.offsets[row]), by_id)[number % 3], effective_ms).document()
        costs.append(time.perf_counter() - begin)
    return percentiles(costs)


def asking_run(folder: Path) -> list[str]:
    """The same of a run's own evidence, whatever it holds."""
    begin = time.perf_counter()
    asof = AsOf.of(Evidence(folder))
    loaded, rng, costs = time.perf_counter() - begin, random.Random(1), []
    recorded, windows = asof.results.timeline.timestamp_ms, asof.results.windows
    for _ in range(ASKED):
        believed, window = times.iso(rng.choice(recorded)), rng.choice(windows)
        begin = time.perf_counter()
        asof.ask(believed, window.start_ms + rng.randrange(5 * times.MINUTE)).document()
        costs.append(time.perf_counter() - begin)
    wall, more = percentiles(costs)
    return [wall, f"{more}; {len(windows):,} windows and all else loaded in {loaded:.2f} s"]


def percentiles(costs: list[float]) -> list[str]:
    p50, p95 = np.percentile(costs, [50, 95]) * 1e3
    return [f"p95 {p95:.1f} ms", f"median {p50:.1f} ms, worst {max(costs) * 1e3:.1f} ms, {len(costs):,} questions"]


LINES: dict[str, Callable[[Path], list[str]]] = {
    "load with full verification": loading,
    "`topology verify`": verifying,
    "write the snapshot": keeping,
    "load the verified snapshot": resuming,
    "as-of, random R and T": asking,
}


def table(count: int, evidence: Path | None) -> Iterator[str]:
    yield f"{machine(pa)}; {count:,} records"
    yield ""
    yield from HEAD
    with tempfile.TemporaryDirectory(prefix="opendt-bench-") as made:
        write(Path(made), count)
        for name, case in LINES.items():
            yield measured_apart(name, case, Path(made))
        if evidence is not None:
            yield measured_apart("as-of over the evidence of a run", asking_run, evidence)


def main() -> None:
    options = parser(__doc__, "a ledger of a tenth of the size")
    options.add_argument("--evidence", type=Path, metavar="DIR", help="ask an unpacked bundle of a run as well")
    arguments = options.parse_args()
    lines = table(EVENTS // 10 if arguments.quick else EVENTS, arguments.evidence)
    show(lines, Path(__file__) if arguments.write else None, "The ledger")


if __name__ == "__main__":
    main()
