// Which charts there are: what the page and the report show alike.

import { Chart } from "./chart.js";

const HOUR_MS = 3_600_000;

export const PLOTS = [
  { id: "power", title: "Power", unit: "W", source: "series", wide: true, height: 300, empty: "Waiting for the first window",
    layers: [
      { kind: "area", low: "interval_low_w", high: "interval_high_w", label: "90 % interval", tone: "interval" },
      { kind: "line", key: "measured_power_w", label: "Measured", tone: "measured" },
      { kind: "line", key: "simulated_power_w", label: "Simulated", tone: "simulated" },
    ] },
  { id: "error", title: "Error", note: "mean, per publication interval", unit: "%", source: "accuracy", zero: true, empty: "Waiting for the first scored interval",
    layers: [
      { kind: "line", key: "persistence_mape_percent", label: "Persistence", tone: "baseline", step: true },
      { kind: "line", key: "mape_percent", label: "Twin", tone: "error", step: true },
    ] },
  { id: "skill", title: "Skill", note: "against persistence; 1 is perfect, 0 is no better", unit: "", source: "accuracy", domain: [0, 1], floor: -1, rule: 0, empty: "Waiting for the first scored interval",
    layers: [{ kind: "line", key: "skill", label: "Skill", tone: "skill", step: true }] },
  { id: "utilisation", title: "Utilisation", note: "demand that is met, of capacity", unit: "%", source: "series", zero: true, empty: "Waiting for the first window",
    layers: [{ kind: "area", key: "utilisation_percent", label: "Utilisation", tone: "utilisation" }] },
  { id: "tasks", title: "Tasks", note: "at the end of a window", unit: "", source: "series", zero: true, empty: "Waiting for the first window",
    layers: [
      { kind: "line", key: "tasks_running", label: "Running", tone: "running", step: true },
      { kind: "line", key: "tasks_queued", label: "Queued", tone: "queued", step: true },
    ] },
  { id: "carbon", title: "Carbon", unit: "g/h", source: "series", zero: true, empty: "Waiting for the first window", unknown: "Unknown: no carbon trace",
    layers: [{ kind: "area", key: "carbon_g_per_h", label: "Emission", tone: "carbon" }] },
  { id: "intensity", title: "Carbon intensity", unit: "g/kWh", source: "series", empty: "Waiting for the first window", unknown: "Unknown: no carbon trace",
    layers: [{ kind: "line", key: "carbon_intensity_g_per_kwh", label: "Grid", tone: "intensity", step: true }] },
];

export const METRICS = ["simulated_power_w", "interval_low_w", "interval_high_w", "carbon_g", "carbon_intensity_g_per_kwh", "utilisation"];
export const WHOLE_METRICS = ["measured_power_w", "tasks_running", "tasks_queued"];

// The API's documents (series, accuracy intervals) as the charts read them.
// `series` also says resolution_ms, from and to [ms], and ofCluster where it is of one cluster only.
export function chartData(series, accuracy, flags) {
  const hours = series.resolution_ms / HOUR_MS;
  const each = (name, change) => (series.columns[name] ?? []).map((value) => (value === null ? null : change(value)));
  const columns = {
    ...series.columns,
    carbon_g_per_h: each("carbon_g", (grams) => grams / hours),
    utilisation_percent: each("utilisation", (share) => 100 * share),
  };
  const range = { from: series.from, to: series.to, flags, empty: series.ofCluster ? "Known of the whole datacenter only" : "Nothing in this range" };
  return {
    series: { time: series.time.map(Date.parse), columns, step_ms: series.resolution_ms, ...range },
    accuracy: { time: accuracy.time.map(Date.parse), columns: accuracy.columns, step_ms: 1000 * accuracy.interval_seconds, ...range, flags: [], empty: "Nothing scored in this range yet" },
  };
}

export class Plots {
  constructor(onRange) {
    this.charts = PLOTS.map((spec) => new Chart(spec, onRange));
    this.elements = this.charts.map((chart) => chart.element);
  }

  draw(data) {
    for (const chart of this.charts) chart.draw(data[chart.spec.source]);
  }
}
