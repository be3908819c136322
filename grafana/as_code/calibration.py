"""What the calibrator decided: parameters, scores, outcome, interval, alarms."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard as d

from grafana.as_code.board import annotated, board
from grafana.as_code.panels import BLUE, GREEN, ORANGE, PURPLE, RED, YELLOW, Built, Curve, bars, curves, figure, yes_or_no
from grafana.as_code.source import SITE

UID = "opendt-calibration"
_WATTS = "{idlePower,busyPower,slopePower,maxPower}"


def calibration() -> d.Dashboard:
    found = annotated(board(UID, "OpenDT: calibration", "What the calibrator decided at each publication instant, and how well it did."))
    for panel in (_parameters(), _scores(), _bias(), _under_10(), _outcome(), _interval(), _samples()):
        found.with_panel(panel)
    found.with_panel(_standing()).with_panel(_given())
    found.with_panel(figure("Decisions", "short", f"{SITE}.state.decisions", about="So far."))
    found.with_panel(figure("Alarms", "short", f"{SITE}.state.alarms", about="Given so far.", bad_from=1))
    found.with_panel(yes_or_no("Bound binding", f"{SITE}.state.bound_binding", about="The data wants parameters beyond physics.", bad=True))
    return found.with_panel(yes_or_no("Telemetry bad", f"{SITE}.state.telemetry_bad", about="Readings are not believed.", bad=True))


def _parameters() -> Built:
    curve = Curve(None, f"aliasByNode({SITE}.parameters.*.*.{_WATTS}, 3, 4, 5)")
    return curves("Power parameters", "watt", curve, about="Per host, in force from each instant on.", steps=True)


def _scores() -> Built:
    return curves(
        "MAPE per publication interval",
        "percent",
        Curve("twin", f"{SITE}.scores.mape_percent", RED),
        Curve("persistence", f"{SITE}.scores.persistence_mape_percent", BLUE, dashed=True),
        about="Of the finished interval, as it was predicted; persistence is the last sample before it held.",
        steps=True,
    )


def _bias() -> Built:
    bias, spread = Curve("bias", f"{SITE}.scores.bias_percent", ORANGE), Curve("CV-RMSE", f"{SITE}.scores.cvrmse_percent", PURPLE)
    return curves("Bias and spread", "percent", bias, spread, about="NMBE and CV-RMSE of the finished interval.", steps=True)


def _under_10() -> Built:
    curve = Curve("under 10 % error", f"{SITE}.scores.share_under_10_percent", GREEN)
    return curves("Share of time under 10 % error", "percent", curve, about="Of the finished interval.", steps=True).min(0).max(100)


def _outcome() -> Built:
    calibrated, kept = Curve("calibrated", f"{SITE}.decisions.calibrated", GREEN), Curve("kept", f"{SITE}.decisions.kept", BLUE)
    return bars("Outcome", "short", calibrated, kept, about="Decisions with new parameters, and decisions to keep them.")


def _interval() -> Built:
    curve = Curve("half-width", f"{SITE}.decisions.interval_half_width_percent", YELLOW)
    return curves("Half-width of the 90 % interval", "percent", curve, about="Of the prediction, as each decision gave it.", steps=True)


def _samples() -> Built:
    used, late = Curve("used", f"{SITE}.decisions.samples", GREEN), Curve("late", f"{SITE}.decisions.late_samples", ORANGE)
    return bars("Samples", "short", used, late, about="Of the meters: what decisions used, and what came too late for theirs.")


def _standing() -> Built:
    bound, telemetry = Curve("bound", f"{SITE}.decisions.bound", RED), Curve("telemetry", f"{SITE}.decisions.telemetry", ORANGE)
    return curves("Alarms that stand", "bool_yes_no", bound, telemetry, about="Given, and not yet over.", steps=True).min(0).max(1)


def _given() -> Built:
    return bars("Alarms given", "short", Curve("alarms", f"{SITE}.decisions.alarms", RED), about="Per bucket of the time axis.")
