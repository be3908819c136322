// The page: what is chosen, what is loaded, what is shown.

import { get, ofDatacenter } from "./api.js";
import { alarmList, decisionTable, letterTable } from "./decisions.js";
import { el, fill } from "./dom.js";
import { Editor } from "./editor.js";
import { scoreTiles, totalTiles } from "./figures.js";
import { LedgerView } from "./ledger_view.js";
import { follow } from "./live.js";
import { Parameters } from "./parameters.js";
import { METRICS, Plots, WHOLE_METRICS, chartData } from "./plots.js";
import { showProgress, showStatus } from "./progress.js";
import { Range, iso } from "./range.js";
import { Refresh } from "./refresh.js";

const EVERYTHING = ["series", "accuracy", "ledger", "calibration", "letters"];
const AFTER = { result: ["series"], decision: ["series", "accuracy", "calibration", "ledger"], topology: ["ledger"], "dead-letter": ["letters"] };
const LOOK_MS = 15_000;
const MOST_DECISIONS = 200;
const NO_ACCURACY = { time: [], columns: {}, interval_seconds: 0, range: null };

const byId = (id) => document.getElementById(id);
let state = null;
let lost = null;
let problem = null;
let series = null;
let accuracy = NO_ACCURACY;

const range = new Range(() => refresh.ask("series", "accuracy"));
const plots = new Plots((from, to) => range.pickFixed(from, to));
const ledger = new LedgerView(range);
const refresh = new Refresh(load, (error) => { problem = error.message; if (error instanceof TypeError) lost ??= Date.now(); showStatus(state, lost, problem); });
const parameters = new Parameters();
new Editor(range, () => refresh.ask("ledger"));

byId("charts").append(...plots.elements);
byId("calibration").before(parameters.element);
fill(byId("tiles"), scoreTiles(null), totalTiles(null));
plots.draw({ series: {}, accuracy: {} });
byId("people").addEventListener("change", () => refresh.ask("ledger"));
byId("datacenter").addEventListener("change", (event) => { Object.assign(range, { datacenter: event.target.value, cluster: "" }); range.write(); refresh.ask(...EVERYTHING); });
byId("cluster").addEventListener("change", (event) => { range.cluster = event.target.value; range.write(); refresh.ask("series"); });

async function load(parts) {
  const found = (await get("api/v1/datacenters")).datacenters;
  const known = state;
  state = found.find((one) => one.datacenter === range.datacenter) ?? found[0] ?? null;
  if (state && (!known?.windows || known.datacenter !== state.datacenter)) parts = new Set(EVERYTHING);
  problem = null;
  if (state) {
    range.datacenter = state.datacenter;
    byId("edit").disabled = false;
    if (!state.clusters.includes(range.cluster)) range.cluster = "";
    choices(byId("datacenter"), found.map((one) => [one.datacenter, one.datacenter]), range.datacenter);
    choices(byId("cluster"), [["", "all"], ...state.clusters.map((name) => [name, name])], range.cluster);
    document.title = `${state.datacenter} · datacenter twin`;
    const shown = range.bounds(state);
    await Promise.all([
      parts.has("series") && state.windows && loadSeries(shown),
      parts.has("accuracy") && state.windows && loadAccuracy(shown),
      parts.has("ledger") && ledger.load(),
      parts.has("calibration") && loadCalibration(),
      parts.has("letters") && loadLetters(),
    ]);
    if (series) plots.draw(chartData(series, accuracy, ledger.flags));
    showProgress(state);
    fill(byId("tiles"), scoreTiles(accuracy.range), totalTiles(state.totals));
  }
  showStatus(state, lost, problem);
}

async function loadSeries({ from, to, resolution, resolution_ms }) {
  const metric = [...METRICS, ...(range.cluster ? [] : WHOLE_METRICS)].join(",");
  series = await get(ofDatacenter(range.datacenter, "series"), { metric, from: iso(from), to: iso(to), resolution, cluster: range.cluster });
  Object.assign(series, { resolution_ms, from, to, ofCluster: Boolean(range.cluster) });
}

async function loadAccuracy({ from, to }) {
  accuracy = await get(ofDatacenter(range.datacenter, "accuracy/intervals"), { from: iso(from), to: iso(to) });
}

async function loadCalibration() {
  const [decided, alarmed] = await Promise.all(["calibration", "alarms"].map((what) => get(ofDatacenter(range.datacenter, what), { limit: MOST_DECISIONS, brief: what === "calibration" || null })));
  parameters.show(decided.decisions, state.host_groups);
  keepingOpen(byId("calibration"), (place) => fill(place, alarmed.alarms.length ? alarmList(alarmed.alarms) : null,
    decided.decisions.length ? decisionTable(decided.decisions, state.host_groups) : el("p", { class: "empty" }, "Waiting for the first publication instant")));
}

// Whoever reads in a table goes on reading when it is made anew.
function keepingOpen(place, make) {
  const top = place.querySelector(".scroll")?.scrollTop ?? 0;
  const rows = () => [...place.querySelectorAll("tbody tr")].filter((row) => row.querySelector("details"));
  const open = new Set(rows().filter((row) => row.querySelector("details[open]")).map((row) => row.cells[0].textContent));
  make(place);
  for (const row of rows()) row.querySelector("details").open = open.has(row.cells[0].textContent);
  const scroll = place.querySelector(".scroll");
  if (scroll) scroll.scrollTop = top;
}

async function loadLetters() {
  const letters = (await get("api/v1/dead-letters", { limit: 50, brief: true })).dead_letters;
  fill(byId("letters"), letters.length ? letterTable(letters) : el("p", { class: "empty" }, "None: everything could be processed"));
}

function choices(select, pairs, chosen) {
  const same = select.options.length === pairs.length && pairs.every(([value], i) => select.options[i].value === value);
  if (!same) fill(select, pairs.map(([value, text]) => el("option", { value }, text)));
  select.value = chosen;
}

follow({
  onEvent: (name) => { if (range.follow || name !== "result") refresh.ask(...(AFTER[name] ?? [])); else refresh.ask("state"); },
  onOpen: () => { lost = null; refresh.ask(...EVERYTHING); },
  onLost: (error) => { if (error?.status === 401) problem = error.message; else lost ??= Date.now(); showStatus(state, lost, problem); },
});
setInterval(() => refresh.ask("state"), LOOK_MS);
