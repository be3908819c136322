// Scores as tiles.

import { el } from "./dom.js";
import { moment, number, percent, withUnit } from "./format.js";

export function tile(name, value, note = "", tone = "") {
  return el("div", { class: `tile ${tone}` }, el("dt", {}, name), el("dd", {}, value), el("dd", { class: "note" }, note));
}

// `figures`: members of the API's accuracy documents; null while there are none.
export function scoreTiles(figures) {
  const f = figures ?? {};
  const better = f.skill === null || f.skill === undefined ? "" : f.skill > 0 ? "good" : "bad";
  return [
    tile("Error (MAPE)", percent(f.mape_percent), `persistence ${percent(f.persistence_mape_percent)}`),
    tile("Skill", number(f.skill, 3), "1 is perfect, 0 is persistence", better),
    tile("Under 10 % error", percent(f.share_under_10_percent, 1), "of the samples"),
    tile("Bias", percent(f.bias_percent), `CV-RMSE ${percent(f.cvrmse_percent)}`),
    tile("Energy of the samples", withUnit(f.energy_kwh_simulated, "kWh"), `measured ${withUnit(f.energy_kwh_measured, "kWh")}`),
  ];
}

// `totals`: that member of the API's state; null while there is none. They are of all the data, whatever range is shown.
export function totalTiles(totals) {
  const t = totals ?? { span: {}, drain: {} };
  const drained = (name, unit) => (t.drain.seconds ? `, and ${withUnit(t.drain[name], unit)} in the drain` : "");
  return [
    tile("Energy", withUnit(t.energy_kwh, "kWh"), `until ${moment(t.span.until)}${drained("energy_kwh", "kWh")}`),
    tile("Carbon", withUnit(t.carbon_kg, "kg"), `${t.carbon_kg === null ? "unknown: no carbon trace" : `until ${moment(t.span.until)}`}${drained("carbon_kg", "kg")}`),
  ];
}
