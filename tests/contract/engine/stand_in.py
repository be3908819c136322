"""A scripted stand-in for OpenDC's runner: it plays the parts in which a runner fails. It never stands in for parity.

`<home>/bin/OpenDCExperimentRunner` calls it. What it plays stands in `<home>/plan`, one word for each invocation; the last one stays.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

TRACE = 'Exception in thread "main" java.lang.IllegalArgumentException: the trace is odd\n\tat org.opendc.Nowhere(Nowhere.kt:1)\n'
SLEEPER = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"


def main(home: Path, experiment: Path) -> int:
    part = next_part(home / "plan")
    with (home / "played").open("a") as file:
        file.write(f"{part} {os.getpid()}\n")
    power = experiment.parent / "output" / "window" / "raw-output" / "0" / "seed=0" / "powerSource.parquet"
    match part:
        case "answers":
            answer(experiment)
        case "answers-otherwise":
            answer(experiment)
            add_a_watt(next(experiment.parent.rglob("powerSource.parquet")))
        case "garbage":
            sys.stdout.buffer.write(bytes(range(256)) * 100)
            power.parent.mkdir(parents=True)
            power.write_bytes(b"PAR1" + bytes(5000) + b"PAR1")
        case "half":
            answer(experiment)
            power.write_bytes(power.read_bytes()[: power.stat().st_size // 2])
        case "nothing":
            pass
        case "refuses":
            sys.stderr.write(TRACE)
            return 1
        case "disk-full":
            try:
                Path("/dev/full").write_bytes(b"x")
            except OSError as error:
                sys.stderr.write(f"java.io.IOException: {error.strerror}\n")
            return 1
        case "memory":
            return 3
        case "is-killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "hangs":
            signal.pause()
        case "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.pause()
        case "children":
            have_children(home)
            signal.pause()
        case "leaves-children":
            have_children(home)
            answer(experiment)
    return 0


def next_part(plan: Path) -> str:
    parts = plan.read_text().split()
    if len(parts) > 1:
        plan.write_text("\n".join(parts[1:]))
    return parts[0]


def answer(experiment: Path) -> None:
    from opendt_streams.engine.experiment import read_experiment
    from opendt_streams.engine.export import run_experiment

    run_experiment(read_experiment(experiment), Path(json.loads(experiment.read_bytes())["outputFolder"]), lambda _: None)


def add_a_watt(path: Path) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    at = table.schema.get_field_index("power_draw")
    more = pc.add(table["power_draw"], pa.scalar(1.0, pa.float32()))
    pq.write_table(table.set_column(at, table.schema.field(at), more), path)


def have_children(home: Path) -> None:
    """One that stays in the process group, and one that leaves group and session behind; both deaf to SIGTERM."""
    children = [subprocess.Popen([sys.executable, "-c", SLEEPER], start_new_session=own) for own in (False, True)]
    (home / "children.unfinished").write_text("\n".join(str(c.pid) for c in children))
    (home / "children.unfinished").replace(home / "children")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[3])))
