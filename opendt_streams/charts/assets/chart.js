// One chart over event time, as SVG: it is coloured by the style sheet, so it follows dark mode and prints.
/* global d3 */

import { el, fill, table } from "./dom.js";
import { moment, scaleFor, short } from "./format.js";
import { Cursor } from "./cursor.js";
import { Legend } from "./legend.js";
import { extent, pathOf } from "./shapes.js";

const MARGIN = { top: 12, right: 12, bottom: 24, left: 48 };
const MOST_TABLE_ROWS = 500;
const NOTHING = { time: [], columns: {}, from: 0, to: 1, step_ms: 0, flags: [], most: 0 };

export class Chart {
  // spec: id, title, note, unit, layers, and perhaps zero, domain, rule, height, empty, unknown (why rows may have no value); onRange(from, to) when a range is dragged
  constructor(spec, onRange = () => {}) {
    this.spec = spec;
    this.margin = MARGIN;
    this.data = NOTHING;
    this.zoom = onRange;
    this.legend = new Legend(spec);
    this.summary = el("p", { class: "hidden", id: `${spec.id}-summary` });
    this.said = el("output", { class: "hidden", "aria-live": "polite" });
    this.unit = el("span", { class: "unit" });
    this.plot = el("div", { class: "plot", tabindex: "0", role: "group", "aria-roledescription": "chart", "aria-label": spec.title, "aria-describedby": `${spec.id}-summary` });
    this.values = el("details", { class: "values", ontoggle: () => this.tabulate() }, el("summary", {}, "Values as a table"));
    this.note = el("span", { class: "note" }, spec.note ?? "");
    this.element = el("figure", { id: spec.id, class: spec.wide ? "chart wide" : "chart" },
      el("figcaption", {}, el("h3", {}, spec.title), this.unit, this.legend.when, this.note), this.legend.element, this.plot, this.summary, this.said, this.values);
    this.cursor = new Cursor(this);
    new ResizeObserver(() => this.render()).observe(this.plot);
  }

  // data: time [ms], columns by name, from and to [ms], step_ms (what a point stands for, up to its time), flags [{time, text}]
  draw(data) {
    this.data = { ...NOTHING, ...data };
    const [low, high] = extent(this.spec, this.data);
    this.data.most = Math.max(Math.abs(low), Math.abs(high));
    this.render();
    this.tabulate();
  }

  get blank() {
    return !this.spec.layers.some((layer) => (this.data.columns[layer.key ?? layer.high] ?? []).some((value) => value !== null));
  }

  render() {
    const width = this.plot.clientWidth;
    if (!width) return;
    if (this.blank) {
      this.inner = null;
      fill(this.plot, el("p", { class: "empty" }, (this.data.time.length && this.spec.unknown) || (this.data.empty ?? this.spec.empty)));
      fill(this.summary, "No values.");
      this.legend.show(this.data, null);
      return;
    }
    const height = this.spec.height ?? 150;
    this.size = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
    const svg = d3.select(fill(this.plot)).append("svg").attr({ viewBox: `0 0 ${width} ${height}`, width: "100%", height, "aria-hidden": "true" });
    this.inner = svg.append("g").attr("transform", `translate(${MARGIN.left},${MARGIN.top})`);
    this.x = d3.time.scale.utc().domain([this.data.from, this.data.to]).range([0, this.size.width]);
    const y = d3.scale.linear().domain(extent(this.spec, this.data)).nice(4).range([this.size.height, 0]);
    const scale = scaleFor(this.spec.unit, this.data.most);
    this.axes(y, scale);
    this.inner.append("clipPath").attr("id", `${this.spec.id}-clip`).append("rect").attr({ x: 0, y: -2, width: this.size.width + 2, height: this.size.height + 4 });
    const layers = this.inner.append("g").attr("clip-path", `url(#${this.spec.id}-clip)`);
    for (const layer of this.spec.layers) {
      const kinds = layer.kind === "area" && layer.key ? ["area", "line"] : [layer.kind];
      for (const kind of kinds) layers.append("path").attr({ class: `${kind} ${layer.tone}`, d: pathOf(layer, kind, this.data, this.x, y) });
    }
    this.flag();
    fill(this.unit, scale.label);
    fill(this.summary, describe(this.spec, this.data, scale));
    this.legend.show(this.data, this.cursor.index);
    this.cursor.draw();
  }

  axes(y, scale) {
    const { width, height } = this.size;
    const count = this.spec.wide ? 6 : 4;
    const format = d3.scale.linear().domain(y.domain().map((value) => value / scale.divide)).tickFormat(count);
    const across = d3.svg.axis().scale(y).orient("left").ticks(count).tickSize(-width, 0).tickPadding(8).tickFormat((value) => format(value / scale.divide));
    const along = d3.svg.axis().scale(this.x).orient("bottom").ticks(Math.max(2, Math.floor(width / 90))).tickSize(5, 0).tickPadding(5)
      .tickFormat(d3.time.format.utc.multi([["%H:%M", (d) => d.getUTCHours() || d.getUTCMinutes()], ["%-d %b", () => true]]));
    this.inner.append("g").attr("class", "axis across").call(across);
    this.inner.append("g").attr({ class: "axis along", transform: `translate(0,${height})` }).call(along);
    if (this.spec.rule !== undefined) this.inner.append("line").attr({ class: "rule", x1: 0, x2: width, y1: y(this.spec.rule), y2: y(this.spec.rule) });
  }

  // Where the topology was changed by somebody.
  flag() {
    const inside = this.data.flags.filter((flag) => flag.time >= this.data.from && flag.time <= this.data.to);
    for (const flag of inside) {
      const at = this.x(flag.time);
      const mark = this.inner.append("g").attr("class", "flag");
      mark.append("line").attr({ x1: at, x2: at, y1: -4, y2: this.size.height });
      mark.append("path").attr("d", `M${at - 5},-10h10l-5,8z`);
      mark.append("title").text(flag.text);
    }
  }

  pick(index, spoken) {
    this.legend.show(this.data, index);
    if (spoken && index !== null) fill(this.said, this.legend.spoken(this.data, index));
  }

  tabulate() {
    if (!this.values.open) return;
    const scale = scaleFor(this.spec.unit, this.data.most);
    const columns = this.spec.layers.flatMap((layer) => (layer.low ? [[`${layer.label}, low`, layer.low], [`${layer.label}, high`, layer.high]] : [[layer.label, layer.key]]));
    const rows = this.data.time.map((time, i) => [moment(time), ...columns.map(([, key]) => short((this.data.columns[key]?.[i] ?? NaN) / scale.divide))]);
    const heads = ["Time (UTC)", ...columns.map(([label]) => (scale.label ? `${label} (${scale.label})` : label))];
    this.values.querySelector(".scroll")?.remove();
    this.values.append(table(this.spec.title, heads, rows.slice(-MOST_TABLE_ROWS).reverse()));
  }
}

function describe(spec, data, scale) {
  const lines = spec.layers.filter((layer) => layer.key).map((layer) => {
    const values = (data.columns[layer.key] ?? []).filter((value) => value !== null);
    if (!values.length) return `${layer.label}: no values.`;
    const [low, high] = d3.extent(values);
    const say = (value) => `${short(value / scale.divide)} ${scale.label}`.trim();
    return `${layer.label}: between ${say(low)} and ${say(high)}, on average ${say(d3.mean(values))}.`;
  });
  return `From ${moment(data.from)} to ${moment(data.to)} UTC. ${lines.join(" ")} Arrow keys read single values.`;
}
