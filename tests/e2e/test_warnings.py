"""What the machines know reaches who reads the total: in the summary, the manifest, the terminal, the report and the services' logs."""

from __future__ import annotations

import json
import signal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from opendt_streams.model.times import HOUR, MINUTE
from opendt_streams.workload.sample import write_sample
from tests.e2e.command import opendt, running
from tests.e2e.feeding import T0, TOPOLOGY, feed, message

pytestmark = pytest.mark.broker
EXTERNAL = ("--external", "--datacenter", "dc")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a site that has a battery, a hole in a carbon trace, and three readings that mean "unknown"."""
    here = tmp_path_factory.mktemp("warnings")
    site = here / "site"
    write_sample(site, seed=3, days=1, hosts=8)
    topology = json.loads((site / "topology.json").read_text())
    topology["clusters"][0]["battery"] = {
        "capacity": 0.1,
        "chargingSpeed": 1000,
        "batteryPolicy": {"type": "single", "carbonThreshold": 90},
    }
    (site / "topology.json").write_text(json.dumps(topology))
    power = pq.read_table(site / "consumption.parquet")
    watts = power["power_draw"].to_pylist()
    watts[400] = watts[500] = watts[501] = float(2**32 - 1)
    at = power.column_names.index("power_draw")
    pq.write_table(power.set_column(at, power.schema.field("power_draw"), pa.array(watts)), site / "consumption.parquet")
    trace = pq.read_table(site / "carbon.parquet")
    rows = pa.array(range(trace.num_rows))
    pq.write_table(trace.filter(pc.or_(pc.less(rows, 10), pc.greater(rows, 60))), site / "carbon.parquet")
    return here


def kinds(document: dict[str, Any]) -> list[str]:
    return [warning["kind"] for warning in document["warnings"]]


def test_a_run_says_what_is_not_simulated_and_what_cannot_be(folder: Path) -> None:
    done = opendt(folder, "run", "--workload", "site", "--run-dir", "odd", "--until", "2024-03-04T18:00:00Z", "--no-serve", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert kinds(found) == ["reading-impossible", "battery-not-modelled", "carbon-hole"]
    impossible = found["warnings"][0]
    assert impossible["count"] == 3 and "4,294,967,295 W" in impossible["text"] and impossible["event_time"] == "2024-03-04T03:20:30Z"
    assert set(impossible) == {"kind", "event_time", "count", "text", "action"}
    assert found["energy_kwh_measured"] < 100 and abs(found["bias_percent"]) < 5
    assert json.loads((folder / "odd/manifest.json").read_text())["summary"]["warnings"] == found["warnings"]
    page = (folder / "odd/report.html").read_text(encoding="utf-8")
    assert page.index("4,294,967,295 W") < page.index("<h2>Scores</h2>")
    shown = " ".join(opendt(folder, "runs", "show", "odd", "--data", ".").stdout.split())
    assert shown.index("is not simulated") < shown.index("code_version")
    measured = pq.read_table(folder / "odd/twinlog/agg_results.parquet")["measured_power_w"].to_pylist()
    assert sum(w is None for w in measured[:1000]) == 3 and max(w for w in measured if w is not None) < 10_000
    raw = pq.read_table(folder / "odd/twinlog/telemetry.parquet")["power_w"].to_pylist()
    assert max(raw) == 2**32 - 1, "what the meter said stays on the record"


def test_the_terminal_says_it_before_any_figure(folder: Path) -> None:
    done = opendt(folder, "run", "--workload", "site", "--run-dir", "shown", "--until", "2024-03-04T02:00:00Z", "--no-serve")
    text = " ".join(done.stdout.split())
    assert text.index("is not simulated") < text.index("What was simulated")


def test_a_snapshot_that_nobody_sent_is_what_the_twin_waits_for(folder: Path) -> None:
    named = message("topology-snapshot", T0, topology=TOPOLOGY)
    awaited = sha256(named).hexdigest()
    beat = message("heartbeat", T0, snapshot=awaited)
    with running(folder, folder / "waiting", *EXTERNAL) as run:
        feed(run, {"dc.topology": [named.replace(b", ", b",")], "dc.workload": [beat, message("end")]})
        log = folder / "waiting/logs/simulator.log"
        run.until(lambda: awaited in log.read_text(encoding="utf-8"), "the simulator's log says it")
        run.process.send_signal(signal.SIGINT)
        code, found = run.finish()
    assert code == 130
    warning = found["warnings"][0]
    assert warning["kind"] == "waiting-for-snapshot" and awaited in warning["text"] and warning["event_time"] == "2024-03-04T00:00:00Z"


def test_a_meter_of_a_cluster_that_there_is_not(folder: Path) -> None:
    snapshot = message("topology-snapshot", T0, topology=TOPOLOGY)
    digest = sha256(snapshot).hexdigest()
    readings = [message("power", T0 + n * MINUTE, power_draw=500.0, meter={"cluster": "c"}) for n in range(1, 121)]
    beats = [message("heartbeat", T0 + hours * HOUR, snapshot=digest) for hours in (0, 2)]
    with running(folder, folder / "unknown", *EXTERNAL) as run:
        feed(run, {"dc.topology": [snapshot], "dc.power": [*readings, message("end")], "dc.workload": [*beats, message("end")]})
        code, found = run.finish()
    assert code == 0
    warning = next(w for w in found["warnings"] if w["kind"] == "meter-unknown")
    assert warning["count"] == 120 and '"c"' in warning["text"] and "C." in warning["text"] and 'Call it "C"' in warning["action"]


def test_a_run_without_any_window_fails(folder: Path) -> None:
    nothing = message("topology-snapshot", T0, topology={"clusters": []})
    beat = message("heartbeat", T0, snapshot=sha256(nothing).hexdigest())
    with running(folder, folder / "nothing", *EXTERNAL) as run:
        feed(run, {"dc.topology": [nothing], "dc.workload": [beat, message("end")], "dc.power": [message("end")]})
        code, found = run.finish()
    assert code == 1
    assert kinds(found)[0] == "waiting-for-topology" and "dead-letter" in kinds(found)
