"""The synthetic datacenter: reproducible, in order, and true to the law that it states."""

from __future__ import annotations

import hashlib
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from opendt_streams.errors import BadInput
from opendt_streams.model.topology import HostGroup
from opendt_streams.workload import sample_meter
from opendt_streams.workload.check import check_workload
from opendt_streams.workload.reader import Workload, read_workload
from opendt_streams.workload.sample import write_sample
from opendt_streams.workload.sample_jobs import Job
from opendt_streams.workload.sample_site import sample_groups

SEED, DAYS = 7, 2


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sample") / "site"
    write_sample(path, SEED, DAYS)
    return path


@pytest.fixture(scope="module")
def site(directory: Path) -> Workload:
    return read_workload(directory)


def digests(path: Path) -> dict[str, str]:
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in sorted(path.iterdir())}


def test_same_seed_same_bytes_other_seed_others(directory: Path, tmp_path: Path) -> None:
    write_sample(tmp_path / "again", SEED, DAYS)
    assert digests(tmp_path / "again") == digests(directory)
    write_sample(tmp_path / "other", SEED + 1, DAYS)
    other = digests(tmp_path / "other")
    assert {name for name in other if other[name] != digests(directory)[name]} == set(other) - {"topology.json"}


def test_it_holds_everything_and_the_check_finds_nothing(directory: Path) -> None:
    assert set(digests(directory)) == {
        *(f"{name}.parquet" for name in ("tasks", "fragments", "consumption", "carbon", "carbon-C02")),
        "topology.json",
        "workload.yaml",
    }
    report = check_workload(directory)
    assert report.findings == ()
    facts: Any = report.facts
    assert facts["power"]["interval_ms"] == 30_000
    assert facts["power"]["gaps"] == 0
    assert 1 < facts["power"]["longest_hold_samples"] < 17
    assert facts["power"]["repeats_percent"] > 50
    assert facts["tasks"]["without_fragments"] > 0
    assert facts["tasks"]["zero_usage"] > 0
    assert facts["topology"]["host_groups"] >= 4
    assert len(facts["carbon"]) == facts["topology"]["clusters"] == 2


def test_jobs_are_of_all_kinds(site: Workload) -> None:
    tasks = site.tasks
    start = tasks.submission_ms[0]
    assert int((tasks.submission_ms == start).sum()) > 5
    assert int((tasks.cpu_count <= 8).sum()) > 50
    lengths = np.diff(tasks.submission_ms[tasks.submission_ms > start])
    assert lengths.min() >= 1000
    assert not (tasks.submission_ms % 1000).any()
    odd = tasks.fragment_duration_ms != 30_000
    assert 0 < odd.mean() < 0.1
    assert (np.percentile(tasks.duration_ms, 99) / np.median(tasks.duration_ms)) > 10
    by_hour = np.bincount((tasks.submission_ms[tasks.submission_ms > start] // 3_600_000 % 24), minlength=24)
    assert by_hour[10:18].sum() > 2 * by_hour[[22, 23, 0, 1, 2, 3, 4, 5]].sum()


def modelled(site: Workload, watts: Any) -> Any:
    """Power at the sample instants when a host of a group draws watts(group, utilisation); placed as the generator places."""
    tasks = [t for t in site.tasks if len(t.fragments)]
    start = site.tasks.submission_ms[0].item()
    jobs = [
        Job(
            (t.submission_ms - start) // 1000,
            t.duration_ms // 1000,
            t.cpu_count,
            t.memory_mib,
            t.fragments.duration_ms,
            t.fragments.cpu_usage_mhz.astype(np.int64),
        )
        for t in tasks
    ]
    placed = sample_meter.place(jobs, sample_groups(site.topology.host_count))
    assert site.power is not None
    instants = (site.power.time_ms - start) // 1000
    total = np.zeros(len(instants))
    first = 0
    for _, _, group in site.topology.host_groups:
        for host in range(first, first + group.count):
            here = [job for job, at in zip(jobs, placed, strict=True) if at == host]
            total += watts(group, sample_meter.host_utilisation(here, int(group.capacity_mhz), instants))
        first += group.count
    return total


def mape(site: Workload, watts: Any) -> float:
    assert site.power is not None
    return float(100 * np.mean(np.abs(modelled(site, watts) - site.power.power_w) / site.power.power_w))


def test_the_stated_truth_explains_the_meter_and_the_datasheet_does_not(directory: Path, site: Workload) -> None:
    truth = yaml.safe_load((directory / "workload.yaml").read_text())["truth"]["parameters"]

    def true_law(group: HostGroup, u: Any) -> Any:
        p = truth[group.name]
        return p["idlePower"] + p["busyPower"] * np.minimum(1, group.cores * u) + p["slopePower"] * u

    def datasheet(group: HostGroup, u: Any) -> Any:
        m = group.power_model
        return m.idle_power_w + (m.max_power_w - m.idle_power_w) * (2 * u - u**m.calibration_factor)

    assert mape(site, true_law) < 1.0
    assert 8.0 < mape(site, datasheet) < 16.0


def test_the_truth_lies_within_what_calibration_may_publish(site: Workload) -> None:
    """The box of field-guide section 1.1, as multiples of the datasheet."""
    for true, (_, _, told) in zip(sample_groups(48), site.topology.host_groups, strict=True):
        spread = told.power_model.max_power_w - told.power_model.idle_power_w
        assert 0.6 < true.truth.idle_w / told.power_model.idle_power_w < 2.4
        assert 0.0 < true.truth.busy_w / spread < 0.6
        assert 0.4 < true.truth.slope_w / spread < 1.35


def test_hosts_are_shared_and_never_overfull(site: Workload) -> None:
    """Reservations replayed job by job: never more cores than a host has, somewhere several jobs at once, all groups in use."""
    groups = sample_groups(site.topology.host_count)
    tasks = [t for t in site.tasks if len(t.fragments)]
    jobs = [
        Job(t.submission_ms // 1000, 0, t.cpu_count, t.memory_mib, t.fragments.duration_ms, t.fragments.cpu_usage_mhz.astype(np.int64))
        for t in tasks
    ]
    placed = sample_meter.place(jobs, groups)
    assert None not in placed
    cores = [g.cores for g in groups for _ in range(g.count)]
    most_jobs = 0
    for host, entries in groupby(sorted(range(len(jobs)), key=lambda i: placed[i] or 0), key=lambda i: placed[i] or 0):
        events = sorted(e for i in entries for e in ((jobs[i].start_s, 1, jobs[i].cores), (jobs[i].end_s, 0, -jobs[i].cores)))
        used = running = 0
        for _, _, change in events:
            used += change
            running += 1 if change > 0 else -1
            most_jobs = max(most_jobs, running)
            assert used <= cores[host]
    assert most_jobs > 1
    bounds = np.cumsum([0, *(g.count for g in groups)])
    assert all(any(lo <= (p or 0) < hi for p in placed) for lo, hi in pairwise(bounds.tolist()))


def job(start_s: int, cores: int, memory_mib: int, seconds: int = 60, usage: int = 100) -> Job:
    return Job(start_s, seconds, cores, memory_mib, np.array([seconds * 1000]), np.array([usage]))


def test_placement_is_most_free_memory_first_then_topology_order() -> None:
    groups = sample_groups(8)  # thin 4 x 256 GiB, wide 2 x 256, fat 1 x 320, fast 1 x 288
    gib = 1024
    jobs = [
        job(0, 8, 100 * gib),  # fat, then 220 free
        job(1, 8, 100 * gib),  # fast, then 188 free
        job(2, 8, 100 * gib),  # the first thin host
        job(3, 32, 10 * gib),  # 32 cores: wide has 256 free, fat only 220
        job(4, 8, 10 * gib),  # the second thin host
        job(60, 8, 10 * gib),  # the fat one is free again at this instant
        job(61, 65, 1),  # wider than any
    ]
    assert [g.count for g in groups] == [4, 2, 1, 1]
    assert sample_meter.place(jobs, groups) == [6, 7, 0, 4, 1, 6, None]


def test_a_job_without_demand_frees_its_host_at_once() -> None:
    groups = sample_groups(8)
    assert sample_meter.place([job(0, 64, 1, usage=0), job(1, 64, 1)], groups) == [6, 6]


def test_utilisation_is_the_left_limit() -> None:
    load = [Job(10, 60, 1, 1, np.array([20_000, 40_000]), np.array([100, 50])), job(0, 1, 1, seconds=30, usage=10)]
    u = sample_meter.host_utilisation(load, 1000, np.array([10, 30, 60, 70, 90]))
    assert u.tolist() == [0.01, 0.11, 0.05, 0.05, 0.0]


def test_a_small_site_and_a_larger_one(tmp_path: Path) -> None:
    small = write_sample(tmp_path / "small", 1, days=1, hosts=4)
    large = write_sample(tmp_path / "large", 1, days=1, hosts=100)
    assert read_workload(tmp_path / "small").topology.host_count == 4
    assert read_workload(tmp_path / "large").topology.host_count == 100
    assert large.tasks > 10 * small.tasks
    assert (small.power_samples, large.power_samples) == (2880, 2880)


@pytest.mark.parametrize(("seed", "days", "hosts"), [(-1, 1, 8), (1, 0, 8), (1, 1, 3)])
def test_sizes_that_make_no_site_are_refused(tmp_path: Path, seed: int, days: int, hosts: int) -> None:
    with pytest.raises(BadInput):
        write_sample(tmp_path / "none", seed, days, hosts)
    assert not (tmp_path / "none").exists()


def test_only_a_sample_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "workload.yaml").write_text("name: SURF\n")
    with pytest.raises(BadInput, match="holds something else"):
        write_sample(tmp_path, 1, days=1, hosts=4)
    assert [f.name for f in tmp_path.iterdir()] == ["workload.yaml"]
    with pytest.raises(BadInput, match="this is a file"):
        write_sample(tmp_path / "workload.yaml", 1)
    write_sample(tmp_path / "new", 1, days=1, hosts=4)
    write_sample(tmp_path / "new", 2, days=1, hosts=4)
    assert "seed 2" in (tmp_path / "new" / "workload.yaml").read_text()
