// Scores as tiles.

import { el } from "./dom.js";
import { number, percent } from "./format.js";

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
    tile("Energy", f.energy_kwh_simulated === undefined ? "–" : `${number(f.energy_kwh_simulated, 1)} kWh`, f.energy_kwh_measured === undefined ? "simulated" : `measured ${number(f.energy_kwh_measured, 1)} kWh`),
  ];
}
