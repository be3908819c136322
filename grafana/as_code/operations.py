"""Whether it all runs: windows, watermarks, lag, staleness, dead letters, and the API itself."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as d

from grafana.as_code.board import annotated, board
from grafana.as_code.panels import BLUE, GREEN, ORANGE, RED, Curve, bars, by_name, curves, figure, yes_or_no
from grafana.as_code.source import SITE

UID = "opendt-operations"
API = "opendt_api"


def operations() -> d.Dashboard:
    found = annotated(board(UID, "OpenDT: operations", "How far the twin is, what it could not process, and whether the API keeps up."))
    now = f"{SITE}.state"
    for panel in (
        yes_or_no("API ready", f"{API}.ready", about="It has read the topics, and can read them now.", bad=False),
        yes_or_no("Twin stale", f"{now}.stale", about="No result for a minute, and not at the end.", bad=True),
        yes_or_no("Run complete", f"{now}.complete", about="The twin has come to the end of its streams.", bad=False),
        figure("Dead letters", "short", f"{API}.dead_letters", about="Records that could not be processed, of all.", bad_from=1),
        figure("Failed windows", "short", f"{now}.failed_windows", about="Windows that could not be simulated.", bad_from=1),
        figure("Lag now", "s", f"{now}.lag_seconds", about="Event time from the newest window to the workload's watermark."),
        figure("Watermark of the workload", "dateTimeAsIso", f"{now}.watermark_workload_ms", about="How far dc.workload has come."),
        figure("Watermark of the meters", "dateTimeAsIso", f"{now}.watermark_power_ms", about="How far dc.power has come."),
        figure("Newest window", "dateTimeAsIso", f"{now}.newest_window_end_ms", about="Its end, in event time."),
        figure("Newest result", "dateTimeFromNow", f"{now}.newest_result_recorded_ms", about="When it was recorded, in wall time."),
        figure("Windows", "short", f"{now}.windows", about="Simulated so far."),
        figure("Records read", "short", f"{API}.records", about="By the API, of all topics."),
        figure("Warnings", "short", f"{now}.warnings", about="What a user must know: the page and the API say it in words.", bad_from=1),
        by_name("Warnings by kind", f"aliasByNode({SITE}.warnings.*, 3)", about="How many of what each kind counts, by now."),
        curves("Lag", "s", Curve("lag", f"{SITE}.windows.lag_seconds", ORANGE), about=_LAG, steps=True),
        bars(
            "Windows simulated",
            "short",
            Curve("simulated", f"{SITE}.windows.simulated", GREEN),
            Curve("failed", f"{SITE}.windows.failed", RED),
            about="Per bucket of the time axis.",
        ),
        bars(
            "Late and repeated tasks",
            "short",
            Curve("late", f"{SITE}.windows.late_tasks", ORANGE),
            Curve("repeated", f"{SITE}.windows.duplicate_tasks", BLUE),
            about="Late ones are simulated in the next window, repeated ones skipped.",
        ),
        bars(
            "Late samples",
            "short",
            Curve("late", f"{SITE}.decisions.late_samples", ORANGE),
            about="Of the meters.",
        ),
    ):
        found.with_panel(panel)
    return found


_LAG = "How far the workload's watermark was ahead of a window, in event time, when the window's result was recorded."
