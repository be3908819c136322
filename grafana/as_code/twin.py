"""The twin against the datacenter: power, error, skill, carbon, utilisation, tasks."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as d

from grafana.as_code.board import annotated, board
from grafana.as_code.panels import (
    BLUE,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    WHOLE,
    YELLOW,
    Built,
    Curve,
    bars,
    curves,
    figure,
    limit_line,
    yes_or_no,
)
from grafana.as_code.source import SITE

UID = "opendt-twin"
PER_HOUR_S = 3_600
WH_PER_J = 1 / 3_600
ERROR_BOUND_PERCENT = 10


def twin() -> d.Dashboard:
    found = annotated(board(UID, "OpenDT: twin", "Measured against simulated power, and what follows from it."), events=False)
    power = (_power(), _error(), _skill(), _utilisation(), _clusters())
    for panel in (*power, _carbon(), _carbon_so_far(), _intensity(), _energy(), _tasks(), _completed(), *_now()):
        found.with_panel(panel)
    return found


def _power() -> Built:
    return curves(
        "Power",
        "watt",
        Curve("measured", f"{SITE}.measured_power_w", GREEN),
        Curve("simulated", f"{SITE}.simulated_power_w", RED),
        Curve("90 % interval, high", f"{SITE}.interval_high_w", YELLOW, dashed=True, fill_below_to="90 % interval, low"),
        Curve("90 % interval, low", f"{SITE}.interval_low_w", YELLOW, dashed=True),
        about="What the meters say, what the twin predicted, and the interval that it gave with the prediction.",
        width=WHOLE,
    )


def _error() -> Built:
    curve = Curve("absolute error", f"{SITE}.error_percent", ORANGE)
    return limit_line(
        curves("Error", "percent", curve, about="Absolute error over measured power; the line is the bound of the alert."), 10
    )


def _skill() -> Built:
    about = "1 - MAPE / MAPE of persistence, per publication interval or over the bucket: 0 is no better than the last reading."
    return curves("Skill", "none", Curve("skill", f"{SITE}.scores.skill", BLUE), about=about, steps=True)


def _carbon() -> Built:
    curve = Curve("emission", f"scaleToSeconds({SITE}.carbon_g, {PER_HOUR_S})", PURPLE)
    return curves(
        "Carbon emission",
        "suffix: g/h",
        curve,
        about="Simulated power times the grid's carbon intensity. Nothing where a cluster has no carbon trace.",
    )


def _carbon_so_far() -> Built:
    curve = Curve("carbon", f"integral({SITE}.carbon_g)", PURPLE)
    return curves("Carbon over the range", "massg", curve, about="Summed up from the beginning of the range.")


def _intensity() -> Built:
    curve = Curve("intensity", f"{SITE}.carbon_intensity_g_per_kwh", YELLOW)
    return curves("Carbon intensity", "suffix: g/kWh", curve, about="Of the grid, as the datacenter's trace says.", steps=True)


def _utilisation() -> Built:
    curve = Curve("utilisation", f"{SITE}.utilisation", BLUE)
    return curves("Utilisation", "percentunit", curve, about="Demand that is met over the capacity of all hosts.").min(0).max(1)


def _energy() -> Built:
    curve = Curve("simulated", f"integral(scale({SITE}.simulated_energy_j, {WH_PER_J:.12f}))", RED)
    return curves("Energy over the range", "watth", curve, about="Summed up from the beginning of the range.")


def _clusters() -> Built:
    curve = Curve(None, f"aliasByNode({SITE}.clusters.*.simulated_power_w, 3)")
    return curves("Simulated power by cluster", "watt", curve, about="A curve for each cluster.")


def _tasks() -> Built:
    running, queued = Curve("running", f"{SITE}.tasks_running", GREEN), Curve("queued", f"{SITE}.tasks_queued", ORANGE)
    return curves("Tasks", "short", running, queued, about="At the ends of windows.", steps=True)


def _completed() -> Built:
    curve = Curve("completed", f"{SITE}.tasks_completed", GREEN)
    return bars("Tasks completed", "short", curve, about="Per bucket of the time axis.")


def _now() -> tuple[Built, ...]:
    state = f"{SITE}.state"
    return (
        figure("Error, newest hour", "percent", f"{state}.error_percent", about="Of event time.", bad_from=ERROR_BOUND_PERCENT),
        yes_or_no("Stale", f"{state}.stale", about="No result for a minute, and not at the end.", bad=True),
        yes_or_no("Complete", f"{state}.complete", about="The twin has come to the end of its streams.", bad=False),
    )
