// How the power parameters in force of a host group moved from decision to decision.

import { Chart } from "./chart.js";
import { el, fill } from "./dom.js";

const TONES = ["simulated", "queued", "skill", "utilisation", "baseline"];
const LEAST_SPAN_MS = 3_600_000;

export class Parameters {
  constructor() {
    this.decisions = [];
    this.names = "";
    this.group = el("select", { onchange: () => this.draw() });
    this.choice = el("label", { class: "choice screen" }, "Host group ", this.group);
    this.place = el("div");
    this.element = el("div", { class: "parameters", hidden: true }, this.choice, this.place);
  }

  // Decisions as the API gives them, newest first, and what people call the host groups.
  show(decisions, called) {
    this.decisions = decisions.filter((decision) => decision.parameters).toReversed();
    const groups = [...new Set(this.decisions.flatMap((decision) => Object.keys(decision.parameters)))];
    const chosen = this.group.value;
    if (groups.join() !== [...this.group.options].map((option) => option.value).join()) fill(this.group, groups.map((group) => el("option", { value: group }, called[group] ?? group)));
    if (groups.includes(chosen)) this.group.value = chosen;
    this.element.hidden = !groups.length;
    this.draw();
  }

  draw() {
    const of = (decision, name) => decision.parameters[this.group.value]?.[name] ?? null;
    const names = [...new Set(this.decisions.flatMap((decision) => Object.keys(decision.parameters[this.group.value] ?? {})))].filter((name) => name.endsWith("Power"));
    if (!names.length) return;
    if (names.join() !== this.names) {
      this.names = names.join();
      const layers = names.map((name, i) => ({ kind: "line", key: name, label: name, tone: TONES[i % TONES.length] }));
      this.chart = new Chart({ id: "parameters", title: "Power parameters", note: "per host, in force after each decision", unit: "W", layers });
      fill(this.place, this.chart.element);
    }
    const time = this.decisions.map((decision) => Date.parse(decision.instant));
    const columns = Object.fromEntries(names.map((name) => [name, this.decisions.map((decision) => of(decision, name))]));
    this.chart.draw({ time, columns, from: time[0], to: Math.max(time.at(-1), time[0] + LEAST_SPAN_MS) });
  }
}
