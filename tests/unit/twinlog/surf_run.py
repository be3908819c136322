"""The topics of a run over the SURF week: results in closed form, decided hour by hour by the real calibrator."""

from __future__ import annotations

from dataclasses import replace

from opendt_streams.calibration import CalibrationSettings, method
from opendt_streams.model.canonical import canonical
from opendt_streams.topology.events import make_event
from opendt_streams.twin.calibrator import Calibrator
from opendt_streams.twin.outputs import Output
from opendt_streams.twin.results import result_id
from opendt_streams.windows.grid import Grid
from opendt_streams.wire import headers as h
from opendt_streams.wire import topics
from opendt_streams.wire.twin import event_value, result_value, results_end_value
from tests.unit.calibration import surf
from tests.unit.twin import said
from tests.unit.twin.logs import Logs, Record, empty_logs, record_of

GRID = Grid()
DATACENTER = "SURF"
_BATCH = 20  # samples


def surf_logs() -> Logs:
    """sim.results, sim.calibration, sim.topology and dc.power, as the live twin leaves them."""
    week, logs = surf.load(), empty_logs()
    calibrator = Calibrator(DATACENTER, GRID, method("recursive", CalibrationSettings(GRID.publish_every_ms)))
    samples = list(zip(week.sample_ms.tolist(), week.power_w.tolist(), strict=True))
    logs[topics.POWER] = [Record(topics.POWER, said.power(samples[i : i + _BATCH])) for i in range(0, len(samples), _BATCH)]
    logs[topics.POWER].append(Record(topics.POWER, said.END))
    baseline = make_event(parent=None, kind="baselined", actor="simulator", reason="", cause=f"{DATACENTER}|first", topology=surf.TOPOLOGY)
    logs[topics.LEDGER].append(Record(topics.LEDGER, canonical(event_value(baseline))))

    def settle() -> None:
        """Let the calibrator read everything, its own records included."""
        while behind := [t for t in calibrator.reads if calibrator.next[t] < len(logs[t])]:
            for topic in behind:
                offset = calibrator.next[topic]
                append(calibrator.step(topic, offset, logs[topic][offset].message))

    def append(outputs: list[Output]) -> None:
        for record in (record_of(output, calibrator.name) for output in outputs):
            if record is not None:
                logs[record.topic].append(record)

    for window, start_ms in enumerate(week.window_start_ms):
        if window == 0 or GRID.is_instant(start_ms):
            settle()
        head = calibrator.ledger.main[-1]  # nobody else writes: what the newest decision pins
        result = surf.result(week, window, head.topology.clusters[0].host_groups[0].power_model)
        result = replace(result, id=result_id(DATACENTER, start_ms), topology_event=head.event.id)
        ledger = {h.LEDGER: str(calibrator.ledger.offset)}
        logs[topics.RESULTS].append(Record(topics.RESULTS, canonical(result_value(result)), ledger))
    settle()
    logs[topics.RESULTS].append(Record(topics.RESULTS, canonical(results_end_value(DATACENTER, 0)), {}))
    settle()
    assert calibrator.done
    return logs
