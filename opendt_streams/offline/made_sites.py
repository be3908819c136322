"""Made sites that queue: which host runs what, and from when on, is what OpenDC's rules say of the whole workload in one go."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import orjson
import pyarrow.parquet as pq

from opendt_streams.engine.experiment import read_experiment
from opendt_streams.engine.export import run_experiment
from opendt_streams.engine.native.hosts import unique_names
from opendt_streams.model import times
from opendt_streams.model.topology_json import read_topology
from opendt_streams.workload import sample_meter
from opendt_streams.workload.sample import SampleSummary
from opendt_streams.workload.sample_bursts import check_load
from opendt_streams.workload.site import TOPOLOGY
from opendt_streams.workload.truth.description import SiteTruth
from opendt_streams.workload.truth.groups import sample_truth
from opendt_streams.workload.truth.writing import Places, write_site

_COLUMNS: Final = ("task_id", "host_name", "schedule_time")
_BATCH_ROWS: Final = 100_000


def make_site(directory: Path, truth: SiteTruth, seed: int, name: str = "site") -> SampleSummary:
    """A site of known truth; with a load it queues. See `write_site`."""
    return write_site(directory, truth, seed, name, place=whole_experiment)


def make_queueing_sample(directory: Path, seed: int, days: int, hosts: int, load: float) -> SampleSummary:
    """The sample's hosts, law, wave and meter, with jobs that queue; truth.json says what is true of it.

    Raises:
        BadInput: as `write_sample`, or for a load that no site has.
    """
    check_load(load)
    groups = sample_truth(hosts, days)
    described = SiteTruth(
        about="the sample, with a queue",
        days=days,
        hosts=hosts,
        host_groups=len(groups),
        clusters=len({g.sheet.cluster for g in groups}),
        noise=sample_meter.NOISE,
        refresh=sample_meter.REFRESH,
        longest_hold=sample_meter.LONGEST_HOLD,
        resolution_w=sample_meter.RESOLUTION_W,
        load=load,
    )
    return write_site(directory, described, seed, "sample", place=whole_experiment, groups=groups)


def whole_experiment(directory: Path) -> Places:
    """What `opendt engine run` says of a workload directory, without windows: nothing else knows of them."""
    document = orjson.loads((directory / TOPOLOGY).read_bytes())
    topology = read_topology(document)
    names = unique_names([group.name for _, _, group in topology.host_groups for _ in range(group.count)])
    host_of = {name: number for number, name in enumerate(names)}
    with tempfile.TemporaryDirectory(prefix="opendt-placing-") as scratch:
        experiment, hosts = Path(scratch) / "experiment.json", Path(scratch) / TOPOLOGY
        hosts.write_bytes(orjson.dumps({"clusters": [{"name": c["name"], "hosts": c["hosts"]} for c in document["clusters"]]}))
        asked = {
            "topologies": [{"pathToFile": str(hosts)}],
            "workloads": [{"pathToFile": str(directory), "type": "ComputeWorkload"}],
            "exportModels": [{"exportInterval": times.DAY // times.SECOND, "filesToExport": ["task"]}],
        }
        experiment.write_bytes(orjson.dumps(asked))
        (report,) = run_experiment(read_experiment(experiment), Path(scratch), lambda _: None)
        return dict(_begun(report.folder / "task.parquet", host_of))


def _begun(table: Path, host_of: dict[str, int]) -> Iterator[tuple[int, tuple[int, int]]]:
    with pq.ParquetFile(table) as file:
        for batch in file.iter_batches(_BATCH_ROWS, columns=list(_COLUMNS)):
            for task, host, begun_ms in zip(*(batch[name].to_pylist() for name in _COLUMNS), strict=True):
                if begun_ms is not None and host in host_of:  # a task that waits, or found no host at all, has none
                    yield task, (host_of[host], begun_ms // times.SECOND)
