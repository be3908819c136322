"""consumption.parquet with meters of clusters and host groups: from the file to the messages of dc.power."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from opendt_streams.model.power import Meter, PowerSample
from opendt_streams.wire import encode, topics
from opendt_streams.wire.decode import decode
from opendt_streams.wire.messages import PowerBatch
from opendt_streams.workload.check import check_workload
from opendt_streams.workload.reader import read_workload
from opendt_streams.workload.replay import PowerItem, replay

from .builders import START, write


def with_parts(path: Path, cluster: Any, host_group: Any = None) -> Path:
    def change(files: dict[str, Any]) -> None:
        power = files["consumption.parquet"]
        power["timestamp"] = [30_000, 30_000, 60_000, 60_000]
        power["cluster"] = pa.array(cluster, pa.string())
        if host_group is not None:
            power["host_group"] = pa.array(host_group, pa.string())

    return write(path, change)


def said(path: Path) -> list[PowerSample]:
    """What dc-mock says of the directory."""
    workload = read_workload(path)
    power = workload.power
    assert power is not None
    found: list[PowerSample] = []
    for item in replay(workload):
        if isinstance(item, PowerItem):
            part = slice(item.start, item.stop)
            meters = [power.meters[i] for i in power.meter[part].tolist()]
            message = decode(topics.POWER, encode.power_message(power.time_ms[part], power.power_w[part], meters), {})
            assert isinstance(message, PowerBatch)
            found += message.samples
    return found


def test_every_sample_keeps_its_meter(tmp_path: Path) -> None:
    directory = with_parts(tmp_path / "site", ["C02", "C01", None, "C01"], ["H", "H", None, None])
    assert said(directory) == [
        PowerSample(START + 30_000, 260.0, Meter("C01", "H")),
        PowerSample(START + 30_000, 250.0, Meter("C02", "H")),
        PowerSample(START + 60_000, 260.0),
        PowerSample(START + 60_000, 255.0, Meter("C01")),
    ]


def test_samples_of_several_meters_at_one_time_are_in_one_message(tmp_path: Path) -> None:
    workload = read_workload(with_parts(tmp_path / "site", ["C01", "C02", "C01", "C02"]))
    batches = [item for item in replay(workload) if isinstance(item, PowerItem)]
    assert [(b.start, b.stop) for b in batches] == [(0, 4)]


def test_the_check_tells_meters_apart_and_knows_the_names(tmp_path: Path) -> None:
    report = check_workload(with_parts(tmp_path / "site", ["C01", "C09", "C01", "C09"]))
    power: Any = report.facts["power"]
    assert set(power) == {"C01", "C09"}
    assert power["C01"]["samples"] == 2
    (warning,) = report.warnings
    assert "the meter C09 measures nothing" in warning.what
    assert not report.errors


def test_a_column_of_numbers_names_no_meter(tmp_path: Path) -> None:
    directory = write(tmp_path / "site", lambda f: f["consumption.parquet"].update(cluster=np.arange(4)))
    (error,) = check_workload(directory).errors
    assert (error.column, error.expected) == ("cluster", "text")
