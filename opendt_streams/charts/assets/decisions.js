// Calibration history: what was decided at each publication instant, and why; alarms; records that nobody could process.

import { el, table } from "./dom.js";
import { moment, number, percent, withUnit } from "./format.js";

// `called`: what people call the host groups.
export function decisionTable(decisions, called) {
  const rows = decisions.map((d) => [
    moment(d.instant),
    el("span", { class: `verdict ${d.outcome}` }, d.outcome),
    d.reason,
    percent(d.score_in_force?.mape_percent),
    d.score_before ? `${percent(d.score_before.mape_percent)} → ${percent(d.score_after?.mape_percent)}` : "–",
    d.interval_half_width === null || d.interval_half_width === undefined ? "–" : `± ${number(100 * d.interval_half_width, 1)} %`,
    parametersOf(d, called),
  ]);
  return table("Decisions, newest first", ["Instant (UTC)", "Outcome", "Why", "MAPE of the interval", "Held out: before → after", "90 % interval", "Parameters in force"], rows);
}

// By host group: power parameters of a number each, in the unit that their name says.
function parametersOf(decision, called) {
  const groups = Object.entries(decision.parameters ?? {});
  if (!groups.length) return "–";
  const lines = groups.map(([group, parameters]) => `${called[group] ?? group}: ${Object.entries(parameters).map(([name, value]) => `${name} ${parameter(name, value)}`).join(", ")}`);
  return el("details", {}, el("summary", {}, groups.length === 1 ? "1 host group" : `${groups.length} host groups`), el("ul", { class: "changes" }, lines.map((line) => el("li", {}, line))));
}

function parameter(name, value) {
  if (typeof value !== "number") return String(value);
  return /Power$/.test(name) ? withUnit(value, "W") : number(value, 3);
}

export function alarmList(alarms) {
  return el("ul", { class: "alarms" }, alarms.map((alarm) => el("li", {}, el("strong", {}, alarm.kind), ` ${alarm.text} `, el("span", { class: "when" }, moment(alarm.time_ms)))));
}

// What to know before any figure: of the API, and as report.html has it.
export function warningList(warnings) {
  return el("ul", { class: "alarms" }, warnings.map((w) => el("li", {}, el("strong", {}, w.kind), ` ${w.text} `, el("em", {}, w.action), w.event_time ? el("span", { class: "when" }, ` ${moment(w.event_time)}`) : null)));
}

export function letterTable(letters) {
  const rows = letters.map((letter) => [`${letter.topic} ${letter.partition}:${letter.offset}`, letter.reason, letter.recorded ? moment(letter.recorded) : "–"]);
  return table("Records that could not be processed, newest first", ["Record", "Why it could not be processed", "Recorded (wall clock, UTC)"], rows);
}
