"""Panels as the dashboards use them: curves over the range of the time picker, figures of what is so now, bars per bucket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import common as c
from grafana_foundation_sdk.builders import dashboard as d
from grafana_foundation_sdk.builders import stat, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    FieldColorModeId,
    Panel,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

from grafana.as_code.source import REF, Query

GREEN, RED, ORANGE, BLUE, PURPLE, YELLOW = "#73BF69", "#F2495C", "#FF9830", "#5794F2", "#B877D9", "#FADE2A"
"""Measured power is green and simulated power red, as in OpenDT's dashboard."""
Built = Builder[Panel]
HEIGHT: Final = 8
WHOLE, HALF, SIXTH = 24, 12, 4
_LETTERS: Final = "ABCDEFGHIJ"


@dataclass(frozen=True, slots=True)
class Curve:
    """`name` is None for several series, which `target` names, in the colours of the palette."""

    name: str | None
    target: str
    color: str | None = None
    dashed: bool = False
    fill_below_to: str | None = None  # the name of the curve down to which the area is filled

    @property
    def query(self) -> str:
        return self.target if self.name is None else f"alias({self.target}, '{self.name}')"


def curves(title: str, unit: str, *found: Curve, about: str, width: int = HALF, steps: bool = False) -> timeseries.Panel:
    """Lines; `steps`: each value holds up to the next one."""
    panel = _over_time(title, unit, found, about, width)
    panel.draw_style(common.GraphDrawStyle.LINE).line_width(1).fill_opacity(0).show_points(common.VisibilityMode.NEVER)
    panel.line_interpolation(common.LineInterpolation.STEP_BEFORE if steps else common.LineInterpolation.LINEAR)
    return panel


def bars(title: str, unit: str, *found: Curve, about: str, width: int = HALF) -> timeseries.Panel:
    """Counts per bucket of the time axis, stacked."""
    panel = _over_time(title, unit, found, about, width).min(0)
    panel.draw_style(common.GraphDrawStyle.BARS).fill_opacity(80).line_width(0).show_points(common.VisibilityMode.NEVER)
    return panel.stacking(c.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))


def figure(title: str, unit: str, target: str, *, about: str, bad_from: float | None = None, width: int = SIXTH) -> stat.Panel:
    """One value, the newest of the range; red from `bad_from` on."""
    steps = [Threshold(color=GREEN, value=None)] + ([Threshold(color=RED, value=bad_from)] if bad_from is not None else [])
    panel = stat.Panel().title(title).description(about).datasource(REF).height(4).span(width).unit(unit)
    panel.with_target(Query("A", f"alias({target}, '{title}')"))
    panel.reduce_options(c.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
    panel.thresholds(d.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    panel.color_mode(common.BigValueColorMode.BACKGROUND if bad_from is not None else common.BigValueColorMode.NONE)
    return panel.graph_mode(common.BigValueGraphMode.NONE).no_value("unknown")


def by_name(title: str, target: str, *, about: str, width: int = WHOLE - SIXTH) -> stat.Panel:
    """The newest value of each series that there is, with its name."""
    panel = stat.Panel().title(title).description(about).datasource(REF).height(4).span(width).unit("short")
    panel.with_target(Query("A", target))
    panel.reduce_options(c.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields(""))
    panel.thresholds(d.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(color=ORANGE, value=None)]))
    panel.color_mode(common.BigValueColorMode.BACKGROUND).text_mode(common.BigValueTextMode.VALUE_AND_NAME)
    return panel.graph_mode(common.BigValueGraphMode.NONE).no_value("none")


def yes_or_no(title: str, target: str, *, about: str, bad: bool, width: int = SIXTH) -> stat.Panel:
    """A state of 0 or 1 in words; 1 is red if it is `bad`, else green."""
    words = {"0": ValueMappingResult(text="no", index=0), "1": ValueMappingResult(text="yes", index=1)}
    panel = figure(title, "none", target, about=about, bad_from=1 if bad else None, width=width)
    return panel.mappings([ValueMap(options=words)])


def limit_line(panel: timeseries.Panel, value: float) -> timeseries.Panel:
    """A dashed line at a bound."""
    steps = [Threshold(color="transparent", value=None), Threshold(color=RED, value=value)]
    panel.thresholds(d.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    return panel.thresholds_style(c.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED))


def _over_time(title: str, unit: str, found: Sequence[Curve], about: str, width: int) -> timeseries.Panel:
    panel = timeseries.Panel().title(title).description(about).datasource(REF).height(HEIGHT).span(width).unit(unit)
    panel.color_scheme(d.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    panel.legend(
        c.VizLegendOptions().show_legend(True).display_mode(common.LegendDisplayMode.LIST).placement(common.LegendPlacement.BOTTOM)
    )
    panel.tooltip(c.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.NONE))
    for letter, curve in zip(_LETTERS, found, strict=False):
        panel.with_target(Query(letter, curve.query))
        if curve.name is not None:
            panel.override_by_name(curve.name, _look(curve))
    return panel


def _look(curve: Curve) -> list[DynamicConfigValue]:
    look = [DynamicConfigValue("color", {"mode": "fixed", "fixedColor": curve.color})]
    if curve.dashed:
        look.append(DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [6, 6]}))
    if curve.fill_below_to is not None:
        look += [DynamicConfigValue("custom.fillBelowTo", curve.fill_below_to), DynamicConfigValue("custom.fillOpacity", 12)]
    return look
