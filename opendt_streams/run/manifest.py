"""`manifest.json`: what a run is, what it was made of and how it ended. Written at its start and at its end, read by whoever lists runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final, Literal

import orjson
import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from opendt_streams.broker.process import is_running
from opendt_streams.errors import BadInput

MANIFEST_FILE: Final = "manifest.json"
SERVICES_FILE: Final = "services.json"
DIED: Final = "died"
_SAME_SECOND_S: Final = 1.0


class Manifest(BaseModel):
    """Read leniently: what an older run did not say has a default, what a newer one adds is ignored.

    Attributes:
        run: the run's id, which is the name of its folder.
        started, ended: ISO 8601, wall time.
        workload: the directory replayed; None where others fed the dc topics.
        page: address of its web page while it runs; None where the API is not installed.
        summary: what `opendt run --json` printed; None until the end.
        inputs: sha256 by name of the workload's files.
        notes: what a second run would not repeat (people's edits, silence, restarts) and other things worth knowing.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    run: str
    datacenter: str
    state: Literal["running", "complete", "interrupted", "failed"]
    started: str | None = None
    ended: str | None = None
    code_version: str | None = None
    engine: str | None = None
    calibration: str | None = None
    workload: str | None = None
    page: str | None = None
    summary: dict[str, Any] | None = None
    inputs: dict[str, str] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)

    @classmethod
    def read(cls, run_dir: Path) -> Manifest:
        """The manifest of a run folder.

        Raises:
            BadInput: there is none, or it cannot be understood.
        """
        path = run_dir / MANIFEST_FILE
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise BadInput(
                f"no manifest: {error.strerror}", expected="the folder of a run", where=str(path), hint="`opendt runs list` shows the runs."
            ) from None
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in problem["loc"])
            raise BadInput(f"unreadable: {f'{field}: ' if field else ''}{problem['msg']}", where=str(path)) from None

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """What to know before any figure; nothing until the end. What an older run said in another form is left out."""
        return [w for w in (self.summary or {}).get("warnings") or () if isinstance(w, dict) and {"kind", "text", "action"} <= w.keys()]

    def write(self, run_dir: Path) -> None:
        """Put it into the run folder, whole or not at all."""
        unfinished = run_dir / f".{MANIFEST_FILE}.{os.getpid()}"
        unfinished.write_bytes(orjson.dumps(self.model_dump(), option=orjson.OPT_INDENT_2) + b"\n")
        unfinished.replace(run_dir / MANIFEST_FILE)

    def state_now(self, run_dir: Path) -> str:
        """The state, and "died" where the manifest still says running but whoever ran it is gone."""
        return DIED if self.state == "running" and _supervisor_is_gone(run_dir) else self.state


def _supervisor_is_gone(run_dir: Path) -> bool:
    """Whether services.json names a process that no longer runs. A pid that somebody else has by now is younger than the file."""
    path = run_dir / SERVICES_FILE
    try:
        written_s = path.stat().st_mtime
        process = psutil.Process(orjson.loads(path.read_bytes())["supervisor"]["pid"])
        return not is_running(process) or process.create_time() > written_s + _SAME_SECOND_S
    except (OSError, ValueError, KeyError, TypeError):
        return False  # nothing is known of a supervisor: it may be about to write the file
    except psutil.NoSuchProcess:
        return True
