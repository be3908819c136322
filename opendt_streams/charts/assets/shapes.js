// From columns to lines and areas: D3 computes them, gaps stay gaps.
/* global d3 */

// Runs of known points. Meters report more slowly than a chart has points: only a gap well above the usual distance is one.
export function segments(points) {
  const known = points.filter((point) => point[1] !== null && point[1] !== undefined);
  if (known.length < 2) return known.length ? [known] : [];
  const steps = known.slice(1).map((point, i) => point[0] - known[i][0]);
  const longest = 2.5 * d3.median(steps);
  const runs = [[known[0]]];
  known.slice(1).forEach((point, i) => (steps[i] > longest ? runs.push([point]) : runs.at(-1).push(point)));
  return runs;
}

export function pathOf(layer, kind, data, x, y) {
  const column = data.columns[layer.key ?? layer.high];
  if (!column) return "";
  const base = layer.low ? data.columns[layer.low] : null;
  const points = data.time.map((time, i) => [time, column[i], base ? base[i] : 0]);
  const interpolate = layer.step ? "step-before" : "linear";
  const line = d3.svg.line().x((p) => x(p[0])).y((p) => y(p[1])).interpolate(interpolate);
  const area = d3.svg.area().x((p) => x(p[0])).y0((p) => y(p[2])).y1((p) => y(p[1])).interpolate(interpolate);
  const whole = (run) => (layer.step ? [[run[0][0] - data.step_ms, run[0][1], run[0][2]], ...run] : run);
  return segments(points).map(whole).map((run) => (run.length === 1 ? dot(run[0], x, y) : kind === "line" ? line(run) : area(run))).join("");
}

const dot = (point, x, y) => `M${x(point[0])},${y(point[1])}h0.01`;

// Lowest and highest value of all layers; from zero where that is what a reader expects.
export function extent(spec, data) {
  const values = spec.layers
    .flatMap((layer) => [layer.key, layer.low, layer.high])
    .filter((key) => key && data.columns[key])
    .flatMap((key) => data.columns[key].filter((value) => value !== null));
  const [low, high] = values.length ? d3.extent(values) : [0, 1];
  if (spec.domain) return [Math.max(spec.floor ?? -Infinity, Math.min(spec.domain[0], low)), Math.max(spec.domain[1], high)];
  const pad = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  return [spec.zero ? Math.min(0, low) : Math.max(low - pad, low >= 0 ? 0 : -Infinity), high + pad];
}
