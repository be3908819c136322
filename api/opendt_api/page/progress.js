// How far everything has come, whether it is live, and what to say when it is not.

import { el, fill } from "./dom.js";
import { duration, moment } from "./format.js";

const fact = (name, value, bad = false) => el("div", {}, el("dt", {}, name), el("dd", { class: bad ? "bad" : "" }, value));

export function showProgress(state) {
  fill(document.getElementById("progress"),
    fact("Newest window ends", moment(state.newest_window_end)),
    fact("Windows", `${state.windows.toLocaleString("en")}${state.failed_windows ? `, ${state.failed_windows} failed` : ""}`, state.failed_windows > 0),
    fact("Watermark of dc.workload", moment(state.watermark_workload)),
    fact("Watermark of dc.power", moment(state.watermark_power)),
    fact("Lag of the simulation", duration(state.lag_seconds)),
    fact("Decisions", state.decisions.toLocaleString("en")),
    fact("Alarms", state.alarms.toLocaleString("en"), state.alarms > 0),
    fact("Newest result (wall clock)", moment(state.newest_result_recorded)));
}

// `lost`: since when there is no connection (wall clock, ms), or null; `error`: what else went wrong, or null
export function showStatus(state, lost, error) {
  const [kind, text] = lost ? ["lost", "no connection"] : !state || !state.windows ? ["waiting", "waiting"] : state.complete ? ["complete", "complete"] : state.stale ? ["stale", "stale"] : ["live", "live"];
  const status = document.getElementById("status");
  const place = status.querySelector(".text");
  status.className = `status ${kind}`;
  if (place.textContent !== text) place.textContent = text;
  const old = Boolean(lost) || Boolean(state?.stale && state.windows);
  document.body.classList.toggle("stale", old);
  notice(lost ? `No connection since ${moment(lost)} UTC. What you see is older, and is loaded again as soon as the API answers.`
    : old ? `No new result for more than a minute: what you see ends at ${moment(state.newest_window_end)} UTC.` : error);
}

function notice(text) {
  const place = document.getElementById("notice");
  place.hidden = !text;
  if (place.textContent !== (text ?? "")) place.textContent = text ?? "";
}
