// The legend is the reading: each entry shows the value at the cursor, or the newest one.

import { el, fill } from "./dom.js";
import { moment, scaleFor, short } from "./format.js";

export class Legend {
  constructor(spec) {
    this.spec = spec;
    this.values = new Map(spec.layers.map((layer) => [layer, el("b")]));
    this.when = el("span", { class: "when" });
    this.element = el("div", { class: "legend" },
      spec.layers.map((layer) => el("span", { class: "entry" }, el("i", { class: `swatch ${layer.kind} ${layer.tone}` }), layer.label, " ", this.values.get(layer))));
  }

  show(data, index) {
    const scale = scaleFor(this.spec.unit, data.most);
    const at = index ?? lastKnown(this.spec, data);
    for (const [layer, place] of this.values) fill(place, at < 0 ? "–" : textOf(layer, data, at, scale));
    fill(this.when, at < 0 ? "" : `${moment(data.time[at])} UTC`);
  }

  // The same in one sentence, for a screen reader.
  spoken(data, index) {
    const scale = scaleFor(this.spec.unit, data.most);
    return `${moment(data.time[index])} UTC: ${this.spec.layers.map((layer) => `${layer.label} ${textOf(layer, data, index, scale)}`).join(", ")}`;
  }
}

function textOf(layer, data, index, scale) {
  const values = [layer.low, layer.high, layer.key].filter(Boolean).map((key) => data.columns[key]?.[index] ?? null);
  return values.includes(null) ? "–" : `${values.map((value) => short(value / scale.divide)).join(" to ")} ${scale.label}`.trim();
}

function lastKnown(spec, data) {
  const keys = spec.layers.map((layer) => layer.key ?? layer.high);
  return data.time.findLastIndex((_, i) => keys.some((key) => data.columns[key] && data.columns[key][i] !== null));
}
